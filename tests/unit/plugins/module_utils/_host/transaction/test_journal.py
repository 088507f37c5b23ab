# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal as text, and a transaction whose process is killed at every step it takes, of a server that is stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.errors import ModuleError
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import Writer
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.clusters import find_cluster
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.database import Login
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.transaction.journal import (
    Journal,
    SavedFile,
    ServerBefore,
    UndoOptions,
    parse_journal,
    render_journal,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.transaction.restore_server import undo
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.transaction.snapshot import (
    Transaction,
    begin,
    close,
    covered,
    is_secret,
)

# Every call that changes a file or directory, as CPython's audit hooks name it.
STEPS = frozenset({"open", "os.rename", "os.remove", "os.link", "os.chmod", "os.chown"})
KEY = "-----BEGIN PRIVATE KEY-----\nbefore\n-----END PRIVATE KEY-----\n"
FILES = {"postgresql.conf": "port = 5432\n", "pg_hba.conf": "local all all peer\n", "pg_ident.conf": "", "key": KEY}


def test_a_journal_is_read_as_it_was_written():
    files = (SavedFile("/a/link", "/a/b", True, True, True, 26, 27, 0o640, 100, 12345678901234567890, 5, 6, "0b"),)
    base = ServerBefore(True, "AB:CD", {"port": "5432"}, ("0a",), "/log")
    journal = Journal(1.5, base, files, closed=True)
    assert parse_journal(render_journal(journal), "/j") == journal
    assert parse_journal(render_journal(Journal(0)), "/j") == Journal(0)


def broken(**changes):
    fields = json.loads(render_journal(Journal(1.5, files=(SavedFile("/a/b", "/a/b"),))))
    return json.dumps({**fields, **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        broken(format=1),
        broken(files=[{}]),
        broken(files=[{"path": "b", "target": "b"}]),
        broken(files=[{"path": "/a/b", "target": "/a/../b"}]),
        broken(base=None),
        broken(more=1),
    ],
)
def test_what_is_no_journal_is_one_sentence(content):
    with pytest.raises(ModuleError, match=r"the journal /d/pgtls-transaction.json cannot be understood; compare"):
        parse_journal(content, "/d/pgtls-transaction.json")


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (KEY.encode(), True),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", True),
        (b"0\x82\x01\x00\x00DER", True),
        (b"-----BEGIN CERTIFICATE-----\n", False),
        (b"", False),
    ],
)
def test_what_may_be_a_key_is_told_by_its_content(content, secret):
    assert is_secret(content) is secret


@pytest.fixture
def home(tmp_path):
    """The data directory of a stopped cluster."""
    (tmp_path / "PG_VERSION").write_text("15\n")
    reset(tmp_path)
    yield tmp_path
    if os.geteuid() == 0:
        shutil.rmtree(kept_for(tmp_path), ignore_errors=True)
    with suppress(OSError):
        os.rmdir("/var/lib/pgtls")


def kept_for(home):
    """Where the journal lies: for root where root alone can write."""
    return Path("/var/lib/pgtls", sha256(str(home.resolve()).encode()).hexdigest()[:32]) if os.geteuid() == 0 else home


def everything(home):
    return [path for place in dict.fromkeys((home, kept_for(home))) if place.exists() for path in place.iterdir()]


def reset(home):
    for path in everything(home):
        if path.name != "PG_VERSION":
            path.unlink()
    for name, text in FILES.items():
        write(home, name, text)


def write(home, name, text):
    new = home / f"{name}.new"
    new.write_text(text)
    new.chmod(0o600)
    new.rename(home / name)


def change(home):
    for name in FILES:
        write(home, name, f"changed {name}\n")
    write(home, "key.next", "changed key.next\n")


def state_of(home):
    return {name: (home / name).read_text() for name in (*FILES, "key.next") if (home / name).exists()}


def left(home):
    return sorted(path.name for path in everything(home) if "pgtls" in path.name)


BEFORE = dict(FILES)
AFTER = {name: f"changed {name}\n" for name in (*FILES, "key.next")}


def transaction(home, state):
    """What a run does: "begun", "committed", or "undone", by the next run too."""
    writer = Writer(False, lambda _sentence: None, lambda *_label: None)
    cluster = find_cluster(str(home))
    files = [cluster.config_file, cluster.hba_file, cluster.ident_file, str(home / "key"), str(home / "key.next")]
    whole = Transaction(writer, cluster, covered(files))
    if state == "begun":
        begin(whole, ServerBefore())
    elif state == "undone" and not is_closed(home):
        undo(whole, Login(), UndoOptions(False, 5))
    else:
        close(whole)


def is_closed(home):
    """Whether a run was killed that had ended its transaction, so that only its traces are left."""
    journal = kept_for(home) / "pgtls-transaction.json"
    return journal.exists() and json.loads(journal.read_text())["closed"]


def kill_at(home, state, step):
    """Run a state in a child process that kills itself before its n-th change; whether it got that far."""
    places = (str(home), str(kept_for(home)))
    child = os.fork()
    if child == 0:
        taken = 0

        def count(event, arguments):
            nonlocal taken
            mine = any(place in str(arguments) for place in places)
            # a file is opened by its name alone where its directory is open already
            mine = mine or event == "open" and bool(arguments[2] and arguments[2] & os.O_CREAT)
            if event in STEPS and mine or event in STEPS - {"open"}:
                taken += 1
                if taken == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        transaction(home, state)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def every_step(home, state, prepare):
    step = 1
    while True:
        reset(home)
        prepare(home)
        killed = kill_at(home, state, step)
        yield step
        if not killed:
            assert step > 10
            return
        step += 1


def begun_and_changed(home):
    transaction(home, "begun")
    change(home)


def test_a_kill_while_it_begins_loses_nothing(home):
    for step in every_step(home, "begun", lambda _home: None):
        assert state_of(home) == BEFORE, step
        hidden = [name for name in left(home) if ".pgtls-before-" in name]
        assert not hidden or "pgtls-transaction.json" in left(home), step
        transaction(home, "undone")
        assert state_of(home) == BEFORE, step
        transaction(home, "begun")
        change(home)
        transaction(home, "undone")
        assert (state_of(home), left(home)) == (BEFORE, []), step


def test_a_kill_while_it_commits_means_all_or_nothing(home):
    outcomes = []
    for step in every_step(home, "committed", begun_and_changed):
        assert state_of(home) == AFTER, step
        transaction(home, "undone")
        assert state_of(home) in (BEFORE, AFTER), step
        outcomes.append(state_of(home) == AFTER)
        assert left(home) == [], step
    assert outcomes == sorted(outcomes), "before the commit everything is undone, after it nothing"
    assert set(outcomes) == {False, True}


def test_a_kill_while_it_undoes_leaves_whole_files_and_the_rest_to_the_next_run(home):
    for step in every_step(home, "undone", begun_and_changed):
        for name, text in state_of(home).items():
            assert text in (BEFORE.get(name), AFTER[name]), step
        transaction(home, "undone")
        assert (state_of(home), left(home)) == (BEFORE, []), step


def test_a_copy_is_made_where_links_are_impossible(home):
    """A hard link cannot be made when the file has as many as its file system allows; here, when the kernel refuses."""
    child = os.fork()
    if child == 0:

        def refuse(event, _arguments):
            if event == "os.link":
                raise PermissionError(1, "Operation not permitted")

        sys.addaudithook(refuse)
        transaction(home, "begun")
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) == 0
    hidden = next(Path(home, name) for name in left(home) if name.startswith(".key.pgtls-before-"))
    assert hidden.stat().st_ino != (home / "key").stat().st_ino
    assert hidden.stat().st_mode & 0o777 == 0o600
    change(home)
    transaction(home, "undone")
    assert (state_of(home), left(home)) == (BEFORE, [])
