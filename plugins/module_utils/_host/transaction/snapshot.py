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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from ..errors import ModuleError
from ..files.directory import Directory, Ownership, locked_directory, look_at, remove_leftovers
from ..files.links import safe_target
from ..files.state_directory import make_state_directory
from ..files.writer import DesiredFile, FileAttributes, Writer, write_files, writing_alone
from ..server.clusters import Cluster
from .journal import (
    Journal,
    SavedFile,
    ServerBefore,
    beside,
    content_digest,
    journal_path,
    last_sign_of_life,
    read_journal,
    write_journal,
)

_POLL_SECONDS = 0.2
# How many times takeover_seconds a run waits for another one that keeps working.
_PATIENCE = 3
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EACCES})


@dataclass(frozen=True)
class Transaction:
    """What a task wants covered, and for which run; takeover_seconds: how long another run may show no sign of life."""

    writer: Writer
    cluster: Cluster
    targets: dict[str, str]
    run_id: str | None
    takeover_seconds: float

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs away from the journal."""
        if not self.writer.check_mode:
            make_state_directory(os.path.dirname(journal_path(self.cluster)))
        with writing_alone(self.writer, journal_path(self.cluster)):
            yield


def covered(paths: Sequence[str]) -> dict[str, str]:
    """Return path by target, each file once.

    :raises ModuleError: for a symbolic link that may not be followed.
    """
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(safe_target(path), os.path.abspath(path))
    return found


def begin(transaction: Transaction, run_id: str, read_base: Callable[[], ServerBefore]) -> tuple[Journal, bool]:
    """Remember every covered file; returns the journal and whether it goes on with that of a killed run.

    :raises ModuleError: when another run is at work on this server and does not end.
    """
    writer, cluster = transaction.writer, transaction.cluster
    base: ServerBefore | None = None
    end = time.monotonic() + _PATIENCE * transaction.takeover_seconds
    while True:
        with transaction.alone():
            found = _open_journal(transaction)
            resumed = found is not None
            if found is None and base is not None:
                found = Journal(run_id, time.time(), base)
            if found is not None and (not resumed or writer.check_mode or _is_ours(transaction, found, run_id)):
                journal = replace(found, run_id=run_id)
                return (journal if writer.check_mode else _remember(transaction, journal)), resumed
        if found is None:
            base = read_base()
            continue
        if time.monotonic() > end:
            raise ModuleError(
                f"another run ({found.run_id}) has been changing the server of {cluster.data_directory} since "
                f"{_moment(found.begun_at)} and still is; let it finish, then run again"
            )
        time.sleep(_POLL_SECONDS)


def find_open(transaction: Transaction) -> Journal | None:
    """Return the open transaction that this run may end, None when there is none.

    :raises ModuleError: when another run took it over.
    """
    found = read_journal(transaction.cluster)
    if found is None or found.closed:
        return None
    _check_held(transaction, found, transaction.run_id)
    return found


def close(transaction: Transaction, journal: Journal | None) -> None:
    """Forget what was remembered. The journal is closed first and removed last, so that a kill leaves nothing unknown.

    journal: the transaction to end; None only cleans up after a run that was killed while it ended its own.

    :raises ModuleError: when another run took it over.
    """
    if transaction.writer.check_mode:
        return
    with transaction.alone():
        found = read_journal(transaction.cluster)
        if found is None or (journal is None and not found.closed):
            return
        if not found.closed:
            _check_held(transaction, found, journal.run_id if journal else None)
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


def _open_journal(transaction: Transaction) -> Journal | None:
    """The open journal; what a run left that was killed after its end is cleaned up."""
    found = read_journal(transaction.cluster)
    if found is None or not found.closed:
        return found
    close(transaction, None)
    return None


def _check_held(transaction: Transaction, found: Journal, run_id: str | None) -> None:
    if run_id is not None and found.run_id != run_id:
        raise ModuleError(
            f"another run ({found.run_id}) took over the transaction of {transaction.cluster.data_directory}, and what "
            "this run changed is part of that one now; let it finish, then run again"
        )


def _is_ours(transaction: Transaction, journal: Journal, run_id: str) -> bool:
    """Whether this run began the transaction, or whoever did shows no sign of life any more."""
    if journal.run_id == run_id:
        return True
    now = time.time()
    return now - last_sign_of_life(transaction.cluster, journal, now) >= transaction.takeover_seconds


def _remember(transaction: Transaction, journal: Journal) -> Journal:
    """Remember what the journal lacks: it is written before and after, and holds for nothing in between."""
    writer, cluster = transaction.writer, transaction.cluster
    known = {one.target: one for one in journal.files}
    for one in journal.files:
        if one.made and one.existed and not os.path.lexists(beside(one.target, cluster)):
            raise ModuleError(
                f"{beside(one.target, cluster)} is gone, in which a killed run saved {one.path}; check that the "
                f"server's files are as they should be, then remove {journal_path(cluster)}"
            )
    plain = [known.get(target) or SavedFile(path, target) for target, path in transaction.targets.items()]
    plain += [one for one in journal.files if one.target not in transaction.targets]
    journal = journal.replacing(plain)
    write_journal(writer, cluster, journal)
    journal = journal.replacing([one if one.made else _make(transaction, one) for one in plain])
    write_journal(writer, cluster, journal)
    return journal


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


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))
