# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders as values: take a picture, put everything back, say what differs."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actors import is_secret

LEFTOVER = re.compile(r"\.pgtls-[0-9a-f]{16}(\.d)?")
WHOLE_PEM = re.compile(rb"(-----BEGIN [A-Z ]+-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END [A-Z ]+-----\n)+")


@dataclass(frozen=True)
class Item:
    """A file, directory (content None) or link (content its target) with its identity."""

    kind: str
    uid: int
    gid: int
    mode: int
    content: bytes | None

    def __repr__(self) -> str:
        size = "" if self.content is None else f", {len(self.content)} bytes"
        return f"<{self.kind} {self.uid}:{self.gid} {self.mode:04o}{size}>"


def look(path: str) -> Item | None:
    """One item, None when there is none."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    identity = status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Item("link", *identity, os.fsencode(os.readlink(path)))
    if stat.S_ISDIR(status.st_mode):
        return Item("directory", *identity, None)
    return Item("file", *identity, Path(path).read_bytes())


def picture(folder: str) -> dict[str, Item]:
    """Everything below a folder by its relative path, the folder itself as "."."""
    found = {}
    for path in [folder, *_below(folder)]:
        item = look(path)
        if item is not None:
            found[os.path.relpath(path, folder)] = item
    return found


def _below(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        yield from (os.path.join(place, name) for name in sorted(folders) + sorted(files))


def put_back(folder: str, wanted: dict[str, Item]) -> None:
    """Make a folder be as in the picture again; the folder itself stays the same inode."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    for name, item in wanted.items():
        place(os.path.join(folder, name) if name != "." else folder, item)


def place(path: str, item: Item) -> None:
    """Make one item, in the place of an older one too."""
    if item.kind == "link":
        os.symlink(os.fsdecode(item.content or b""), path)
    elif item.kind == "directory":
        os.makedirs(path, exist_ok=True)
    else:
        if os.path.lexists(path):
            os.unlink(path)
        Path(path).write_bytes(item.content or b"")
    os.lchown(path, item.uid, item.gid)
    if item.kind != "link":
        os.chmod(path, item.mode)


def leftovers(folder: str) -> list[str]:
    """What killed runs left unfinished."""
    return [path for path in _below(folder) if LEFTOVER.fullmatch(os.path.basename(path))]


def check_leftovers(folder: str) -> None:
    """A leftover is a file that nobody may read who may not read what it was to become, or an empty directory."""
    for path in leftovers(folder):
        item = look(path)
        if item is not None and path.endswith(".d"):
            assert item.kind == "directory" and os.listdir(path) == [] and not item.mode & ~0o755, (
                f"leftover {path} is {item}"
            )
            continue
        assert item is not None and item.kind == "file", path
        limit = 0o600 if not item.content or is_secret(item.content) else 0o644
        assert not item.mode & ~limit, f"leftover {path} is {item}"


def check_key(path: str) -> None:
    """A private key is whole, and its owner's alone."""
    item = look(path)
    assert item is not None and item.kind == "file", path
    assert item.mode == 0o600, f"{path} is {item}"
    assert WHOLE_PEM.fullmatch(item.content or b""), f"{path} is torn: {item}"


def check_certificates(path: str, *modes: int) -> None:
    """A file of certificates is whole and has its mode."""
    item = look(path)
    assert item is not None and item.kind == "file", path
    assert item.mode in modes, f"{path} is {item}"
    assert WHOLE_PEM.fullmatch(item.content or b""), f"{path} is torn: {item}"
