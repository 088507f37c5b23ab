# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restart that would leave the server down, or its clients outside, is not begun; one that fails is undone."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from module_runner import run_module
from open_transaction import open_transaction


def reload(cluster, check=False, **options):
    args = {"data_directory": cluster.data_directory, "restart": "if_pending", "timeout_seconds": 20, **options}
    return run_module("pg_reload", args, check=check)


def set_values(cluster, **settings):
    path = os.path.join(cluster.data_directory, "postgresql.conf")
    result = run_module("pg_conf", {"path": path, "settings": settings, **cluster.login})
    assert not result["failed"], result


def missing(cluster):
    return os.path.join(cluster.data_directory, "missing.conf")


def unreadable(cluster):
    path = cluster.write("closed.conf", "local all all peer\n", 0o600)
    os.chown(path, 0, 0)
    return path


def broken(cluster):
    return cluster.write("broken.conf", "local all all peer\nhost all all 10.0.0.5 trust\n")


def including(cluster):
    return cluster.write("including.conf", "local all @nobody peer\n")


def empty(cluster):
    return cluster.write("empty.conf", "# nothing\n")


WRONG_RULES = [
    (missing, "is not there for postgres; correct the setting or install the file"),
    (unreadable, "cannot be read by postgres"),
    (broken, "line 2: "),
    (including, "line 1: "),
    (empty, "the file holds no rule"),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(("make", "words"), WRONG_RULES)
def test_a_file_of_rules_that_the_start_would_refuse_stops_no_server(fresh_cluster, make, words):
    started = fresh_cluster.sql("SELECT pg_postmaster_start_time()")
    path = make(fresh_cluster)
    set_values(fresh_cluster, hba_file=path)
    for check in (True, False):
        result = reload(fresh_cluster, check=check)
        assert result["failed"] and "was not restarted, because it would not come up" in result["msg"], result
        assert f"hba_file {path}" in result["msg"] and words in result["msg"], result
    assert fresh_cluster.sql("SELECT pg_postmaster_start_time()") == started
    good = fresh_cluster.write("good.conf", "local all all peer\n")
    set_values(fresh_cluster, hba_file=good)
    assert reload(fresh_cluster)["restarted"] is True
    assert fresh_cluster.sql("SHOW hba_file") == [(good,)]


@pytest.mark.parametrize("make", [missing, broken])
def test_maps_that_the_start_would_do_without_stop_it(fresh_cluster, make):
    """A server starts without a file of maps, and then refuses everybody whose rule names a map."""
    path = make(fresh_cluster)
    Path(fresh_cluster.data_directory, "broken.conf").write_text("m only-two\n")
    set_values(fresh_cluster, ident_file=path)
    fresh_cluster.reload()
    for check in (True, False):
        result = reload(fresh_cluster, check=check)
        assert result["failed"] and f"ident_file {path}" in result["msg"], result
    assert fresh_cluster.sql("SHOW ident_file") == [(f"{fresh_cluster.data_directory}/pg_ident.conf",)]


def test_another_data_directory_is_not_restarted_into(fresh_cluster):
    other = f"{fresh_cluster.data_directory}.other"
    set_values(fresh_cluster, data_directory=other)
    result = reload(fresh_cluster, restart="always", files_changed=True)
    assert result["failed"] and f"data_directory {other} is not the one that the server uses now" in result["msg"], (
        result
    )
    assert fresh_cluster.sql("SELECT 1") == [("1",)]


def test_a_socket_directory_that_is_not_there_is_found(fresh_cluster):
    for path in ("/nowhere/at/all", "/proc"):
        set_values(fresh_cluster, unix_socket_directories=f"{fresh_cluster.socket_directory}, {path}")
        result = reload(fresh_cluster)
        assert result["failed"] and f"unix_socket_directories names {path}, where postgres cannot" in result["msg"]
        assert fresh_cluster.sql("SELECT 1") == [("1",)]


def test_tls_files_are_looked_at_before_a_restart_that_needs_no_reload(fresh_cluster):
    set_values(fresh_cluster, ssl_ca_file="missing.pem", max_connections=39)
    assert not reload(fresh_cluster, restart="never")["failed"], "while TLS is off nobody reads it"
    set_values(fresh_cluster, ssl=True)
    fresh_cluster.reload()
    result = reload(fresh_cluster)
    assert result["failed"] and "ssl_cert_file" in result["msg"], result
    assert fresh_cluster.sql("SELECT 1") == [("1",)]


@pytest.fixture
def taken():
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("fault", ["library", "name", "port"])
def test_a_server_that_only_its_start_refuses_comes_back_with_its_old_files(fresh_cluster, taken, fault):
    settings = {
        "library": {"shared_preload_libraries": "nosuch"},
        "name": {"listen_addresses": "nosuch.invalid"},
        "port": {"port": taken},
    }[fault]
    path = Path(fresh_cluster.data_directory, "postgresql.conf")
    before = path.read_bytes()
    whole = {"data_directory": fresh_cluster.data_directory, "certificates": [], "restart": "if_pending"}
    result = run_module("pg_server", {**whole, "settings": settings})
    assert "did not restart by pg_ctl" in result["msg"] and "it is down" not in result["msg"], result
    assert f"(the server is as it was before; put back: {path})" in result["msg"]
    assert path.read_bytes() == before
    assert fresh_cluster.sql("SELECT 1") == [("1",)]


def by_main_file(cluster, name, value):
    set_values(cluster, **{name: value})


def by_included_file(cluster, name, value):
    path = cluster.write("more.conf", f"work_mem = 5MB\n{name} = '{value}' # why\n", 0o644)
    cluster.configure("include_if_exists 'more.conf'\n")
    assert os.path.exists(path)


def by_alter_system(cluster, name, value):
    cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")


def test_a_server_that_a_reload_restarts_in_vain_runs_again_with_its_old_values(fresh_cluster, taken):
    """Where the value comes from, and what only the start finds; another setting was removed and has no line any more."""
    cluster = fresh_cluster
    set_values(cluster, max_connections=41)
    assert reload(cluster)["restarted"]
    tries = [
        (by_main_file, "port", taken),
        (by_included_file, "shared_preload_libraries", "nosuch"),
        (by_alter_system, "listen_addresses", "nosuch.invalid"),
    ]
    for give, name, value in tries:
        before = cluster.sql(f"SHOW {name}")
        give(cluster, name, value)
        set_values(cluster, max_connections=None)
        result = reload(cluster)
        assert result["failed"] and "did not restart by pg_ctl" in result["msg"], result
        assert "it runs again with the values that it used before, which were put back (" in result["msg"]
        assert "it is down" not in result["msg"] and f"{name} = " in result["msg"]
        assert cluster.sql(f"SHOW {name}") == before, "the old value is in force"
        assert cluster.sql("SHOW max_connections") == [("41",)]
        done = reload(cluster)
        assert not done["failed"] and done["pending_restart"] == [], done
    assert (
        "work_mem = 5MB\nshared_preload_libraries = '' # why\n" in Path(cluster.data_directory, "more.conf").read_text()
    )


def test_old_values_are_not_put_back_into_a_file_of_root(fresh_cluster, taken, tmp_path):
    """The owner of a cluster includes whatever he can read, and a setting may look like a line of anything."""
    theirs = tmp_path / "theirs.conf"
    theirs.write_text(f"port = {taken}\n")
    for folder in (theirs, *theirs.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    before = (theirs.stat().st_ino, theirs.stat().st_mtime_ns, theirs.stat().st_uid)
    fresh_cluster.configure(f"include '{theirs}'\n")
    result = reload(fresh_cluster)
    assert result["failed"] and f"{theirs}, which decides about port, does not belong to" in result["msg"], result
    assert (theirs.stat().st_ino, theirs.stat().st_mtime_ns, theirs.stat().st_uid) == before


def test_a_relative_path_of_rules_or_maps_stops_no_server(fresh_cluster):
    """The server would look for it in the directory where it is started, which is not that of the file."""
    fresh_cluster.write("own.conf", "local all all peer\n")
    for name in ("hba_file", "ident_file"):
        for value in ("own.conf", "", "./own.conf"):
            set_values(fresh_cluster, **{name: value})
            for check in (True, False):
                result = reload(fresh_cluster, check=check)
                assert result["failed"] and f"{name} is {value!r}" in result["msg"], result
            assert fresh_cluster.sql("SELECT 1") == [("1",)]
        set_values(fresh_cluster, **{name: None})
    fresh_cluster.reload()
    assert not reload(fresh_cluster)["failed"]


def test_a_file_that_is_not_there_or_no_file_is_told_by_a_reload(fresh_cluster):
    """A server whose file of settings is gone goes on, and does not start again; one of maps without its file has none."""
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        path = Path(fresh_cluster.data_directory, name)
        kept = path.rename(path.with_suffix(".kept"))
        for restart in ("never", "if_pending", "always"):
            result = reload(fresh_cluster, restart=restart, files_changed=True)
            assert result["failed"] and str(path) in result["msg"], result
        path.mkdir()
        result = reload(fresh_cluster, restart="never", files_changed=True)
        assert result["failed"] and str(path) in result["msg"] and "not a regular file" in result["msg"], result
        path.rmdir()
        kept.rename(path)
        assert fresh_cluster.sql("SELECT 1") == [("1",)]
    assert not reload(fresh_cluster, files_changed=True)["failed"]


def test_a_transaction_that_meets_settings_of_others_leaves_the_server_up(fresh_cluster):
    """What others left waiting for a restart keeps the server down after the undo too, unless it is put back as well."""
    cluster = fresh_cluster
    set_values(cluster, shared_preload_libraries="nosuch", max_connections=None)
    cluster.reload()
    cluster.sql("SELECT pg_sleep(0.5)")
    whole = {"data_directory": cluster.data_directory, "certificates": [], "restart": "if_pending"}
    result = run_module("pg_server", {**whole, "settings": {"work_mem": "7MB"}})
    assert "the server is as it was before" in result["msg"], result
    (told,) = [one for one in result["warnings"] if "which were put back (" in one]
    assert "shared_preload_libraries = '' in " in told
    assert cluster.sql("SELECT current_setting('shared_preload_libraries') = ''") == [("t",)]
    assert "work_mem = 7MB" not in Path(cluster.data_directory, "postgresql.conf").read_text()
    done = run_module("pg_server", {**whole, "settings": {"work_mem": "7MB"}})
    assert not done["failed"] and done["restarted"] is False, done
    assert cluster.sql("SHOW work_mem") == [("7MB",)]


def test_undoing_leaves_a_server_up_that_was_not_restarted(fresh_cluster):
    """What waited for a restart before the transaction, and would take the server down, still waits after it."""
    set_values(fresh_cluster, hba_file=missing(fresh_cluster))
    fresh_cluster.reload()
    started = fresh_cluster.sql("SELECT pg_postmaster_start_time() FROM pg_sleep(2)")
    path = Path(fresh_cluster.data_directory, "postgresql.conf")
    before = path.read_bytes()
    open_transaction(fresh_cluster.data_directory)
    set_values(fresh_cluster, work_mem="7MB")
    assert reload(fresh_cluster)["failed"]
    whole = {"data_directory": fresh_cluster.data_directory, "certificates": [], "restart": "if_pending"}
    result = run_module("pg_server", whole)
    assert "hba_file" in result["msg"] or "pg_hba.conf" in result["msg"] or "does not exist" in result["msg"], result
    assert path.read_bytes() == before
    assert fresh_cluster.sql("SELECT pg_postmaster_start_time()") == started
