# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory held open: one of our runs writes in it at a time, each file is replaced whole, and no link leads out.

The lock is flock(2) on the directory itself. It needs no file of its own, ends with the process however that ends, and
works where nothing can be written. On NFS it holds among the processes of one host; where a file system knows no locks
the run goes on without, and the comparison before each write is what is left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from stat import S_IMODE
from time import monotonic, sleep

from ..errors import ModuleError
from .reading import open_directory, open_in, read_all, walk_to

PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05
_DIRECTORY = ".d"
_LEFTOVER = re.compile(r"\.pgtls-[0-9a-f]{16}(\.d)?")
_NO_LOCKS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_ADVICE = {
    errno.ENOSPC: "free some space on its file system",
    errno.EDQUOT: "free some space, or raise the quota of its owner",
    errno.EROFS: "mount its file system for writing",
    errno.EACCES: "run the task as the owner of its directory or root",
    errno.EPERM: "remove what protects it or its directory (lsattr shows an immutable attribute)",
    errno.EBUSY: "it is a mount point: unmount it, or name the file that is mounted there",
}
Preparation = Callable[[str], None]


@dataclass(frozen=True)
class Ownership:
    """Numeric owner, group and mode."""

    uid: int
    gid: int
    mode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Ownership:
        """The identity in the answer of stat(2)."""
        return cls(status.st_uid, status.st_gid, S_IMODE(status.st_mode))

    def __str__(self) -> str:
        return f"owner: {self.uid}\ngroup: {self.gid}\nmode: {self.mode:04o}\n"


@dataclass(frozen=True)
class ReadFile:
    """A regular file as it was seen: its content, its identity, and which file it is (device and inode)."""

    content: bytes
    identity: Ownership
    node: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Directory:
    """An open directory; alone says that no other run of ours writes in it."""

    path: str
    handle: int
    alone: bool

    def look(self, name: str) -> ReadFile | None:
        """Return a file of this directory, None when there is none.

        :raises ModuleError: when it is something else than a regular file, or cannot be read.
        """
        return _look(self.handle, self.path, name)

    def put(self, name: str, content: bytes, identity: Ownership, prepare: Preparation) -> None:
        """Give a file this content and identity in one step; the old one is in place until the new one is on disk.

        :param prepare: takes the path of the new file, last of all before it gets its name; may still refuse.
        :raises ModuleError: when that fails; nothing changed then.
        """
        self.place(self.stage(name, content, identity), name, prepare)
        self.settle()

    def stage(self, name: str, content: bytes, identity: Ownership) -> str:
        """Bring to disk what ``name`` shall be, under a name of its own, which is returned; threads may do so at once.

        The new file is 0600 and empty at its start, and nobody but us writes to it, so it is never wider than asked.

        :raises ModuleError: when that fails; nothing is left then.
        """
        temporary = _temporary_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with (
            _in_one_sentence(os.path.join(self.path, name)),
            self._discarded_unless_good(temporary),
            os.fdopen(os.open(temporary, flags, 0o600, dir_fd=self.handle), "wb") as stream,
        ):
            stream.write(content)
            stream.flush()
            os.fchown(stream.fileno(), identity.uid, identity.gid)
            os.fchmod(stream.fileno(), identity.mode)
            os.fsync(stream.fileno())
        return temporary

    def stage_link(self, name: str, identity: Ownership, node: tuple[int, int]) -> str:
        """Give a file of this directory one more name, which is returned; its owner and mode are corrected first.

        :param node: device and inode of the file that is meant; another one that stands there by now is refused, and so is
            one of another owner: inodes are used again.
        :raises ModuleError: when that fails.
        """
        temporary = _temporary_name()
        path = os.path.join(self.path, name)
        with _in_one_sentence(path):
            handle = open_in(self.handle, name, path)
            try:
                status = os.fstat(handle)
                if (status.st_dev, status.st_ino) != node or status.st_uid != identity.uid:
                    raise ModuleError(
                        f"{path} was changed by somebody else during this run and is left as it is; run again"
                    )
                # set-id bits are left: who has put them there owns the file, and it may be one of root with a second name
                if replace(Ownership.of(status), mode=S_IMODE(status.st_mode) & 0o777) != identity:
                    os.fchown(handle, identity.uid, identity.gid)
                    os.fchmod(handle, identity.mode)
                # by the open file, because another one may have this name by now
                os.link(f"/proc/self/fd/{handle}", temporary, dst_dir_fd=self.handle, follow_symlinks=True)
            finally:
                os.close(handle)
        return temporary

    def place(self, temporary: str, name: str, prepare: Preparation) -> None:
        """Let a staged file be ``name``, after ``prepare`` had its path and did not refuse.

        :raises ModuleError: when that fails; nothing changed then.
        """
        with _in_one_sentence(os.path.join(self.path, name)), self._discarded_unless_good(temporary):
            prepare(os.path.join(self.path, temporary))
            os.rename(temporary, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def overwrite(self, temporary: str, name: str, content: bytes, identity: Ownership) -> None:
        """Write into the file itself, which nobody may replace (a mount of its own), what was staged for it.

        :raises ModuleError: when that fails; what the file holds then is not known.
        """
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with (
            _in_one_sentence(os.path.join(self.path, name)),
            os.fdopen(os.open(name, flags, dir_fd=self.handle), "wb") as stream,
        ):
            stream.write(content)
            stream.truncate()
            stream.flush()
            os.fchown(stream.fileno(), identity.uid, identity.gid)
            os.fchmod(stream.fileno(), identity.mode)
            os.fsync(stream.fileno())
        self.discard(temporary)

    def discard(self, temporary: str) -> None:
        """Remove a staged file that shall not be used."""
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=self.handle)

    def settle(self) -> None:
        """Bring the names of this directory to disk."""
        os.fsync(self.handle)

    @contextmanager
    def _discarded_unless_good(self, temporary: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard(temporary)
            raise

    def remove(self, name: str) -> None:
        """Remove a file.

        :raises ModuleError: when that fails.
        """
        with _in_one_sentence(os.path.join(self.path, name)):
            os.unlink(name, dir_fd=self.handle)
        self.settle()

    def move(self, name: str, to: str) -> None:
        """Give a file the name of another one of this directory, which it replaces.

        :raises ModuleError: when that fails.
        """
        with _in_one_sentence(os.path.join(self.path, to)):
            os.rename(name, to, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        self.settle()

    def make(self, name: str, identity: Ownership, prepare: Preparation) -> None:
        """Make a directory in this one that was missing until now; it is 0700 and has no name before it has its identity.

        :raises ModuleError: when that fails, be it because there is one by now.
        """
        temporary = _temporary_name() + _DIRECTORY
        with _in_one_sentence(os.path.join(self.path, name)):
            os.mkdir(temporary, 0o700, dir_fd=self.handle)
            try:
                self._identify(temporary, identity, prepare)
                os.rename(temporary, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)
            except BaseException:
                with suppress(OSError):
                    os.rmdir(temporary, dir_fd=self.handle)
                raise
        self.settle()

    def _identify(self, name: str, identity: Ownership, prepare: Preparation) -> None:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.handle)
        try:
            if os.listdir(handle):  # another one was moved here: what we made is empty
                raise ModuleError(f"{os.path.join(self.path, name)} was changed by somebody else; run again")
            os.fchown(handle, identity.uid, identity.gid)
            os.fchmod(handle, identity.mode)
        finally:
            os.close(handle)
        prepare(os.path.join(self.path, name))


def look_at(path: str) -> ReadFile | None:
    """Return a file of which no part of the path is a link, None when there is none.

    :raises ModuleError: when it is something else than a regular file, or cannot be read.
    """
    directory, name = os.path.split(path)
    try:
        handle = walk_to(directory, os.O_PATH | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return _look(handle, directory, name)
    finally:
        os.close(handle)


class _Held(threading.local):
    """The directories that this thread is alone in."""

    def __init__(self) -> None:
        self.folders: dict[str, Directory] = {}


_held = _Held()


@contextmanager
def locked_directory(directory: str, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[Directory]:
    """Open a directory of which no part of the path is a link, and keep other runs of ours from writing in it.

    A run may enter the same directory again: it is alone until it leaves for the last time.

    :raises ModuleError: when it cannot be opened, or another run does not leave in time.
    """
    if directory in _held.folders:
        yield _held.folders[directory]
        return
    handle = _open_directory(directory)
    try:
        _held.folders[directory] = Directory(directory, handle, _lock(handle, directory, patience_seconds))
        yield _held.folders[directory]
    finally:
        _held.folders.pop(directory, None)
        os.close(handle)


def _temporary_name() -> str:
    """What matches _LEFTOVER when a run is killed."""
    return f".pgtls-{secrets.token_hex(8)}"


def remove_leftovers(directory: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Remove what killed runs left unfinished: files, and directories, that never got their name. The rest stays.

    They are told from the files of a run at work by the lock, so without locks nothing is removed.

    :raises ModuleError: when another run does not leave in time.
    """
    with suppress(OSError):
        with open_directory(directory) as handle:
            left = [name for name in os.listdir(handle) if _LEFTOVER.fullmatch(name)]
        if not left:
            return
        with locked_directory(directory, patience_seconds) as folder:
            for name in left if folder.alone else ():
                with suppress(OSError):
                    (os.rmdir if name.endswith(_DIRECTORY) else os.unlink)(name, dir_fd=folder.handle)


def _look(handle: int, directory: str, name: str) -> ReadFile | None:
    path = os.path.join(directory, name)
    try:
        file = open_in(handle, name, path)
        try:
            status = os.fstat(file)
            return ReadFile(read_all(file, path), Ownership.of(status), (status.st_dev, status.st_ino))
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModuleError(f"{path} cannot be read ({error.strerror}); check its owner and mode") from error


def _open_directory(directory: str) -> int:
    try:
        return walk_to(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError as error:
        raise ModuleError(f"the directory {directory} does not exist; create it and run again") from error
    except OSError as error:
        raise ModuleError(
            f"the directory {directory} cannot be opened ({error.strerror}); check its owner, its mode "
            "and that no part of it became a link"
        ) from error


def _lock(handle: int, directory: str, patience_seconds: float) -> bool:
    """Whether the directory is ours alone now; False where its file system knows no locks."""
    try:
        wait_for_lock(handle, patience_seconds)
        return True
    except BlockingIOError as error:
        raise ModuleError(
            f"another run has been writing in {directory} for {patience_seconds:g} seconds; "
            "let it finish (fuser shows it), then run again"
        ) from error
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise


def wait_for_lock(handle: int, patience_seconds: float) -> None:
    """Lock an open file or directory for ourselves alone, as soon as nobody else has it locked.

    :raises BlockingIOError: when somebody has it locked for longer.
    :raises OSError: where its file system knows no locks.
    """
    end = monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > end:
                raise
        sleep(_POLL_SECONDS)


@contextmanager
def _in_one_sentence(path: str) -> Iterator[None]:
    """Say which file could not be written, why, and what to do about it."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check the system log for its file system")
        raise ModuleError(
            f"{path} could not be written and is as it was ({error.strerror}); {advice}, then run again"
        ) from error
