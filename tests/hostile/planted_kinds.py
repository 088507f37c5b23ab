# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hostile user puts in the place of a file or a directory: each kind as one function."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pictures import Item, look
from treasury import Treasury

SPARSE_BYTES = 9 << 30
SMALL = 1 << 20


@dataclass(frozen=True)
class Spot:
    """A path of a hostile user, what an honest run would find or leave there, and what is left of root's to point to.

    is_kept: the honest file is moved aside, because it cannot be made again. source: where the honest one is meanwhile.
    """

    path: str
    uid: int
    honest: Item | None
    treasury: Treasury
    is_kept: bool = False
    source: str = ""

    @property
    def is_directory(self) -> bool:
        return self.honest is not None and self.honest.kind == "directory"

    @property
    def content(self) -> bytes:
        """Of the file that belongs there, or of one that could."""
        content = None if self.honest is None else self.honest.content
        return self.treasury.spoils.private_key if content is None else content

    def treasure(self, public: bool = False) -> str:
        """A file of root that could be the honest one, or a directory of root with all that is in the honest one."""
        if self.is_directory:
            return self.treasury.tree(_small(self.source or self.path + ".aside"), public)
        return self.treasury.file(self.content, public)

    def other_treasure(self, public: bool = False) -> str:
        """A file of root of the same sort with another content."""
        comment = ("everybody may read this",) if public else ()
        return self.treasury.file(self.treasury.spoils.like(self.content, *comment), public)

    def program(self) -> str:
        """A set-id file of root, which everybody may read."""
        return self.treasury.file(self.content, public=True, set_id=0o6111)


def _small(folder: str) -> dict[str, Item]:
    """What is in a directory, without sockets and without the heart of a database."""
    found = {".": Item("directory", 0, 0, 0o700, None)}
    for where, folders, files in os.walk(folder):
        if "global" in folders:
            folders.clear()
        for path in (os.path.join(where, name) for name in (*folders, *files)):
            if os.path.isdir(path) or os.path.isfile(path) and os.path.getsize(path) < SMALL:
                item = look(path)
                assert item is not None
                found[os.path.relpath(path, folder)] = item
    return found


def _link(target: str, spot: Spot) -> None:
    os.symlink(target, spot.path)


def _directory(spot: Spot) -> None:
    os.mkdir(spot.path, 0o755)
    Path(spot.path, "file").write_bytes(b"")


def _socket(spot: Spot) -> None:
    where, name = os.path.split(spot.path)
    folder = os.open(where, os.O_PATH | os.O_DIRECTORY)  # the whole path may be longer than a socket's can be
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{folder}/{name}")
    finally:
        os.close(folder)


def _sparse(spot: Spot) -> None:
    with open(spot.path, "wb") as stream:
        stream.truncate(SPARSE_BYTES)


def _set_id_content(spot: Spot) -> None:
    Path(spot.path).write_bytes(spot.content)


KINDS: dict[str, Callable[[Spot], None]] = {
    "link": lambda spot: _link(spot.treasure(), spot),
    "link to another": lambda spot: _link(spot.other_treasure(), spot),
    "link to what all may read": lambda spot: _link(spot.treasure(public=True), spot),
    "link to a link of root": lambda spot: _link(spot.treasury.link(spot.treasure()), spot),
    "link through /proc": lambda spot: _link(f"/proc/self/root{spot.treasure()}", spot),
    "link to nothing": lambda spot: _link(spot.treasury.nothing(), spot),
    "hard link": lambda spot: os.link(spot.treasure(), spot.path),
    "hard link to another": lambda spot: os.link(spot.other_treasure(), spot.path),
    "hard link to what all may read": lambda spot: os.link(spot.other_treasure(public=True), spot.path),
    "hard link to a set-id file of root": lambda spot: os.link(spot.program(), spot.path),
    "link to a set-id file of root": lambda spot: _link(spot.program(), spot),
    "pipe": lambda spot: os.mkfifo(spot.path, 0o644),
    "directory": _directory,
    "socket": _socket,
    "device": lambda spot: os.mknod(spot.path, 0o20666, os.makedev(1, 5)),
    "sparse file": _sparse,
    "set-id program": lambda spot: shutil.copyfile("/bin/true", spot.path) and None,
    "set-id file": _set_id_content,
}
_FILES_ALONE = ("link to another", "link to a set-id", "hard link", "sparse", "set-id", "directory")
_SHARED = ("hard link",)


def is_for(kind: str, honest: Item | None) -> bool:
    """Whether a kind says something about a directory; all do about a file."""
    return honest is None or honest.kind != "directory" or not kind.startswith(_FILES_ALONE)


def plant(kind: str, spot: Spot) -> None:
    """Put it there, in the place of what there is, as the user's own (but for a hard link, which is root's file)."""
    if spot.is_directory:
        os.makedirs(spot.path, exist_ok=True)
        os.rename(spot.path, spot.path + ".aside")
    elif os.path.lexists(spot.path) and spot.is_kept:
        os.rename(spot.path, spot.path + ".aside")
    elif os.path.lexists(spot.path):
        os.unlink(spot.path)
    make_way(spot)
    put(kind, spot)


def put(kind: str, spot: Spot) -> None:
    """Put it where nothing is."""
    KINDS[kind](spot)
    if not kind.startswith(_SHARED):
        os.lchown(spot.path, spot.uid, spot.uid)
    if kind.startswith("set-id"):
        os.chmod(spot.path, 0o6755)
    if kind == "device" and spot.is_kept:
        os.chmod(spot.path, 0)  # a server at work opens its files too; this one only root can open


def let_go(path: str) -> None:
    """Let a server that opens a pipe go on, before the pipe is gone and it waits for ever."""
    if stat.S_ISFIFO(os.lstat(path).st_mode):
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def make_way(spot: Spot) -> None:
    """Make the directories above, as the user's own."""
    missing = [os.path.dirname(spot.path)]
    while not os.path.lexists(missing[-1]):
        missing.append(os.path.dirname(missing[-1]))
    for path in reversed(missing[:-1]):
        os.mkdir(path, 0o755)
        os.chown(path, spot.uid, spot.uid)
