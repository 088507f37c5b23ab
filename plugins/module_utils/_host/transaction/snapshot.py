# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One transaction a server: its files are remembered before a run changes them, and forgotten or put back after it.

The journal says what will be remembered before it is, and is closed before anything is forgotten. So a run may be killed
at any moment: the next one finds each file either remembered whole, or not changed yet.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..errors import ModuleError
from ..files.directory import Directory, Ownership, locked_directory, look_at, remove_leftovers
from ..files.links import safe_target
from ..files.writer import DesiredFile, FileAttributes, Writer, write_files
from ..server.clusters import Cluster
from .journal import (
    Journal,
    SavedFile,
    ServerBefore,
    beside,
    content_digest,
    read_journal,
    write_journal,
)

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EACCES})


@dataclass(frozen=True)
class Transaction:
    """What a run covers of a cluster: path by target. The run keeps all others away from that cluster."""

    writer: Writer
    cluster: Cluster
    targets: Mapping[str, str] = field(default_factory=dict)


def covered(paths: Sequence[str]) -> dict[str, str]:
    """Return path by target, each file once.

    :raises ModuleError: for a symbolic link that may not be followed.
    """
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(safe_target(path), os.path.abspath(path))
    return found


def begin(transaction: Transaction, base: ServerBefore) -> Journal:
    """Remember every covered file.

    base: the server as it is.
    """
    writer, cluster = transaction.writer, transaction.cluster
    plain = [SavedFile(path, target) for target, path in transaction.targets.items()]
    journal = Journal(time.time(), base, tuple(plain))
    write_journal(writer, cluster, journal)
    journal = journal.replacing([_make(transaction, one) for one in plain])
    write_journal(writer, cluster, journal)
    return journal


def find_open(transaction: Transaction) -> Journal | None:
    """Return the open transaction of the cluster, None when there is none."""
    found = read_journal(transaction.cluster)
    return None if found is None or found.closed else found


def close(transaction: Transaction) -> None:
    """Forget what was remembered. The journal is closed first and removed last, so that a kill leaves nothing unknown."""
    found = read_journal(transaction.cluster)
    if found is None or transaction.writer.check_mode:
        return
    if not found.closed:
        write_journal(transaction.writer, transaction.cluster, replace(found, closed=True))
    _forget(transaction.cluster, found)
    write_journal(transaction.writer, transaction.cluster, None)


def written_through(cluster: Cluster, journal: Journal) -> list[str]:
    """Return the files whose remembered link was written to since the transaction began, which no link can undo."""
    found = []
    for one in journal.files:
        with suppress(OSError):
            status = os.lstat(beside(one.target, cluster))
            if one.made and one.linked and (status.st_size, status.st_mtime_ns) != (one.size, one.written):
                found.append(one.path)
    return found


def _make(transaction: Transaction, one: SavedFile) -> SavedFile:
    """Remember one file: a private key by a hard link, so that it is never copied; any other by a copy.

    A link to a file changes the time of its last change, by which pg_reload finds files that the server has not loaded.
    """
    directory, name = os.path.split(one.target)
    hidden = beside(one.target, transaction.cluster)
    found = look_at(one.target)
    if found is None:
        return replace(one, made=True, existed=False)
    identity = found.identity
    one = replace(one, made=True, existed=True, uid=identity.uid, gid=identity.gid, mode=identity.mode)
    with locked_directory(directory) as folder:
        if is_secret(found.content) and _link(folder, name, os.path.basename(hidden)):
            status = os.stat(os.path.basename(hidden), dir_fd=folder.handle, follow_symlinks=False)
            if (status.st_dev, status.st_ino) != found.node:
                raise ModuleError(f"{one.path} was changed by somebody else while it was saved; run again")
            device, inode = found.node
            return replace(
                one, linked=True, size=status.st_size, written=status.st_mtime_ns, device=device, inode=inode
            )
        _put(transaction.writer, hidden, found.content, one.identity)
    return replace(one, linked=False, digest=content_digest(found.content))


def is_secret(content: bytes) -> bool:
    """Return whether a file may hold a private key: PEM says so, and PKCS#8 DER and PKCS#12 are no text."""
    return b"PRIVATE KEY" in content or b"\0" in content


def _link(folder: Directory, name: str, hidden: str) -> bool:
    """Make a hard link in the place of what an earlier run left; False where the file system or the kernel forbids it."""
    with suppress(FileNotFoundError):
        os.unlink(hidden, dir_fd=folder.handle)
    try:
        os.link(name, hidden, src_dir_fd=folder.handle, dst_dir_fd=folder.handle, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    os.fsync(folder.handle)
    return True


def _put(writer: Writer, path: str, content: bytes, identity: Ownership) -> None:
    attributes = FileAttributes(str(identity.uid), str(identity.gid), identity.mode)
    write_files(writer, [DesiredFile(path, content, attributes, secret=True)])


def _forget(cluster: Cluster, journal: Journal) -> None:
    for directory in dict.fromkeys(os.path.dirname(one.target) for one in journal.files):
        remove_leftovers(directory)
    for one in journal.files:
        directory, name = os.path.split(beside(one.target, cluster))
        if os.path.lexists(beside(one.target, cluster)):
            with locked_directory(directory) as folder, suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder.handle)
