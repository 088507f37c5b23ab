# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding clusters: a real one, and machines of several layouts built in a directory."""

from __future__ import annotations

import os
from pwd import getpwnam

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.errors import ModuleError
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server import clusters
from module_runner import run_module


def build(root, files):
    """Write files under a root directory, with the directories they need; "/" at the end makes a directory."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/exe"):  # a link of the kernel
            path.symlink_to(root / content.lstrip("/"))
        else:
            path.write_text(content)
    return str(root)


DEBIAN = {
    "/etc/postgresql/15/main/postgresql.conf": (
        "data_directory = '/var/lib/postgresql/15/main'\t# use data in another directory\n"
        "hba_file = '/etc/postgresql/15/main/pg_hba.conf'\n"
        "ident_file = '/etc/postgresql/15/main/pg_ident.conf'\n"
        "port = 5433 # (change requires restart)\nssl = on\n"
        "ssl_cert_file = '/etc/ssl/certs/ssl-cert-snakeoil.pem'\n"
        "unix_socket_directories = '/var/run/postgresql'\ninclude_dir = 'conf.d'\n"
    ),
    "/etc/postgresql/15/main/conf.d/10-listen.conf": "listen_addresses '*'\n",
    "/etc/postgresql/15/main/conf.d/ignored.txt": "port = 1\n",
    "/var/lib/postgresql/15/main/PG_VERSION": "15\n",
    "/var/lib/postgresql/15/main/postgresql.auto.conf": "ssl_min_protocol_version = 'TLSv1.3'\n",
    "/usr/lib/postgresql/15/bin/pg_ctl": "",
    "/usr/bin/pg_ctlcluster": "",
}
PGDG = {
    "/var/lib/pgsql/16/data/PG_VERSION": "16\n",
    "/var/lib/pgsql/16/data/postgresql.conf": "#port = 5432\n",
    "/usr/pgsql-16/bin/pg_ctl": "",
    "/usr/lib/systemd/system/postgresql-16.service": "[Service]\nEnvironment=PGDATA=/var/lib/pgsql/16/data/\n",
}
SYSTEMD = {"/run/systemd/system/": ""}


def test_debian_layout_without_systemd(tmp_path):
    (found,) = clusters.find_clusters(root=build(tmp_path, DEBIAN))
    assert (found.version, found.name, found.port) == (15, "main", 5433)
    assert found.data_directory == "/var/lib/postgresql/15/main"
    assert found.config_file == "/etc/postgresql/15/main/postgresql.conf"
    assert found.hba_file == "/etc/postgresql/15/main/pg_hba.conf"
    assert found.ident_file == "/etc/postgresql/15/main/pg_ident.conf"
    assert found.socket_directory == "/var/run/postgresql"
    assert found.listen_addresses == "*"
    assert found.bin_directory == "/usr/lib/postgresql/15/bin"
    assert (found.manager, found.unit, found.running) == ("pg_ctlcluster", None, False)
    assert found.settings["ssl"] == "on"
    assert found.settings["ssl_min_protocol_version"] == "TLSv1.3"
    assert found.path("ssl_cert_file") == "/etc/ssl/certs/ssl-cert-snakeoil.pem"
    assert found.path("ssl_key_file") == "/var/lib/postgresql/15/main/server.key"
    assert found.path("ssl_ca_file") is None


def test_debian_layout_with_systemd(tmp_path):
    files = {**DEBIAN, **SYSTEMD, "/lib/systemd/system/postgresql@.service": ""}
    (found,) = clusters.find_clusters(root=build(tmp_path, files))
    assert (found.manager, found.unit) == ("systemd", "postgresql@15-main.service")


def test_pgdg_layout_with_and_without_systemd(tmp_path):
    (found,) = clusters.find_clusters(root=build(tmp_path / "plain", PGDG))
    assert (found.version, found.manager, found.unit) == (16, "pg_ctl", None)
    assert found.hba_file == "/var/lib/pgsql/16/data/pg_hba.conf"
    assert found.bin_directory == "/usr/pgsql-16/bin"
    (found,) = clusters.find_clusters(root=build(tmp_path / "systemd", {**PGDG, **SYSTEMD}))
    assert (found.manager, found.unit) == ("systemd", "postgresql-16.service")


def test_red_hat_layout_with_the_data_directory_in_a_drop_in(tmp_path):
    files = {
        "/srv/pg/data/PG_VERSION": "13\n",
        "/srv/pg/data/postgresql.conf": "",
        "/usr/lib/systemd/system/postgresql.service": "Environment=PGDATA=/var/lib/pgsql/data\n",
        "/etc/systemd/system/postgresql.service.d/override.conf": "[Service]\nEnvironment=PGDATA=/srv/pg/data\n",
    }
    root = build(tmp_path, {**files, **SYSTEMD})
    assert clusters.find_clusters(root=root) == []
    (found,) = clusters.find_clusters("/srv/pg/data", root=root)
    assert (found.version, found.manager, found.unit) == (13, "systemd", "postgresql.service")


def test_configuration_outside_the_data_directory_is_read_from_the_last_start(tmp_path):
    files = {
        "/srv/d/PG_VERSION": "17\n",
        "/srv/d/postmaster.opts": '/opt/pg/bin/postgres "-D" "/srv/conf" "-c" "ident_file=/srv/maps"\n',
        "/srv/conf/postgresql.conf": "hba_file 'rules.conf'\n",
        "/opt/pg/bin/pg_ctl": "",
    }
    (found,) = clusters.find_clusters("/srv/d", root=build(tmp_path, files))
    assert found.config_file == "/srv/conf/postgresql.conf"
    assert found.hba_file == "/srv/conf/rules.conf"
    assert found.ident_file == "/srv/maps"
    assert found.bin_directory == "/opt/pg/bin"


def test_stale_pid_file_is_not_a_running_server(tmp_path):
    files = {**PGDG, "/var/lib/pgsql/16/data/postmaster.pid": "1\n/var/lib/pgsql/16/data\n0\n5432\n/tmp\n*\n"}
    (found,) = clusters.find_clusters(root=build(tmp_path, {**files, "/proc/1/cmdline": "/sbin/init\0"}))
    assert found.running is False


@pytest.mark.parametrize(
    ("unit_line", "manager"),
    [
        ("0::/system.slice/postgresql-16.service\n", "systemd"),
        ("12:cpu:/\n1:name=systemd:/system.slice/system-postgresql.slice/postgresql-16.service\n", "systemd"),
        ("0::/system.slice/docker-1.scope/system.slice/postgresql-16.service\n", "systemd"),
        ("0::/system.slice/postgresql-16.service/made-below.service\n", "systemd"),
        ("0::/system.slice/ssh.service\n", "pg_ctl"),
        # a service manager of his own, and a group that he made: root must do nothing to what else is called so
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/postgresql-16.service\n", "pg_ctl"),
        ("0::/user.slice/user-1000.slice/user@1000.service/--host=postgres.service\n", "pg_ctl"),
        ("0::/system.slice/shop.service/postgresql-16.service\n", "pg_ctl"),
    ],
)
def test_running_server_belongs_to_the_unit_of_its_control_group(tmp_path, unit_line, manager):
    files = {
        "/var/lib/pgsql/16/data/postmaster.pid": "77\n/var/lib/pgsql/16/data\n0\n5440\n/run/pg\n*\n",
        "/proc/77/cmdline": "/usr/pgsql-16/bin/postgres\0-D\0/var/lib/pgsql/16/data\0",
        "/usr/pgsql-16/bin/postgres": "",
        "/proc/77/exe": "/usr/pgsql-16/bin/postgres",
        "/proc/77/cgroup": unit_line,
    }
    (found,) = clusters.find_clusters(root=build(tmp_path, {**PGDG, **SYSTEMD, **files}))
    assert (found.running, found.pid, found.port, found.socket_directory) == (True, 77, 5440, "/run/pg")
    assert found.manager == manager


def test_port_chooses_among_several_clusters(tmp_path):
    found = clusters.find_clusters(root=build(tmp_path, {**DEBIAN, **PGDG}))
    assert [one.version for one in found] == [16, 15]
    assert clusters.choose_cluster(found, None, 5433).version == 15
    with pytest.raises(ModuleError, match="2 PostgreSQL clusters were found: .*main.*; set port or data_directory"):
        clusters.choose_cluster(found, None, None)
    with pytest.raises(ModuleError, match="0 of them use port 9; set|0 of them use port 9, set data_directory"):
        clusters.choose_cluster(found, None, 9)
    assert clusters.choose_cluster(found[:1], None, 9).version == 16


def test_real_cluster_is_described_as_it_runs(cluster):
    result = run_module("pg_cluster_info", {"data_directory": cluster.data_directory, "exactly_one": True})
    assert not result["failed"], result
    found = result["cluster"]
    assert found["running"] is True
    assert found["port"] == cluster.port
    assert found["socket_directory"] == cluster.socket_directory
    assert found["owner"] == cluster.owner
    assert found["bin_directory"] == cluster.bin_directory
    assert found["listen_addresses"] == "127.0.0.1"
    assert found["manager"] == "pg_ctl"
    for setting in ("hba_file", "ident_file", "config_file", "data_directory"):
        assert [(found[setting],)] == cluster.sql(f"SHOW {setting}")
    assert found["settings"]["ssl"] == "off"


def test_running_server_is_found_without_being_named(cluster):
    result = run_module("pg_cluster_info", {"port": cluster.port, "exactly_one": True})
    assert result["cluster"]["data_directory"] == cluster.data_directory


def test_no_cluster_is_one_sentence(tmp_path):
    result = run_module("pg_cluster_info", {"data_directory": str(tmp_path), "exactly_one": True})
    assert result["failed"] is True
    assert result["msg"].startswith(f"data_directory: there is no cluster in {tmp_path}")
    result = run_module("pg_cluster_info", {"data_directory": str(tmp_path)})
    assert result["cluster"] is None
    with pytest.raises(ModuleError, match="no PostgreSQL cluster was found on this host"):
        clusters.choose_cluster([], None, None)


def test_who_forgot_become_is_told_so(monkeypatch, tmp_path):
    """Nobody but the owner and root looks into a data directory."""
    for uid, forgot in ((getpwnam("nobody").pw_uid, "; this task runs as nobody,"), (0, "")):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        for directory in (None, str(tmp_path)):
            with pytest.raises(ModuleError) as refused:
                clusters.choose_cluster([], directory, None)
            assert forgot in str(refused.value)
            assert ("set become to true" in str(refused.value)) == bool(forgot)
