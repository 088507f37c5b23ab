# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to read a file or a directory of somebody else: regular files only, never waiting, up to a size.

Links are followed as links.py says: root's and ours as they are, those of others as that user, so that nobody makes root
read what he may not read himself. What something is, and whose, is found out before it is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from stat import S_ISREG

from ..errors import ModuleError
from .links import Place, acting_as, find_place, owner_of_place

LARGEST_FILE = 16 * 1024 * 1024
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_READABLE_BY_ALL = 0o004


def read_bytes(path: str) -> bytes | None:
    """Return the content of a file, or None when there is no such file.

    :raises ModuleError: when it exists but cannot be read, is not a regular file, or too large.
    """
    try:
        with open_regular(path) as handle:
            return read_all(handle, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModuleError(
            f"{path} cannot be read ({error.strerror}); check its owner and mode, and its type"
        ) from error


@contextmanager
def open_regular(path: str, any_size: bool = False) -> Iterator[int]:
    """Open a regular file for reading; any_size: a log may be large, and is not read from its start.

    :raises OSError: when it cannot be opened.
    :raises ModuleError: when it is something else, or somebody's link to what he may not read himself.
    """
    place = find_place(path)
    with acting_as(os.geteuid() if place.uid is None else place.uid):
        seen = walk_to(place.target, _LOOK) if place.uid is None else os.open(place.target, _LOOK)
        handle = _open_seen(seen, place, path, any_size)
    try:
        yield handle
    finally:
        os.close(handle)


def open_in(directory: int, name: str, path: str) -> int:
    """Open a regular file of an open directory that no link led to; path is its whole path.

    :raises OSError: when it cannot be opened.
    :raises ModuleError: when it is something else, or a hard link to what the owner of the directory may not read.
    """
    return _open_seen(os.open(name, _LOOK, dir_fd=directory), Place(path), path)


@contextmanager
def open_directory(path: str) -> Iterator[int]:
    """Open a directory to list it, through links as somebody's word allows.

    :raises OSError: when it cannot be opened, be it that whose link leads there may not look into it.
    :raises ModuleError: for links that lead nowhere good.
    """
    place, flags = find_place(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with acting_as(os.geteuid() if place.uid is None else place.uid):
        handle = walk_to(place.target, flags) if place.uid is None else os.open(place.target, flags)
    try:
        yield handle
    finally:
        os.close(handle)


def _open_seen(seen: int, place: Place, path: str, any_size: bool = False) -> int:
    """Open for reading what was looked at, which is closed then: opening alone may start something at a device."""
    try:
        check_regular(seen, path, any_size)
        _check_reader(seen, place)
        return os.open(f"/proc/self/fd/{seen}", _FLAGS)
    finally:
        os.close(seen)


def read_all(handle: int, path: str) -> bytes:
    """Return the content of an open file.

    :raises ModuleError: when it is too large.
    """
    chunks: list[bytes] = []
    size = 0
    while size <= LARGEST_FILE:
        chunk = os.read(handle, 1 << 20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    raise _too_large(path)


def check_regular(handle: int, path: str, any_size: bool = False) -> None:
    """Refuse what is not a regular file, or a very large one.

    :raises ModuleError: when it is.
    """
    status = os.fstat(handle)
    if not S_ISREG(status.st_mode):
        raise ModuleError(f"{path} is not a regular file; move it away or choose another path")
    if status.st_size > LARGEST_FILE and not any_size:
        raise _too_large(path)


def walk_to(path: str, flags: int) -> int:
    """Open a path part by part, so that a link put there since the path was resolved is not followed."""
    parts = [part for part in path.split("/") if part]
    handle = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            handle = _step(handle, part, os.O_PATH | os.O_DIRECTORY)
        return _step(handle, parts[-1] if parts else ".", flags)
    except OSError as error:
        error.filename = path
        raise


def _step(handle: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
    finally:
        os.close(handle)


def _check_reader(handle: int, place: Place) -> None:
    """Refuse what the user on whose word we came here may not read: a hard link is his word too."""
    status = os.fstat(handle)
    if status.st_mode & _READABLE_BY_ALL or (place.uid is None and status.st_nlink == 1):
        return
    if os.geteuid() != 0 == os.getuid():  # acting as somebody, whom the kernel asks when the file is opened
        return
    whose = owner_of_place(os.path.dirname(place.target)) if place.uid is None else place.uid
    if whose is None or status.st_uid == whose:
        return
    if os.geteuid() == 0 and _may_read(whose, handle):
        return
    raise ModuleError(
        f"{place.link or place.target} leads to a file of uid {status.st_uid} that uid {whose} may not read; remove it"
    )


def _may_read(uid: int, handle: int) -> bool:
    try:
        with acting_as(uid):
            os.close(os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        return True
    except OSError:
        return False


def _too_large(path: str) -> ModuleError:
    return ModuleError(
        f"{path} is larger than {LARGEST_FILE // (1024 * 1024)} MiB, which none of these files should be; check what it is"
    )
