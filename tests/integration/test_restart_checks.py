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
    assert "it is down, so correct that and start it with " in result["msg"], result
    assert f"(the server is as it was before; put back: {path})" in result["msg"]
    assert path.read_bytes() == before
    assert fresh_cluster.sql("SELECT 1") == [("1",)]


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
