# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that a task relies on: something that PostgreSQL reads later, or instead, gives them another value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from module_runner import run_module
from openssl_authority import new_authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("relied") / "ca", "Relied CA")


@pytest.fixture
def tls_cluster(fresh_cluster, authority):
    """A cluster that speaks TLS, by files of the names that PostgreSQL expects."""
    pair = authority.issue("relied", "server", "DNS:localhost")
    fresh_cluster.write("server.crt", Path(pair.certificate).read_bytes())
    fresh_cluster.write("server.key", Path(pair.key).read_bytes())
    fresh_cluster.write("ca.pem", Path(authority.pair.certificate).read_bytes())
    fresh_cluster.configure("ssl = on\nssl_ca_file = 'ca.pem'\n")
    assert not reload(fresh_cluster)["failed"]
    return fresh_cluster


def reload(cluster, check=False, **options):
    return run_module("pg_reload", {"data_directory": cluster.data_directory, **options}, check=check)


def start_with(cluster, *settings):
    """Start the server again, with these settings on its command line."""
    cluster.run("pg_ctl", "-D", cluster.data_directory, "-m", "fast", "-w", "stop")
    options = ["-o", " ".join(f"-c {setting}" for setting in settings)]
    cluster.run("pg_ctl", "-D", cluster.data_directory, "-l", cluster.log, "-w", *options, "start")


RELIED = {
    "ssl": True,
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
    "ssl_ca_file": "ca.pem",
    "ssl_crl_file": "",
    "ssl_min_protocol_version": "tlsv1.2",
}


def test_values_are_compared_as_the_server_reads_them(tls_cluster):
    data = tls_cluster.data_directory
    same = {
        **RELIED,
        "SSL": "yes",
        "ssl_ca_file": f"{data}/./ca.pem",
        "hba_file": f"{data}/pg_hba.conf",
        "ident_file": "pg_ident.conf",
        "shared_buffers": "16384kB",
        "work_mem": None,
    }
    same.pop("ssl")
    result = reload(tls_cluster, settings=same)
    assert (result["failed"], result["changed"]) == (False, False), result


OVERRIDES = [
    ("ssl", "off", "ssl = off and not on"),
    ("ssl_ca_file", "", "ssl_ca_file = '' and not 'ca.pem'"),
    ("ssl_cert_file", "other.crt", "ssl_cert_file = 'other.crt' and not 'server.crt'"),
    ("ssl_key_file", "other.key", "ssl_key_file = 'other.key' and not 'server.key'"),
    ("ssl_crl_file", "revoked.pem", "ssl_crl_file = 'revoked.pem' and not ''"),
    ("ssl_min_protocol_version", "TLSv1.3", "ssl_min_protocol_version = 'TLSv1.3' and not 'tlsv1.2'"),
]


@pytest.mark.parametrize(("name", "value", "words"), OVERRIDES)
def test_what_alter_system_overrides_is_a_failure_that_names_the_line_and_the_way_out(tls_cluster, name, value, words):
    tls_cluster.write("other.crt", Path(tls_cluster.data_directory, "server.crt").read_bytes())
    tls_cluster.write("other.key", Path(tls_cluster.data_directory, "server.key").read_bytes())
    tls_cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    loaded = tls_cluster.sql("SELECT pg_conf_load_time()")
    where = f"{tls_cluster.data_directory}/postgresql.auto.conf line 3"
    for check in (True, False):
        for changed in (True, False):
            result = reload(tls_cluster, check=check, files_changed=changed, settings=RELIED)
            assert result["failed"], result
            if name != "ssl_crl_file" or check:  # the missing file is what is wrong first
                assert f"{words}, because {where} says so; use ALTER SYSTEM RESET {name}" in result["msg"], result
    assert tls_cluster.sql("SELECT pg_conf_load_time()") == loaded, "nothing is loaded before"
    tls_cluster.sql(f"ALTER SYSTEM RESET {name}")
    result = reload(tls_cluster, settings=RELIED)
    assert not result["failed"], result


def test_an_override_that_the_server_uses_already_is_found_without_a_reload(tls_cluster):
    tls_cluster.sql("ALTER SYSTEM SET ssl = off")
    assert not reload(tls_cluster)["failed"], "nobody asked for TLS"
    result = reload(tls_cluster, settings={"ssl": True})
    assert "ssl = off and not on, because " in result["msg"]
    assert "postgresql.auto.conf line 3 says so; use ALTER SYSTEM RESET ssl" in result["msg"]


def test_a_file_that_is_included_later_is_named(tls_cluster):
    directory = os.path.join(tls_cluster.data_directory, "conf.d")
    os.mkdir(directory, 0o755)
    later = tls_cluster.write("conf.d/zz.conf", "# ours\nssl = off\n", 0o644)
    tls_cluster.configure("include_dir 'conf.d'\n")
    for check in (True, False):
        result = reload(tls_cluster, check=check, files_changed=True, settings=RELIED)
        assert f"ssl = off and not on, because {later} line 2 says so; remove or correct that line" in result["msg"], (
            result
        )


def test_the_file_itself_is_named_unless_the_caller_is_about_to_edit_it(tls_cluster):
    tls_cluster.configure("ssl = off\n")
    path = os.path.join(tls_cluster.data_directory, "postgresql.conf")
    line = Path(path).read_text().count("\n")
    result = reload(tls_cluster, settings=RELIED)
    assert f"would use ssl = off and not on, because {path} line {line} says so" in result["msg"]
    assert not reload(tls_cluster, check=True, files_changed=True, settings=RELIED)["failed"]


def test_the_command_line_of_the_server_is_named(tls_cluster):
    start_with(tls_cluster, "ssl=off")
    for check in (True, False):
        result = reload(tls_cluster, check=check, files_changed=True, settings=RELIED)
        assert "ssl = off and not on, because the server's command line says so; remove it there" in result["msg"]


def test_the_running_server_has_the_last_word(tls_cluster):
    """What is in no file: a value of the role that logs in, and one that nothing sets."""
    tls_cluster.sql("ALTER ROLE CURRENT_USER SET work_mem = '7MB'")
    tls_cluster.configure("work_mem = '8MB'\n")
    result = reload(tls_cluster, settings={"work_mem": "8MB"})
    assert "the server uses work_mem = 7MB and not 8MB, because ALTER ROLE ... SET says so" in result["msg"]
    result = reload(tls_cluster, settings={"maintenance_work_mem": "65MB"})
    assert (
        "maintenance_work_mem = 64MB and not 65MB, because no configuration file sets it; set it in " in result["msg"]
    )
    result = reload(tls_cluster, settings={"no_such": 1})
    assert "the server shows no setting no_such" in result["msg"]
    result = reload(tls_cluster, settings={"ssl": {"a": 1}})
    assert 'setting "ssl" is a dict' in result["msg"]


def test_a_setting_that_waits_for_a_restart_fails_only_where_none_is_allowed(tls_cluster):
    tls_cluster.configure("max_connections = 38\n")
    wanted = {**RELIED, "max_connections": 38}
    for check in (True, False):
        result = reload(tls_cluster, check=check, settings=wanted)
        assert "still uses max_connections = 100 and not 38, which waits for a restart" in result["msg"], result
    assert not reload(tls_cluster, settings=RELIED)["failed"], "only those that are relied on"
    assert not reload(tls_cluster, check=True, restart="if_pending", settings=wanted)["failed"]
    result = reload(tls_cluster, restart="if_pending", settings=wanted)
    assert (result["failed"], result["restarted"]) == (False, True), result


def test_another_file_of_rules_than_the_one_that_is_edited_is_found(tls_cluster):
    data = tls_cluster.data_directory
    tls_cluster.write("other.conf", Path(data, "pg_hba.conf").read_bytes())
    start_with(tls_cluster, f"hba_file={data}/other.conf")
    result = reload(tls_cluster, settings={"hba_file": f"{data}/pg_hba.conf"})
    assert (
        f"hba_file = '{data}/other.conf' and not '{data}/pg_hba.conf', because the server's command line"
        in result["msg"]
    )


def test_without_a_login_the_files_and_the_handshake_tell(tls_cluster):
    options = {"login_user": "nobody_here", "settings": RELIED}
    assert not reload(tls_cluster, **options)["failed"]
    tls_cluster.sql("ALTER SYSTEM SET ssl = off")
    assert "use ALTER SYSTEM RESET ssl" in reload(tls_cluster, **options)["msg"]
