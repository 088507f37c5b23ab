# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pg_server undoes, its own change or that of a killed run: a server is as it was, however the run ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

import pytest
from kept_state import state_of
from module_runner import run_module
from open_transaction import open_transaction
from openssl_authority import new_authority

COVERED = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "server.crt", "server.key", "server.key.next", "root.crt")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("transaction") / "ca", "Transaction CA")


@pytest.fixture
def server(fresh_cluster, authority):
    """A cluster that serves the certificate "old" and uses all its files."""
    install(fresh_cluster, authority.issue("old", "server", "DNS:localhost"))
    replace(fresh_cluster, "root.crt", Path(authority.pair.certificate).read_text())
    fresh_cluster.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
    assert not run_module("pg_reload", {"data_directory": fresh_cluster.data_directory})["failed"]
    return fresh_cluster


def replace(cluster, name, content, mode=0o600):
    """Put a new file in the place of an old one, as every careful program does."""
    path = cluster.write(f"{name}.new", content, mode)
    os.rename(path, os.path.join(cluster.data_directory, name))


def install(cluster, pair):
    replace(cluster, "server.crt", Path(pair.certificate).read_bytes())
    replace(cluster, "server.key", Path(pair.key).read_bytes())


def add(cluster, name, text):
    replace(cluster, name, Path(cluster.data_directory, name).read_text() + text)


def kill_one(cluster):
    """Leave what a run leaves that was killed once it had remembered everything."""
    return open_transaction(
        cluster.data_directory, *(os.path.join(cluster.data_directory, name) for name in COVERED[3:])
    )


def run(cluster, check=False, **options):
    options = {"data_directory": cluster.data_directory, "certificates": [], **options}
    return run_module("pg_server", options, check=check, diff=True)


def seen(cluster):
    """Content, owner, group and mode of every covered file, None where there is none."""
    found = {}
    for name in COVERED:
        path = Path(cluster.data_directory, name)
        if path.exists():
            status = path.stat()
            found[name] = (path.read_bytes(), status.st_uid, status.st_gid, status.st_mode)
        else:
            found[name] = None
    return found


def left(cluster):
    hidden = [name for name in os.listdir(cluster.data_directory) if "pgtls" in name]
    return hidden + [path.name for path in (journal_of(cluster),) if path.exists()]


def journal_of(cluster):
    return Path(state_of(cluster.data_directory), "pgtls-transaction.json")


def change_everything(cluster, authority, name):
    new = authority.issue(name, "server", "DNS:localhost")
    install(cluster, new)
    add(cluster, "postgresql.conf", "work_mem = '7MB'\n")
    replace(cluster, "pg_hba.conf", "local all all peer\nhostssl all all all cert\n")
    replace(cluster, "pg_ident.conf", "clients CN app\n", 0o640)
    replace(cluster, "server.key.next", "no key\n")
    return new


def load_by_another_hand(server):
    loaded = server.sql("SELECT pg_conf_load_time()")
    server.reload()
    end = time.monotonic() + 10
    while server.sql("SELECT pg_conf_load_time()") == loaded and time.monotonic() < end:
        time.sleep(0.1)


def test_all_that_a_killed_run_changed_is_undone_with_the_server(server, authority):
    before, served = seen(server), run(server)["served_fingerprint"]
    key = os.stat(os.path.join(server.data_directory, "server.key")).st_ino
    kill_one(server)
    new = change_everything(server, authority, "killed")
    load_by_another_hand(server)
    assert server.sql("SHOW work_mem") == [("7MB",)]
    changed = seen(server)
    promised = run(server, check=True)
    assert (promised["failed"], promised["undone"], promised["changed"]) == (False, True, True), promised
    assert seen(server) == changed and left(server) != []
    result = run(server)
    assert (result["failed"], result["undone"], result["changed"]) == (False, True, True), result
    assert seen(server) == before
    assert os.stat(os.path.join(server.data_directory, "server.key")).st_ino == key, "a key is never copied"
    assert result["served_fingerprint"] == served != new.fingerprint()
    assert server.sql("SHOW work_mem") == [("4MB",)]
    assert left(server) == []
    again = run(server)
    assert (again["failed"], again["undone"], again["changed"]) == (False, False, False), again


def test_a_key_is_linked_and_not_copied_and_the_journal_is_private(server):
    covered = kill_one(server)
    assert {os.path.basename(path) for path in covered} == set(COVERED)
    hidden = [name for name in left(server) if name.startswith(".server.key.pgtls-before-")]
    key = Path(server.data_directory, "server.key")
    assert Path(server.data_directory, hidden[0]).stat().st_ino == key.stat().st_ino
    journal = journal_of(server)
    assert oct(journal.stat().st_mode & 0o777) == "0o600"
    assert journal.stat().st_uid == os.geteuid()
    assert key.read_bytes().splitlines()[1] not in journal.read_bytes()
    copies = [Path(server.data_directory, name) for name in left(server) if ".pgtls-before-" in name]
    assert len(copies) == len(COVERED) - 1  # there is no server.key.next
    assert all(path.stat().st_mode & 0o077 == 0 for path in copies)
    result = run(server)
    assert (result["undone"], result["reloaded"]) == (True, False), "what is linked is not changed"


def test_owner_and_mode_are_restored_too(server):
    before = seen(server)
    kill_one(server)
    for name, mode in (("server.key", 0o400), ("pg_hba.conf", 0o644), ("server.crt", 0o644)):
        os.chmod(os.path.join(server.data_directory, name), mode)
    result = run(server)
    assert not result["failed"], result
    assert (seen(server), left(server)) == (before, [])


def test_a_run_at_work_is_waited_for_and_then_respected(server):
    run(server)
    before = seen(server)
    handle = os.open(state_of(server.data_directory), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    started = time.monotonic()
    result = run(server, settings={"work_mem": "7MB"}, timeout_seconds=1)
    os.close(handle)
    assert result["failed"] and "another run has been writing in" in result["msg"], result
    assert "for 4 seconds; let it finish" in result["msg"] and time.monotonic() - started >= 4
    assert seen(server) == before
    assert run(server, settings={"work_mem": "7MB"}, timeout_seconds=10)["changed"] is True


@pytest.mark.parametrize("check", [False, True])
def test_a_restart_that_failed_is_undone_and_the_server_started(server, check):
    before = seen(server)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        failed = run(
            server, settings={"port": other.getsockname()[1]}, restart="if_pending", timeout_seconds=5, check=check
        )
    if not check:
        assert failed["failed"] is True
        assert "did not restart by pg_ctl" in failed["msg"]
        assert "could not create any TCP/IP sockets" in failed["msg"]
        assert "(the server is as it was before; put back: " in failed["msg"]
        assert "database system is ready" in Path(server.log).read_text()
    assert server.sql("SHOW port") == [(str(server.port),)]
    assert (seen(server), left(server)) == (before, [])


def test_what_waited_for_a_restart_before_a_run_that_fails_waits_after_it(server):
    add(server, "postgresql.conf", "max_connections = 33\n")
    load_by_another_hand(server)
    started = server.sql("SELECT pg_postmaster_start_time()")
    never = run(server, settings={"work_mem": "7MB"}, expected_settings={"server_version": "1"})
    assert never["failed"] and "the server is as it was before" in never["msg"], never
    assert server.sql("SELECT pg_postmaster_start_time()") == started
    assert server.sql("SHOW max_connections") == [("100",)]
    assert run(server)["pending_restart"] == ["max_connections"]


def test_a_run_that_restarted_the_server_and_fails_restarts_it_back(server):
    started = server.sql("SELECT pg_postmaster_start_time()")
    failed = run(
        server, settings={"max_connections": 33}, expected_settings={"server_version": "1"}, restart="if_pending"
    )
    assert failed["failed"] and "the server is as it was before" in failed["msg"], failed
    assert server.sql("SELECT pg_postmaster_start_time()") != started
    assert server.sql("SHOW max_connections") == [("100",)]
    assert run(server)["pending_restart"] == []


def test_undoing_loads_nothing_that_nobody_has_loaded_since_the_run_began(server):
    """What an operator left for a later reload is none of a run's that fails before it loads anything."""
    server.sql("ALTER SYSTEM SET work_mem = '9MB'")
    before = seen(server)
    failed = run(server, settings={"log_line_prefix": "x"}, expected_settings={"log_line_prefix": "y"})
    assert failed["failed"] and "would use log_line_prefix" in failed["msg"], failed
    assert (seen(server), left(server)) == (before, [])
    assert server.sql("SHOW work_mem") == [("4MB",)]


def test_a_server_that_was_stopped_before_stays_stopped(server):
    server.stop()
    before = seen(server)
    kill_one(server)
    add(server, "pg_hba.conf", "# new\n")
    result = run(server)
    assert result["failed"] and "not running" in result["msg"], result
    assert (seen(server), left(server)) == (before, [])
    assert not os.path.exists(os.path.join(server.data_directory, "postmaster.pid"))


def test_what_cannot_be_restored_is_one_sentence_and_what_was_remembered_stays(server):
    kill_one(server)
    add(server, "pg_ident.conf", "clients CN app\n")
    add(server, "pg_hba.conf", "# new\n")
    hidden = next(name for name in left(server) if name.startswith(".pg_hba.conf"))
    os.rename(os.path.join(server.data_directory, hidden), os.path.join(server.data_directory, "elsewhere"))
    result = run(server)
    assert result["failed"] is True
    assert f"not restored: {server.data_directory}/pg_hba.conf" in result["msg"]
    assert f"restored: {server.data_directory}/pg_ident.conf" in result["msg"]
    assert ".server.key.pgtls-before-" in result["msg"]
    assert "fix the cause and run pg_server again" in result["msg"]
    os.rename(os.path.join(server.data_directory, "elsewhere"), os.path.join(server.data_directory, hidden))
    result = run(server)
    assert (result["failed"], result["undone"]) == (False, True), result
    assert left(server) == []


def test_a_server_that_does_not_come_back_keeps_what_was_remembered(server):
    kill_one(server)
    add(server, "pg_hba.conf", "# new\n")
    server.stop()
    auto = server.write("postgresql.auto.conf", "shared_buffers = 'none'\n")
    result = run(server, timeout_seconds=5)
    assert result["failed"] is True
    assert "the files are as before, but not the server" in result["msg"]
    assert 'invalid value for parameter "shared_buffers"' in result["msg"]
    assert left(server) != []
    Path(auto).write_text("")
    result = run(server)
    assert (result["failed"], result["undone"]) == (False, True), result
    assert left(server) == []


def test_a_server_that_is_not_as_before_is_no_success(server):
    kill_one(server)
    for line, words in (
        ("work_mem = 'much'", "the server refuses its files, which it did not before:"),
        (
            "ssl_min_protocol_version = 'TLSv1.3'",
            "the server uses ssl_min_protocol_version = 'TLSv1.3', not 'TLSv1.2'",
        ),
    ):
        replace(server, "postgresql.auto.conf", f"{line}\n")  # not covered, so it stays
        load_by_another_hand(server)
        result = run(server)
        assert result["failed"] is True
        assert words in result["msg"]
    replace(server, "postgresql.auto.conf", "")
    result = run(server)
    assert (result["failed"], result["undone"]) == (False, True), result


def test_a_server_is_started_with_the_options_it_had(server):
    server.stop()
    options = ["-o", "-c work_mem=5MB -c 'log_line_prefix=a b'"]
    server.run("pg_ctl", "-D", server.data_directory, "-l", server.log, "-w", *options, "start")
    kill_one(server)
    server.stop()
    result = run(server)
    assert (result["failed"], result["undone"]) == (False, True), result
    assert server.sql("SHOW work_mem") == [("5MB",)]
    assert server.sql("SHOW log_line_prefix") == [("a b",)]


def test_a_write_through_the_link_is_told(server):
    kill_one(server)
    with open(os.path.join(server.data_directory, "server.key"), "a", encoding="utf-8") as stream:
        stream.write("\n")
    result = run(server)
    assert "somebody wrote to" in result["warnings"][0]
    assert "server.key in place" in result["warnings"][0]
