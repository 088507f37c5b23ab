# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a path really leads, and on whose word.

A symbolic link that root or we put into a directory that nobody else can write is followed. Any other link is the word of
the owner of the link, or of the directory it stands in: through it a file is only read as that user (so the kernel decides),
and only written in a directory that belongs to that user.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EINVAL
from pwd import getpwuid
from stat import S_ISLNK, S_ISVTX

from ..errors import ModuleError

_HOPS = 40
_WRITABLE_BY_OTHERS = 0o022
_MOUNT_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Place:
    """A path without links; uid is the user on whose word it leads there, None when it is root's or ours."""

    target: str
    uid: int | None = None
    link: str | None = None


@dataclass(frozen=True)
class _Link:
    path: str
    uid: int | None


def find_place(path: str) -> Place:
    """Resolve the symbolic links of a path.

    :raises ModuleError: for a loop, and for links of several users that lead on from each other.
    """
    path = named = os.path.abspath(path)
    uid: int | None = None
    first: str | None = None
    for _hop in range(_HOPS):
        link = _first_link(path)
        if link is None:
            return Place(path, uid, first)
        if link.uid is not None and link.uid != uid:
            if uid is not None:
                raise ModuleError(f"the symbolic links of {named} belong to several users; name the file itself")
            uid, first = link.uid, link.path
        try:
            leads_to = os.readlink(link.path)
        except OSError as error:
            if error.errno != EINVAL:
                raise
            continue  # it was a link a moment ago; look again
        rest = os.path.relpath(path, link.path)
        target = os.path.join(os.path.dirname(link.path), leads_to)
        path = os.path.normpath(target if rest == "." else os.path.join(target, rest))
    raise ModuleError(f"{path} is a loop of symbolic links; remove them")


def safe_place(path: str) -> Place:
    """Resolve the links of a path that is to be written, refusing one whose owner could not write its target himself.

    Otherwise the owner of a data directory could point root at any file of the system.

    :raises ModuleError: for such a link, and for one that leads nowhere.
    """
    place = find_place(path)
    if place.uid is None or place.link is None:
        return place
    try:
        os.stat(place.link)
        check_owner(place, os.stat(os.path.dirname(place.target)).st_uid)
    except FileNotFoundError as error:
        raise ModuleError(f"the symbolic link {place.link} leads nowhere; remove it or correct its target") from error
    with suppress(FileNotFoundError):
        check_owner(place, os.lstat(place.target).st_uid)
    return place


def safe_target(path: str) -> str:
    """Return the path of safe_place alone.

    :raises ModuleError: as safe_place.
    """
    return safe_place(path).target


def check_owner(place: Place, uid: int) -> None:
    """See that a file or directory of this uid belongs to the user on whose word we came to it.

    :raises ModuleError: when it does not.
    """
    if place.uid is not None and uid != place.uid:
        raise ModuleError(
            f"the symbolic link {place.link} belongs to uid {place.uid} but leads to a file of somebody else; "
            "remove the link or name the file itself"
        )


@contextmanager
def acting_as(uid: int, gid: int | None = None) -> Iterator[None]:
    """Open files as another user would, where the process may; it always becomes again what it was."""
    if os.geteuid() != 0 or uid == 0:
        yield
        return
    name, primary = _entry_of(uid)
    own_groups, own_gid = os.getgroups(), os.getegid()
    gid = primary if gid is None else gid
    os.setgroups([gid] if name is None else os.getgrouplist(name, gid))
    os.setegid(gid)
    try:
        os.seteuid(uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(own_gid)
        os.setgroups(own_groups)


def _entry_of(uid: int) -> tuple[str | None, int]:
    try:
        entry = getpwuid(uid)
    except KeyError:
        return None, uid
    return entry.pw_name, entry.pw_gid


def owner_of_place(directory: str) -> int | None:
    """Return who but root and us could put something into a directory or replace it, None when nobody could."""
    owner: int | None = None
    current = "/"
    for part in ("", *directory.strip("/").split("/")):
        current = os.path.join(current, part)
        try:
            owner = _writer(os.lstat(current), owner)
        except (FileNotFoundError, NotADirectoryError):
            break
    return owner


def _writer(status: os.stat_result, owner: int | None) -> int | None:
    """Whose word counts in a directory: its owner's, or that of a directory above it."""
    if status.st_uid not in (0, os.geteuid()):
        return status.st_uid
    return owner


def _first_link(path: str) -> _Link | None:
    current, owner, open_to_all = "/", None, False
    for part in path.strip("/").split("/"):
        current = os.path.join(current, part)
        try:
            status = os.lstat(current)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if S_ISLNK(status.st_mode):
            whose = _writer(status, owner)
            if whose is None and open_to_all:
                raise ModuleError(
                    f"the symbolic link {current} is in a directory that others may write to; name the file itself"
                )
            return _Link(current, whose)
        owner = _writer(status, owner)
        if status.st_mode & _WRITABLE_BY_OTHERS and not status.st_mode & S_ISVTX:
            open_to_all = True
    return None


def is_mount_point(path: str) -> bool:
    """Return whether something is mounted at a path without links; a file that is can be written, and not replaced."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
            places = [line.split(" ")[4] for line in stream]
    except (OSError, IndexError):
        return False
    return path in (_MOUNT_ESCAPE.sub(lambda found: chr(int(found.group(1), 8)), place) for place in places)
