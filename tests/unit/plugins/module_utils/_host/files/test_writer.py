# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that writes files: nothing before everything is checked, atomic, never wider than asked."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.errors import ModuleError
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.links import safe_target
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.reading import read_bytes
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.required_directories import (
    ensure_directories,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import (
    DesiredFile,
    ExpectedContent,
    FileAttributes,
    Writer,
    merge_written,
    parse_mode,
    read_text,
    write_files,
    writing_alone,
)

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def make_writer(check: bool = False) -> Writer:
    return Writer(check, pytest.fail, lambda path, name, existed: None)


@pytest.fixture(name="writer")
def _writer() -> Writer:
    return make_writer()


@pytest.fixture(name="check_writer")
def _check_writer() -> Writer:
    return make_writer(check=True)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def _wide_umask() -> Iterator[None]:
    old = os.umask(0)  # the worst case: nothing but the code itself keeps files private
    yield
    os.umask(old)


def test_new_file_is_private_unless_told_otherwise(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "new"
    (written,) = write_files(writer, [DesiredFile(str(path), b"text\n")])
    assert written.changed
    assert path.read_bytes() == b"text\n"
    assert mode_of(path) == 0o600
    assert written.diff == {"before_header": str(path), "after_header": str(path), "before": "", "after": "text\n"}


def test_existing_file_keeps_mode_and_second_write_changes_nothing(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"old")
    path.chmod(0o640)
    wanted = [DesiredFile(str(path), b"new")]
    assert write_files(writer, wanted)[0].changed
    assert mode_of(path) == 0o640
    inode = path.stat().st_ino
    assert not write_files(writer, wanted)[0].changed
    assert path.stat().st_ino == inode


def test_mode_alone_is_a_change_and_is_shown(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"same")
    path.chmod(0o644)
    (written,) = write_files(writer, [DesiredFile(str(path), b"same", FileAttributes(mode="0600"))])
    assert written.changed and written.diff
    assert "mode: 0644" in written.diff["before"] and "mode: 0600" in written.diff["after"]
    assert mode_of(path) == 0o600


def test_check_mode_says_the_same_and_writes_nothing(check_writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"old\n")
    (said,) = write_files(check_writer, [DesiredFile(str(path), b"new\n")])
    assert path.read_bytes() == b"old\n"
    (done,) = write_files(make_writer(), [DesiredFile(str(path), b"new\n")])
    assert said == done


def test_nothing_is_written_when_one_of_several_is_impossible(writer: Writer, tmp_path: Path) -> None:
    first = tmp_path / "first"
    with pytest.raises(ModuleError, match=r"the directory .*/missing does not exist; create it before"):
        write_files(writer, [DesiredFile(str(first), b"1"), DesiredFile(str(tmp_path / "missing" / "second"), b"2")])
    assert not first.exists()


def test_unknown_owner_is_one_sentence(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="owner of .*: there is no owner 'nosuchuser' on this host"):
        write_files(writer, [DesiredFile(str(tmp_path / "f"), b"", FileAttributes(owner="nosuchuser"))])
    assert list(tmp_path.iterdir()) == []


def test_secret_and_shown_replace_the_content_in_the_diff(writer: Writer, tmp_path: Path) -> None:
    secret, shown = write_files(
        writer,
        [
            DesiredFile(str(tmp_path / "key"), b"TOP SECRET", secret=True),
            DesiredFile(str(tmp_path / "crt"), b"PEM", shown=(None, "subject: CN=x\n")),
        ],
    )
    assert "TOP SECRET" not in str(secret)
    assert shown.diff is not None and shown.diff["after"] == "subject: CN=x\n"


def test_backup_of_a_secret_is_private(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    path.chmod(0o600)
    (written,) = write_files(writer, [DesiredFile(str(path), b"new", secret=True, backup=True)])
    assert written.backup_file is not None
    assert Path(written.backup_file).read_bytes() == b"old"
    assert mode_of(Path(written.backup_file)) == 0o600


def test_absent_removes_and_then_changes_nothing(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "gone"
    path.write_bytes(b"x")
    assert write_files(writer, [DesiredFile(str(path), None)])[0].changed
    assert not path.exists()
    assert not write_files(writer, [DesiredFile(str(path), None)])[0].changed


def test_file_is_never_wider_than_asked(writer: Writer, tmp_path: Path) -> None:
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for name in os.listdir(tmp_path):
                try:
                    seen.add(stat.S_IMODE(os.lstat(tmp_path / name).st_mode))
                except FileNotFoundError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(300):
            write_files(
                writer, [DesiredFile(str(tmp_path / "key"), b"%d" % number, FileAttributes(mode="0600"), secret=True)]
            )
    finally:
        stop.set()
        watcher.join()
    assert seen == {0o600}


def test_link_is_kept_and_its_target_replaced(writer: Writer, tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("real")
    write_files(writer, [DesiredFile(str(link), b"new")])
    assert link.is_symlink() and target.read_bytes() == b"new"


@as_root
def test_link_planted_by_somebody_else_is_refused(writer: Writer, tmp_path: Path) -> None:
    target, link = tmp_path / "shadow", tmp_path / "pg_hba.conf"
    target.write_bytes(b"precious")
    link.symlink_to(target)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(ModuleError, match="belongs to uid 65534 but leads to a file of somebody else"):
        write_files(writer, [DesiredFile(str(link), b"hostile")])
    assert target.read_bytes() == b"precious"
    folder = tmp_path / "folder"
    folder.symlink_to("/etc")
    os.lchown(folder, NOBODY, NOBODY)
    with pytest.raises(ModuleError, match="leads to a file of somebody else"):
        safe_target(str(folder / "hosts"))


@as_root
def test_new_file_belongs_to_the_owner_of_its_directory(writer: Writer, tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    write_files(writer, [DesiredFile(str(tmp_path / "f"), b"")])
    assert (tmp_path / "f").stat().st_uid == NOBODY


def test_link_loop_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ModuleError, match="loop of symbolic links"):
        safe_target(str(tmp_path / "a"))


def test_directory_where_a_file_should_be_is_one_sentence(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="is not a regular file"):
        write_files(writer, [DesiredFile(str(tmp_path), b"")])


def test_directory_is_made_once_with_its_mode(writer: Writer, check_writer: Writer, tmp_path: Path) -> None:
    path = str(tmp_path / "ca")
    attributes = FileAttributes(mode="0700")
    (said,) = ensure_directories(check_writer, {path: attributes})
    assert said.changed and not os.path.exists(path)
    assert ensure_directories(writer, {path: attributes}) == [said]
    assert mode_of(Path(path)) == 0o700
    assert not ensure_directories(writer, {path: attributes})[0].changed


def test_text_keeps_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"caf\xe9 \xff\n")
    text = read_text(str(path))
    assert text is not None and text.encode("utf-8", "surrogateescape") == b"caf\xe9 \xff\n"
    assert read_bytes(str(tmp_path / "absent")) is None


@pytest.mark.parametrize(("given", "number"), [("0640", 0o640), ("640", 0o640), (0o640, 0o640), ("0o600", 0o600)])
def test_mode_as_users_write_it(given: Any, number: int) -> None:
    assert parse_mode("f", given) == number


@pytest.mark.parametrize("given", ["u=rw", "999", "17777", -1])
def test_impossible_mode_is_one_sentence(given: Any) -> None:
    with pytest.raises(ModuleError, match="mode of f: .*; write it like"):
        parse_mode("f", given)


CHANGED = "was changed by somebody else during this run and is left as it is; run again"


@pytest.mark.parametrize("now", [b"theirs\n", None])
def test_file_that_is_not_what_the_caller_read_is_left_alone(writer: Writer, tmp_path: Path, now: Any) -> None:
    path = tmp_path / "pg_hba.conf"
    if now is not None:
        path.write_bytes(now)
    with pytest.raises(ModuleError, match=CHANGED):
        write_files(writer, [DesiredFile(str(path), b"ours\n", seen=ExpectedContent(b"before\n"))])
    assert read_bytes(str(path)) == now
    assert write_files(writer, [DesiredFile(str(path), b"ours\n", seen=ExpectedContent(now))])[0].changed
    assert os.listdir(tmp_path) == ["pg_hba.conf"]


def test_what_was_seen_may_be_text_of_any_bytes(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "pg_hba.conf"
    path.write_bytes(b"# caf\xe9\n")
    seen = ExpectedContent.text(read_text(str(path)))
    assert write_files(writer, [DesiredFile(str(path), b"x\n", seen=seen)])[0].changed
    assert ExpectedContent.text(None) == ExpectedContent(None)


def test_file_that_changes_between_the_plan_and_the_write_is_left_alone(writer: Writer, tmp_path: Path) -> None:
    """The plans of all files are made before the first one is written, so a path named twice changes in between."""
    path = tmp_path / "f"
    path.write_bytes(b"0")
    with pytest.raises(ModuleError, match=CHANGED):
        write_files(writer, [DesiredFile(str(path), b"1"), DesiredFile(str(path), b"2")])
    assert path.read_bytes() == b"1"
    with pytest.raises(ModuleError, match=CHANGED):
        write_files(writer, [DesiredFile(str(path), b"2"), DesiredFile(str(path), None)])
    assert path.read_bytes() == b"2"


def test_the_same_work_done_twice_at_once_is_no_conflict(writer: Writer, tmp_path: Path) -> None:
    path = str(tmp_path / "root.crt")
    written = write_files(writer, [DesiredFile(path, b"root"), DesiredFile(path, b"root")])
    assert [one.changed for one in written] == [True, True]
    gone = write_files(writer, [DesiredFile(path, None), DesiredFile(path, None)])
    assert [one.changed for one in gone] == [True, True]


LEFTOVER = ".pgtls-0123456789abcdef"


def test_what_a_killed_run_left_goes_with_the_next_run(writer: Writer, check_writer: Writer, tmp_path: Path) -> None:
    path, left, mine = tmp_path / "f", tmp_path / LEFTOVER, tmp_path / ".pgtls-mine"
    for one in (path, left, mine):
        one.write_bytes(b"x")
    path.chmod(0o600)
    write_files(check_writer, [DesiredFile(str(path), b"x")])
    assert left.exists()
    assert not write_files(writer, [DesiredFile(str(path), b"x")])[0].changed
    assert sorted(os.listdir(tmp_path)) == [".pgtls-mine", "f"]


def test_directory_of_that_name_is_no_leftover(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / LEFTOVER).mkdir()
    assert write_files(writer, [DesiredFile(str(tmp_path / "f"), b"x")])[0].changed
    assert (tmp_path / LEFTOVER).is_dir()


def test_another_run_is_waited_for(writer: Writer, tmp_path: Path) -> None:
    handle, order = os.open(tmp_path, os.O_RDONLY), []
    fcntl.flock(handle, fcntl.LOCK_EX)

    def leave() -> None:
        order.append("left")
        os.close(handle)

    timer = threading.Timer(0.3, leave)
    timer.start()
    write_files(writer, [DesiredFile(str(tmp_path / "f"), b"x")])
    order.append("written")
    timer.join()
    assert order == ["left", "written"]


def test_one_run_may_hold_a_directory_and_write_in_it(writer: Writer, check_writer: Writer, tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    with writing_alone(writer, path):
        assert write_files(writer, [DesiredFile(path, b"1")])[0].changed
        handle = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with writing_alone(check_writer, path):
        assert write_files(check_writer, [DesiredFile(path, b"2")])[0].changed
    os.close(handle)
    with writing_alone(writer, str(tmp_path / "missing" / "f")):
        assert os.listdir(tmp_path) == ["f"]


def test_merge_keeps_only_real_changes(writer: Writer, tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    first = write_files(writer, [DesiredFile(path, b"1")])
    again = write_files(writer, [DesiredFile(path, b"1")])
    assert merge_written(first + again)["changed"] and len(merge_written(first + again)["diff"]) == 1
    assert merge_written(again) == {"changed": False, "diff": []}
