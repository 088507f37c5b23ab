# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An open directory: one writer at a time, no way out through a link, and nothing but whole files."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.errors import ModuleError
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.directory import (
    Ownership,
    locked_directory,
    look_at,
    remove_leftovers,
)

MINE = Ownership(os.geteuid(), os.getegid(), 0o640)
LEFTOVER = ".pgtls-0123456789abcdef"


def nothing(_path: str) -> None:
    """No label."""


def test_put_look_move_and_remove(tmp_path: Path) -> None:
    with locked_directory(str(tmp_path)) as folder:
        assert folder.alone
        assert folder.look("f") is None
        folder.put("f", b"one", MINE, nothing)
        found = folder.look("f")
        assert found is not None and (found.content, found.identity) == (b"one", MINE)
        folder.put("g", b"two", MINE, nothing)
        folder.move("g", "f")
        assert os.listdir(tmp_path) == ["f"]
        folder.remove("f")
    assert os.listdir(tmp_path) == []


def test_a_file_with_one_more_name_keeps_the_set_id_bits_that_it_has(tmp_path: Path) -> None:
    """It may be a program of root with a second name here; its mode else is corrected."""
    file = tmp_path / "f"
    file.write_text("a program")
    node = (file.stat().st_dev, file.stat().st_ino)
    for before, after in ((0o6755, 0o6755), (0o777, 0o755)):
        file.chmod(before)
        with locked_directory(str(tmp_path)) as folder:
            folder.discard(folder.stage_link("f", Ownership(os.geteuid(), os.getegid(), 0o755), node))
        assert S_IMODE(file.stat().st_mode) == after


def test_last_word_before_the_name_may_refuse(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")

    def refuse(path: str) -> None:
        assert Path(path).read_bytes() == b"new"
        raise ModuleError("no")

    with locked_directory(str(tmp_path)) as folder, pytest.raises(ModuleError, match="no"):
        folder.put("f", b"new", MINE, refuse)
    assert (tmp_path / "f").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_new_file_is_private_before_it_gets_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has its content, and a directory its place, before owner and mode are set: whoever looks just then, and is let in, stays."""
    begun, named = [], []

    def giving(handle: int, uid: int, gid: int, give: Callable[[int, int, int], None] = os.fchown) -> None:
        begun.append(stat.S_IMODE(os.fstat(handle).st_mode))
        give(handle, uid, gid)

    def prepare(path: str) -> None:
        named.append(stat.S_IMODE(os.stat(path).st_mode))

    monkeypatch.setattr(os, "fchown", giving)
    old = os.umask(0)
    try:
        with locked_directory(str(tmp_path)) as folder:
            for mode in (0o600, 0o644):
                folder.put("f", b"new", Ownership(MINE.uid, MINE.gid, mode), prepare)
            for name, mode in {"d": 0o700, "e": 0o755}.items():
                folder.make(name, Ownership(MINE.uid, MINE.gid, mode), prepare)
    finally:
        os.umask(old)
    assert begun == [0o600, 0o600, 0o700, 0o700]
    assert named == [0o600, 0o644, 0o700, 0o755]


def test_another_run_that_does_not_leave_is_one_sentence(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with (
        pytest.raises(ModuleError, match="another run has been writing in .* for 0.2 seconds; let it finish"),
        locked_directory(str(tmp_path), 0.2),
    ):
        raise AssertionError("two writers")
    os.close(handle)
    with locked_directory(str(tmp_path), 0.2) as folder:
        assert folder.alone


def test_entering_twice_is_entering_once(tmp_path: Path) -> None:
    with locked_directory(str(tmp_path)) as outer:
        with locked_directory(str(tmp_path)) as inner:
            assert inner is outer
        outer.put("f", b"", MINE, nothing)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_no_part_of_the_path_is_a_link(tmp_path: Path) -> None:
    """The path was resolved before; whatever became a link since was put there by somebody."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "below").mkdir()
    for path in ("link", "link/below"):
        with (
            pytest.raises(ModuleError, match="cannot be opened .* that no part of it became a link"),
            locked_directory(str(tmp_path / path)),
        ):
            raise AssertionError("followed")
        assert look_at(str(tmp_path / path / "f")) is None
    with (
        pytest.raises(ModuleError, match="missing does not exist; create it"),
        locked_directory(str(tmp_path / "missing")),
    ):
        raise AssertionError("nothing there")


@pytest.mark.parametrize("kind", ["pipe", "link", "directory"])
def test_what_is_no_file_is_one_sentence_and_nobody_waits(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    {"pipe": os.mkfifo, "link": lambda one: os.symlink("/etc/passwd", one), "directory": os.mkdir}[kind](path)
    with pytest.raises(ModuleError, match="f is not a regular file; move it away"):
        look_at(str(path))


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    """A file without a name is left alone as long as its directory is locked, and goes afterwards."""
    (tmp_path / LEFTOVER).write_bytes(b"")
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ModuleError, match="another run"):
        remove_leftovers(str(tmp_path), 0.2)
    assert os.listdir(tmp_path) == [LEFTOVER]
    os.close(handle)
    remove_leftovers(str(tmp_path))
    assert os.listdir(tmp_path) == []
    remove_leftovers(str(tmp_path / "missing"))


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "g").write_bytes(b"")
    with locked_directory(str(tmp_path)) as folder:
        with pytest.raises(ModuleError, match="f could not be written and is as it was .*, then run again$"):
            folder.put("f", b"", MINE, nothing)
        with pytest.raises(ModuleError, match="f could not be written and is as it was"):
            folder.remove("f")
    assert os.listdir(tmp_path) == ["f"]
