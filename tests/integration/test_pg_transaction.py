# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that is changed all together or not at all, however the run ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kept_state import state_of
from module_runner import run_module
from openssl_authority import new_authority

COVERED = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "server.crt", "server.key", "server.key.next", "root.crt")
LOCAL = "local all all peer\n"


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


def transaction(cluster, state, check=False, **options):
    files = [os.path.join(cluster.data_directory, name) for name in COVERED[3:]]
    options = {"data_directory": cluster.data_directory, "state": state, "files": files, **options}
    return run_module("pg_transaction", options, check=check, diff=True)


def reload(cluster, **options):
    return run_module("pg_reload", {"data_directory": cluster.data_directory, **options})


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
    replace(cluster, "pg_hba.conf", LOCAL + "hostssl all all all cert\n")
    replace(cluster, "pg_ident.conf", "clients CN app\n", 0o640)
    replace(cluster, "server.key.next", "no key\n")
    return new


def test_a_failed_run_leaves_the_server_as_it_was(server, authority):
    before, served = seen(server), reload(server)["served_fingerprint"]
    key = os.stat(os.path.join(server.data_directory, "server.key")).st_ino
    begun = transaction(server, "begun")
    assert (begun["failed"], begun["changed"], begun["resumed"]) == (False, False, False), begun
    new = change_everything(server, authority, "failed")
    assert reload(server)["served_fingerprint"] == new.fingerprint()
    assert server.sql("SHOW work_mem") == [("7MB",)]
    predicted = transaction(server, "undone", check=True, run_id=begun["run_id"])
    assert seen(server) != before
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert not result["failed"], result
    assert seen(server) == before
    assert os.stat(os.path.join(server.data_directory, "server.key")).st_ino == key, "a key is never copied"
    assert (result["changed"], result["reloaded"], result["started"]) == (True, True, False)
    assert result["served_fingerprint"] == served != new.fingerprint()
    changed = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "server.crt", "server.key", "server.key.next"}
    assert {os.path.basename(path) for path in result["restored"]} == changed
    assert (predicted["restored"], predicted["diff"]) == (result["restored"], result["diff"])
    assert server.sql("SHOW work_mem") == [("4MB",)]
    assert left(server) == []
    again = transaction(server, "undone")
    assert (again["changed"], again["restored"], again["reloaded"]) == (False, [], False)


def test_a_run_that_ends_well_keeps_its_changes_and_leaves_nothing(server, authority):
    begun = transaction(server, "begun")
    new = change_everything(server, authority, "kept")
    reload(server)
    after = seen(server)
    predicted = transaction(server, "committed", check=True, run_id=begun["run_id"])
    assert predicted["committed"] is True
    assert left(server) != []
    result = transaction(server, "committed", run_id=begun["run_id"])
    assert (result["failed"], result["changed"], result["committed"]) == (False, False, True)
    assert (seen(server), left(server)) == (after, [])
    assert transaction(server, "undone")["restored"] == []
    assert reload(server)["served_fingerprint"] == new.fingerprint()


def test_a_run_without_changes_makes_no_reload_due(server):
    for _turn in range(2):
        begun = transaction(server, "begun")
        assert reload(server)["reasons"] == []
        transaction(server, "committed", run_id=begun["run_id"])
        assert reload(server)["reasons"] == []


def test_a_key_is_linked_and_not_copied_and_the_journal_is_private(server):
    transaction(server, "begun")
    hidden = [name for name in left(server) if name.startswith(".server.key.pgtls-before-")]
    key = Path(server.data_directory, "server.key").read_bytes()
    assert (
        Path(server.data_directory, hidden[0]).stat().st_ino == Path(server.data_directory, "server.key").stat().st_ino
    )
    journal = journal_of(server)
    assert oct(journal.stat().st_mode & 0o777) == "0o600"
    assert journal.stat().st_uid == os.geteuid()
    assert key.splitlines()[1] not in journal.read_bytes()
    copies = [Path(server.data_directory, name) for name in left(server) if ".pgtls-before-" in name]
    assert len(copies) == len(COVERED) - 1  # there is no server.key.next
    assert all(path.stat().st_mode & 0o077 == 0 for path in copies)
    transaction(server, "undone")


def test_owner_and_mode_are_restored_too(server):
    before = seen(server)
    transaction(server, "begun")
    for name, mode in (("server.key", 0o400), ("pg_hba.conf", 0o644), ("server.crt", 0o644)):
        os.chmod(os.path.join(server.data_directory, name), mode)
    result = transaction(server, "undone")
    assert not result["failed"], result
    assert len(result["restored"]) == 3
    assert (seen(server), left(server)) == (before, [])


def test_a_killed_run_is_gone_on_with_and_undone_as_a_whole(server, authority):
    before = seen(server)
    transaction(server, "begun")
    change_everything(server, authority, "killed")
    extra = server.write("pg_extra.conf", "as before\n")
    begun = transaction(server, "begun", takeover_seconds=0, files=[extra])
    assert (begun["resumed"], begun["changed"]) == (True, False)
    assert os.path.join(server.data_directory, "server.key") in begun["covered"]
    replace(server, "pg_extra.conf", "changed\n")
    add(server, "pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")
    reload(server)
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert not result["failed"], result
    assert (seen(server), left(server)) == (before, [])
    assert Path(extra).read_text() == "as before\n"


def test_a_run_that_was_taken_over_can_end_nothing(server):
    first = transaction(server, "begun")
    add(server, "pg_hba.conf", "# first\n")
    second = transaction(server, "begun", takeover_seconds=0)
    changed = seen(server)
    for state in ("committed", "undone"):
        result = transaction(server, state, run_id=first["run_id"])
        assert result["failed"] is True
        assert f"another run ({second['run_id']}) took over" in result["msg"]
    assert seen(server) == changed
    assert transaction(server, "committed", run_id=second["run_id"])["committed"] is True
    late = transaction(server, "committed", run_id=first["run_id"])
    assert late["failed"] is True
    assert "is not open any more" in late["msg"]


@contextmanager
def background(action):
    """Do something in another thread again and again, until the end of the context."""
    stop = threading.Event()

    def run():
        while not stop.wait(0.1):
            action()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_run_at_work_is_waited_for_and_then_respected(server):
    first = transaction(server, "begun")
    with background(lambda: os.utime(os.path.join(server.data_directory, "pg_ident.conf"))):
        started = time.monotonic()
        result = transaction(server, "begun", takeover_seconds=1)
    assert result["failed"] is True
    assert f"another run ({first['run_id']}) has been changing the server" in result["msg"]
    assert 3 <= time.monotonic() - started < 6
    assert transaction(server, "committed", run_id=first["run_id"])["committed"] is True


def test_a_run_that_ends_in_time_lets_the_next_one_begin(server):
    transaction(server, "begun")
    journal = journal_of(server)
    end = time.monotonic() + 1

    def commit_in_a_second():
        # a module in the other thread may act as the server's user just now, who may not look there
        with suppress(PermissionError):
            if time.monotonic() > end and journal.exists():
                journal.unlink()

    with background(commit_in_a_second):
        result = transaction(server, "begun", takeover_seconds=30)
    assert (result["failed"], result["resumed"]) == (False, False)
    transaction(server, "committed", run_id=result["run_id"])
    assert left(server) == []


def test_a_restart_that_failed_is_undone_and_the_server_started(server):
    before = seen(server)
    begun = transaction(server, "begun")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        add(server, "postgresql.conf", f"port = {other.getsockname()[1]}\n")
        failed = reload(server, restart="if_pending", timeout_seconds=5)
        assert failed["failed"] is True
        assert "did not restart by pg_ctl" in failed["msg"]
        assert "could not create any TCP/IP sockets" in failed["msg"]
        assert not os.path.exists(os.path.join(server.data_directory, "postmaster.pid"))
        result = transaction(server, "undone", run_id=begun["run_id"])
    assert not result["failed"], result
    assert (result["started"], result["changed"], result["pending_restart"]) == (True, True, [])
    assert server.sql("SHOW port") == [(str(server.port),)]
    assert (seen(server), left(server)) == (before, [])
    assert "database system is ready" in Path(server.log).read_text()


def test_settings_that_wait_for_a_restart_are_named_or_get_it(server):
    transaction(server, "begun")
    add(server, "postgresql.conf", "max_connections = 33\n")
    assert reload(server, restart="if_pending")["restarted"] is True
    add(server, "postgresql.conf", "# again\n")
    assert not reload(server)["failed"]
    begun = transaction(server, "begun", takeover_seconds=0)
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert (result["failed"], result["pending_restart"], result["restarted"]) == (False, ["max_connections"], False)
    server.sql("SELECT pg_sleep(2)")
    transaction(server, "begun")
    result = transaction(server, "undone", restart="if_pending")
    assert (result["restarted"], result["pending_restart"]) == (False, ["max_connections"]), (
        "it waited before the begin"
    )
    transaction(server, "begun")
    assert reload(server, restart="if_pending")["restarted"] is True
    add(server, "postgresql.conf", "max_connections = 34\n")
    assert reload(server, restart="if_pending")["restarted"] is True
    result = transaction(server, "undone", restart="if_pending")
    assert (result["restarted"], result["pending_restart"]) == (True, [])
    assert server.sql("SHOW max_connections") == [("100",)]


def test_undoing_loads_nothing_that_nobody_has_loaded_since_the_begin(server):
    """What an operator left for a later reload is none of a run's that fails before it loads anything."""
    server.sql("ALTER SYSTEM SET work_mem = '9MB'")
    begun = transaction(server, "begun")
    before = seen(server)
    add(server, "pg_hba.conf", "# new\n")
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert (result["failed"], len(result["restored"]), result["reloaded"]) == (False, 1, False), result
    assert (seen(server)["pg_hba.conf"], left(server)) == (before["pg_hba.conf"], [])
    assert server.sql("SHOW work_mem") == [("4MB",)]


def test_a_server_that_was_stopped_before_stays_stopped(server):
    server.stop()
    before = seen(server)
    transaction(server, "begun")
    add(server, "pg_hba.conf", "# new\n")
    result = transaction(server, "undone")
    assert (result["failed"], result["started"], len(result["restored"])) == (False, False, 1)
    assert seen(server) == before


def test_what_cannot_be_restored_is_one_sentence_and_what_was_remembered_stays(server):
    begun = transaction(server, "begun")
    add(server, "pg_ident.conf", "clients CN app\n")
    add(server, "pg_hba.conf", "# new\n")
    hidden = next(name for name in left(server) if name.startswith(".pg_hba.conf"))
    os.rename(os.path.join(server.data_directory, hidden), os.path.join(server.data_directory, "elsewhere"))
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert result["failed"] is True
    assert f"not restored: {server.data_directory}/pg_hba.conf" in result["msg"]
    assert f"restored: {server.data_directory}/pg_ident.conf" in result["msg"]
    assert ".server.key.pgtls-before-" in result["msg"]
    gone_on_with = transaction(server, "begun", takeover_seconds=0)
    assert gone_on_with["failed"] is True
    assert "is gone, in which a killed run saved" in gone_on_with["msg"]
    os.rename(os.path.join(server.data_directory, "elsewhere"), os.path.join(server.data_directory, hidden))
    assert transaction(server, "undone")["failed"] is False
    assert left(server) == []


def test_a_server_that_does_not_come_back_keeps_what_was_remembered(server):
    begun = transaction(server, "begun")
    add(server, "pg_hba.conf", "# new\n")
    server.stop()
    auto = server.write("postgresql.auto.conf", "shared_buffers = 'none'\n")
    result = transaction(server, "undone", run_id=begun["run_id"], timeout_seconds=5)
    assert result["failed"] is True
    assert "the files are as before, but not the server" in result["msg"]
    assert 'invalid value for parameter "shared_buffers"' in result["msg"]
    assert left(server) != []
    Path(auto).write_text("")
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert (result["failed"], result["started"]) == (False, True)
    assert left(server) == []


def load_by_another_hand(server):
    loaded = server.sql("SELECT pg_conf_load_time()")
    server.reload()
    end = time.monotonic() + 10
    while server.sql("SELECT pg_conf_load_time()") == loaded and time.monotonic() < end:
        time.sleep(0.1)


def test_a_server_that_is_not_as_before_is_no_success(server):
    begun = transaction(server, "begun")
    for line, words in (
        ("work_mem = 'much'", "the server refuses its files, which it did not before:"),
        (
            "ssl_min_protocol_version = 'TLSv1.3'",
            "the server uses ssl_min_protocol_version = 'TLSv1.3', not 'TLSv1.2'",
        ),
    ):
        replace(server, "postgresql.auto.conf", f"{line}\n")  # not covered, so it stays
        load_by_another_hand(server)
        result = transaction(server, "undone", run_id=begun["run_id"])
        assert result["failed"] is True
        assert words in result["msg"]
    replace(server, "postgresql.auto.conf", "")
    result = transaction(server, "undone", run_id=begun["run_id"])
    assert (result["failed"], result["restored"], result["reloaded"]) == (False, [], True)


def test_a_server_is_started_with_the_options_it_had(server):
    server.stop()
    options = ["-o", "-c work_mem=5MB -c 'log_line_prefix=a b'"]
    server.run("pg_ctl", "-D", server.data_directory, "-l", server.log, "-w", *options, "start")
    transaction(server, "begun")
    server.stop()
    result = transaction(server, "undone")
    assert (result["failed"], result["started"]) == (False, True), result
    assert server.sql("SHOW work_mem") == [("5MB",)]
    assert server.sql("SHOW log_line_prefix") == [("a b",)]


def test_a_write_through_the_link_is_told(server):
    transaction(server, "begun")
    with open(os.path.join(server.data_directory, "server.key"), "a", encoding="utf-8") as stream:
        stream.write("\n")
    result = transaction(server, "undone")
    assert "somebody wrote to" in result["warnings"][0]
    assert "server.key in place" in result["warnings"][0]


def test_check_mode_remembers_nothing(server):
    result = transaction(server, "begun", check=True)
    assert (result["failed"], result["changed"], result["resumed"]) == (False, False, False)
    assert {os.path.basename(path) for path in result["covered"]} == set(COVERED)
    assert left(server) == []
    assert transaction(server, "committed", check=True, run_id=result["run_id"])["committed"] is False
    assert transaction(server, "undone", check=True, run_id=result["run_id"])["restored"] == []
