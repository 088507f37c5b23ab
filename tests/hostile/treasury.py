# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things of root outside of what hostile users own, and the kernel's word (inotify) on whatever anybody does to them."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pictures import Item, look, picture, place

IN_ATTRIB, IN_OPEN, IN_MOVE_SELF = 0x4, 0x20, 0x800
EVERYTHING = 0xFFF
_NAMES = {
    0x1: "read",
    0x2: "written",
    IN_ATTRIB: "chowned, chmodded or linked",
    0x8: "closed after writing",
    0x10: "closed",
    IN_OPEN: "opened",
    0x40: "a name was moved from it",
    0x80: "a name was moved into it",
    0x100: "a name was made in it",
    0x200: "a name was removed from it",
    0x400: "removed",
    IN_MOVE_SELF: "moved",
}
# Whoever may read it may do so; nobody else than root may change it.
CHANGES = EVERYTHING & ~0x39
SECRET_COMMENT = "a secret of root that nobody else may see"


class Alarm:
    """Tells what was done to files, by their inodes: whatever name leads there."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names: dict[int, str] = {}

    def watch(self, path: str, mask: int = EVERYTHING) -> None:
        number = self.libc.inotify_add_watch(self.handle, os.fsencode(path), mask | 0x2000000)  # not through a link
        assert number >= 0, f"{path} cannot be watched: {os.strerror(ctypes.get_errno())}"
        self.names[number] = path

    def forget(self) -> None:
        for number in self.names:
            self.libc.inotify_rm_watch(self.handle, number)
        self.names = {}
        self.events()

    def events(self) -> list[str]:
        """What happened since the last call, once each."""
        found: dict[str, None] = {}
        while True:
            try:
                content = os.read(self.handle, 1 << 16)
            except BlockingIOError:
                return list(found)
            position = 0
            while position < len(content):
                number, mask, _cookie, length = struct.unpack_from("iIII", content, position)
                name = os.fsdecode(content[position + 16 : position + 16 + length].rstrip(b"\0"))
                position += 16 + length
                for bit in (bit for bit in _NAMES if mask & bit and number in self.names):
                    found[f"{self.names[number]} ({name or 'itself'}) was {_NAMES[bit]}"] = None

    def close(self) -> None:
        os.close(self.handle)


@dataclass(frozen=True)
class Spoils:
    """Another key and another certificate, of which root has the only copies that count."""

    private_key: bytes
    certificate: bytes

    def like(self, content: bytes | None, comment: str = SECRET_COMMENT) -> bytes:
        """What is as good in the place of a file with this content, and another secret."""
        if content is None or b"PRIVATE KEY" in content:
            return self.private_key
        if b"-----BEGIN" in content:
            return self.certificate
        if b"\0" in content:
            return content[:-1] + bytes([content[-1] ^ 1])
        return content + f"# {comment}\n".encode()


class Treasury:
    """Two directories of root: nobody else may look into ``secret``, everybody may read ``public``."""

    def __init__(self, spoils: Spoils) -> None:
        self.spoils = spoils
        self.folder = tempfile.mkdtemp(prefix="pgtls-treasury-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.secret, self.public = (os.path.join(self.folder, name) for name in ("secret", "public"))
        os.mkdir(self.secret, 0o700)
        os.mkdir(self.public, 0o755)
        self.alarm = Alarm()
        self.before: dict[str, Item] = {}

    def file(self, content: bytes, public: bool = False, set_id: int = 0) -> str:
        """One more file of root with this content."""
        path = os.path.join(self.public if public else self.secret, f"treasure{len(self.before)}")
        self.before[path] = Item("file", 0, 0, (0o644 if public else 0o600) | set_id, content)
        place(path, self.before[path])
        return path

    def tree(self, items: dict[str, Item], public: bool = False) -> str:
        """One more directory of root with the same content as that of somebody else."""
        top = os.path.join(self.public if public else self.secret, f"tree{len(self.before)}")
        for name, item in items.items():
            if item.kind == "link":
                continue
            mode = {"directory": 0o755 if public else 0o700}.get(item.kind, 0o644 if public else 0o600)
            path = os.path.normpath(os.path.join(top, name))
            self.before[path] = Item(item.kind, 0, 0, mode, item.content)
            place(path, self.before[path])
        return top

    def nothing(self) -> str:
        """A name in the secret directory that leads nowhere."""
        return os.path.join(self.secret, "nothing")

    def link(self, target: str) -> str:
        """A link of root to this, in a directory that everybody may look into."""
        path = os.path.join(self.public, f"link{len(self.before)}")
        os.symlink(target, path)
        return path

    @contextmanager
    def guarded(self, untouchable: str | None = None, is_linked: bool = False) -> Iterator[list[str]]:
        """Collect what was done to root's things meanwhile.

        untouchable: what nobody may open (a device). is_linked: a name of a file is the user's, who may move and remove it.
        """
        problems: list[str] = []
        less = ~(IN_ATTRIB | IN_MOVE_SELF) if is_linked else ~0
        for folder, mask in ((self.secret, EVERYTHING), (self.public, CHANGES)):
            self.alarm.watch(folder, mask & less)
            for path in (path for path in self.before if path.startswith(folder)):
                self.alarm.watch(path, mask & less)
        if untouchable is not None:
            self.alarm.watch(untouchable, IN_OPEN)
        yield problems
        problems += self.alarm.events()
        self.alarm.forget()
        problems += self._differences()

    def _differences(self) -> list[str]:
        now = {path: look(path) for path in self.before}
        return [f"{path} was {self.before[path]} and is {now[path]}" for path in now if now[path] != self.before[path]]

    def secrets(self) -> list[bytes]:
        """What must be in no result and in no file of others."""
        found = [SECRET_COMMENT.encode()]
        for path, item in self.before.items():
            if path.startswith(self.secret) and b"PRIVATE KEY" in (item.content or b""):
                found += [line for line in (item.content or b"").splitlines() if len(line) > 30 and b"-" not in line]
        return found

    def empty(self) -> None:
        """Remove all of it."""
        for folder in (self.secret, self.public):
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        self.before = {}

    def close(self) -> None:
        self.alarm.close()
        shutil.rmtree(self.folder)


def set_id_bits(folder: str) -> dict[str, tuple[int, int]]:
    """Owner and mode of whatever has a set-id bit below a folder."""
    found = {}
    for path in (os.path.join(where, name) for where, _folders, names in os.walk(folder) for name in names):
        status = os.lstat(path)
        if status.st_mode & 0o6000 and not Path(path).is_symlink():
            found[path] = (status.st_uid, status.st_mode & 0o7777)
    return found


def readable(folder: str, largest: int = 1 << 24) -> Iterator[tuple[str, os.stat_result, bytes]]:
    """Every regular file below a folder with its content, but very large ones."""
    for where, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            status = os.lstat(path)
            if os.path.isfile(path) and not os.path.islink(path) and status.st_size <= largest:
                yield path, status, Path(path).read_bytes()


__all__ = ["CHANGES", "Alarm", "Spoils", "Treasury", "picture", "readable", "set_id_bits"]
