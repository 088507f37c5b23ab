# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only place that writes files: everything is checked first, then each file is replaced atomically.

A new file has its owner, mode and SELinux label before it has its name, so nobody ever sees it wider than asked.
What a killed run left unfinished has no name, is readable by nobody who may not read the file that it was to become,
and is removed by the next run that looks after a file of that directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from grp import getgrnam
from pwd import getpwnam, getpwuid
from time import strftime
from typing import Any, TypeVar

from ..errors import ModuleError
from .directory import Directory, Ownership, Preparation, locked_directory, look_at, remove_leftovers
from .links import Place, check_owner, is_mount_point, safe_place, safe_target
from .reading import read_bytes

NEW_FILE_MODE = 0o600
# Of the mode that a file of somebody else has, set-id bits are not taken over.
_KEPT_MODE = 0o1777
# From so many files on, so many threads wait for the disk.
_MANY, _AT_ONCE = 8, 16
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_text(path: str) -> str | None:
    """Like read_bytes, as text that encodes back to the very same bytes (utf-8, surrogateescape)."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Writer:
    """How a run writes on this host.

    check_mode: it only reports what it would write. warn: takes a sentence for the user. set_label: gives a path the
    SELinux context that a name has now (existed), or shall have by the policy: set_label(path, name, existed).
    in_place: a file that is a mount of its own may be overwritten, which is not atomic.
    """

    check_mode: bool
    warn: Callable[[str], None]
    set_label: Callable[[str, str, bool], None]
    in_place: bool = False

    def labelling(self, name: str, existed: bool) -> Preparation:
        """Return what labels a file, before it has its name."""
        return lambda path: self.set_label(path, name, existed)

    def rehearsing(self) -> Writer:
        """Return a writer that checks whatever this one would, and writes nothing."""
        return replace(self, check_mode=True)


@dataclass(frozen=True)
class FileAttributes:
    """Owner, group and mode as a task gives them; what is None stays as it is."""

    owner: str | None = None
    group: str | None = None
    mode: str | int | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> FileAttributes:
        """Read owner, group and mode from module parameters (or from one element of a list of them)."""
        return cls(params.get("owner"), params.get("group"), params.get("mode"))


@dataclass(frozen=True)
class ExpectedContent:
    """What a caller read before it decided: the content of a file, None when there was no file."""

    content: bytes | None

    @classmethod
    def text(cls, text: str | None) -> ExpectedContent:
        """The same from what read_text returned."""
        return cls(None if text is None else text.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class DesiredFile:
    """A file as it shall be.

    content: its bytes, or None when it shall not exist.
    seen: what the content was made from; a file that is another one by now is not replaced.
    secret: the diff never shows its content.
    shown: (before, after) texts for the diff in place of the content.
    """

    path: str
    content: bytes | None
    attributes: FileAttributes = FileAttributes()
    secret: bool = False
    backup: bool = False
    shown: tuple[str | None, str | None] | None = None
    seen: ExpectedContent | None = None


@dataclass(frozen=True)
class Written:
    """What became of one file; diff is None where nothing changed."""

    path: str
    changed: bool
    diff: dict[str, str] | None = None
    backup_file: str | None = None


@dataclass(frozen=True)
class _Plan:
    """One checked write: where it really goes, and what is there."""

    wanted: DesiredFile
    place: Place
    before: bytes | None
    now: Ownership | None
    after: Ownership

    @property
    def target(self) -> str:
        return self.place.target

    @property
    def content_changes(self) -> bool:
        return self.before != self.wanted.content

    @property
    def changed(self) -> bool:
        return self.content_changes or (self.now is not None and self.now != self.after)


def write_files(writer: Writer, wanted: Sequence[DesiredFile]) -> list[Written]:
    """Make the files as wanted, in the given order; in check mode only say what would change.

    :raises ModuleError: before the first write, when any of them cannot be made as wanted.
    """
    plans = [_plan(writer, one) for one in wanted]
    if not writer.check_mode:
        for directory in dict.fromkeys(os.path.dirname(plan.target) for plan in plans):
            remove_leftovers(directory)
    backups = {} if writer.check_mode else _carry_out(writer, [plan for plan in plans if plan.changed])
    return [
        Written(plan.wanted.path, True, _diff(plan), backups.get(plan.target))
        if plan.changed
        else Written(plan.wanted.path, False)
        for plan in plans
    ]


@contextmanager
def writing_alone(writer: Writer, path: str) -> Iterator[None]:
    """Keep other runs of ours from writing beside a file, from the moment it is read to the verdict about it.

    :raises ModuleError: when another run does not leave in time.
    """
    directory = os.path.dirname(safe_target(path))
    if writer.check_mode or not os.path.isdir(directory):
        yield
        return
    with locked_directory(directory):
        yield


def merge_written(written: Sequence[Written]) -> dict[str, Any]:
    """Return changed and diff of several writes, ready for exit_json."""
    return {"changed": any(one.changed for one in written), "diff": [one.diff for one in written if one.diff]}


def _plan(writer: Writer, wanted: DesiredFile) -> _Plan:
    if wanted.path.endswith("/"):
        raise ModuleError(f"{wanted.path} names a directory, but a file is to be written; give it a name")
    place = safe_place(wanted.path)
    directory = os.path.dirname(place.target)
    found = look_at(place.target)
    if found is not None:
        check_owner(place, found.identity.uid)
    before, now = (None, None) if found is None else (found.content, found.identity)
    if wanted.seen is not None and wanted.seen.content != before:
        raise _changed_meanwhile(wanted.path)
    kept = None if now is None else replace(now, mode=now.mode & _KEPT_MODE)
    after = desired_identity(wanted.path, wanted.attributes, kept, directory, NEW_FILE_MODE)
    plan = _Plan(wanted, place, before, now, after)
    if plan.changed:
        _check_possible(writer, plan, directory)
    return plan


def _check_possible(writer: Writer, plan: _Plan, directory: str) -> None:
    if not os.path.isdir(directory):
        if not writer.check_mode:  # in check mode an earlier task only promised to make it
            raise ModuleError(f"the directory {directory} does not exist; create it before {plan.wanted.path}")
        return
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        raise ModuleError(
            f"{plan.wanted.path} cannot be written: its file system is read-only; mount it for writing and run again"
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ModuleError(
            f"{plan.wanted.path} cannot be written: no write permission in {directory}; run the task as its owner or root"
        )
    if plan.now is not None and not writer.in_place and is_mount_point(plan.target):
        raise ModuleError(
            f"{plan.wanted.path} is a mount of its own, so no new file can take its place; mount its directory, or set "
            "unsafe_writes to true where the module has it, which overwrites the file in place"
        )
    foreign = plan.after.uid not in (os.geteuid(), plan.now.uid if plan.now else -1)
    if foreign and os.geteuid() != 0:
        raise ModuleError(
            f"{plan.wanted.path} cannot be given to uid {plan.after.uid} by an ordinary user; run the task as root"
        )


def desired_identity(
    path: str, attributes: FileAttributes, now: Ownership | None, directory: str, new_mode: int
) -> Ownership:
    """The identity a file shall have; a new one belongs to the owner of its directory when root may give it away."""
    home = now
    if home is None and os.geteuid() == 0 and os.path.isdir(directory):
        status = os.stat(directory)
        home = Ownership(status.st_uid, status.st_gid, new_mode)
    uid = home.uid if home else os.geteuid()
    gid = home.gid if home else os.getegid()
    mode = now.mode if now else new_mode
    if attributes.owner is not None:
        uid = _number(path, "owner", attributes.owner, lambda name: getpwnam(name).pw_uid)
    if attributes.group is not None:
        gid = _number(path, "group", attributes.group, lambda name: getgrnam(name).gr_gid)
    elif attributes.owner is not None and now is None and os.geteuid() == 0:
        gid = _primary_group(uid, gid)
    if attributes.mode is not None:
        mode = parse_mode(path, attributes.mode)
    return Ownership(uid, gid, mode)


def _number(path: str, option: str, name: str, find: Any) -> int:
    if str(name).isdigit():
        return int(name)
    try:
        return int(find(name))
    except KeyError as error:
        raise ModuleError(
            f"{option} of {path}: there is no {option} {name!r} on this host; create it or name another"
        ) from error


def _primary_group(uid: int, otherwise: int) -> int:
    try:
        return getpwuid(uid).pw_gid
    except KeyError:
        return otherwise


def parse_mode(path: str, mode: str | int) -> int:
    """Read a mode as Ansible users write it: "0640" (octal text) or 0640 (a YAML octal number).

    :raises ModuleError: for symbolic and impossible modes.
    """
    try:
        number = mode if isinstance(mode, int) else int(str(mode), 8)
    except ValueError as error:
        raise ModuleError(f'mode of {path}: {mode!r} is not an octal number; write it like "0640"') from error
    if not 0 <= number <= 0o7777:
        raise ModuleError(f'mode of {path}: {mode!r} is out of range; write it like "0640"')
    return number


def _carry_out(writer: Writer, plans: Sequence[_Plan]) -> dict[str, str]:
    """Bring everything to disk first, and then give it its names in order; the paths of backups by target."""
    backups = {}
    with ExitStack() as stack:
        # in one order for all runs, so that two of them never wait for each other
        directories = sorted({os.path.dirname(plan.target) for plan in plans})
        folders = {directory: stack.enter_context(locked_directory(directory)) for directory in directories}
        writes = [_Write(plan, folders[os.path.dirname(plan.target)]) for plan in plans]
        for write in writes:  # a link on the way may lead elsewhere by now
            check_owner(write.plan.place, os.fstat(write.folder.handle).st_uid)
        staged = _staged(writes)
        try:
            for write, temporary in zip(writes, staged):
                backup = write.carry_out(writer, temporary)
                if backup is not None:
                    backups[write.plan.target] = backup
        except BaseException:
            for write, temporary in zip(writes, staged):
                write.discard(temporary)  # which is nothing for what has its name by now
            raise
        finally:
            _at_once(Directory.settle, list(folders.values()))
    return backups


def _staged(writes: Sequence[_Write]) -> list[str | None]:
    """The temporary names of what is on disk now, None for what is to be removed. A disk syncs many files at once.

    :raises ModuleError: when one of them cannot be written; none of them is left then.
    """
    results = _at_once(_Write.stage, writes)
    failures = [result for result in results if isinstance(result, ModuleError)]
    if failures:
        for write, result in zip(writes, results):
            write.discard(result if isinstance(result, str) else None)
        raise failures[0]
    return [result for result in results if not isinstance(result, ModuleError)]


def _at_once(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Do what waits for the disk, for many items in threads."""
    if len(items) < _MANY:
        return [work(item) for item in items]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True)
class _Write:
    """A plan and the open directory in which it is carried out."""

    plan: _Plan
    folder: Directory

    @property
    def name(self) -> str:
        return os.path.basename(self.plan.target)

    def is_done(self) -> bool:
        return _is_done(self.folder, self.plan, self.name)

    def stage(self) -> str | ModuleError | None:
        """The temporary name, None for a file to be removed, or why it cannot be written."""
        if self.plan.wanted.content is None:
            return None
        try:
            return self.folder.stage(self.name, self.plan.wanted.content, self.plan.after)
        except ModuleError as error:
            return error

    def discard(self, temporary: str | None) -> None:
        if temporary is not None:
            self.folder.discard(temporary)

    def carry_out(self, writer: Writer, temporary: str | None) -> str | None:
        """Back up the old file where that is requested, and let the new one take its place; the path of the backup."""
        plan, backup = self.plan, None
        if self.is_done():
            self.discard(temporary)
            return None
        label = writer.labelling(plan.target, existed=plan.now is not None)

        def prepare(path: str) -> None:
            label(path)
            self.is_done()  # once more: big files, and many, take a while to reach the disk

        if plan.wanted.backup and plan.before is not None and plan.now is not None:
            backup = f"{self.name}.{os.getpid()}.{strftime('%Y-%m-%d@%H:%M:%S~')}"  # as Ansible names its backups
            self.folder.put(backup, plan.before, replace(plan.now, mode=plan.now.mode & _KEPT_MODE), label)
        if temporary is None:
            self.folder.remove(self.name)
        elif plan.wanted.content is not None and plan.now is not None and is_mount_point(plan.target):
            self.folder.overwrite(temporary, self.name, plan.wanted.content, plan.after)
            writer.warn(
                f"{plan.wanted.path} is a mount of its own and was overwritten in place: a server that read it meanwhile, or a "
                "crash, saw a part of it"
            )
        else:
            self.folder.place(temporary, self.name, prepare)
        return None if backup is None else os.path.join(self.folder.path, backup)


def _is_done(folder: Directory, plan: _Plan, name: str) -> bool:
    """Whether another run did the very same since the plan was made.

    :raises ModuleError: when the file is neither what the plan was made from nor what it shall be.
    """
    found = folder.look(name)
    content, identity = (None, None) if found is None else (found.content, found.identity)
    if (content, identity) == (plan.before, plan.now):
        return False
    if content == plan.wanted.content and identity in (None, plan.after):
        return True
    raise _changed_meanwhile(plan.wanted.path)


def _changed_meanwhile(path: str) -> ModuleError:
    return ModuleError(f"{path} was changed by somebody else during this run and is left as it is; run again")


def _diff(plan: _Plan) -> dict[str, str]:
    header = plan.wanted.path
    if not plan.content_changes:
        return {"before_header": header, "after_header": header, "before": str(plan.now), "after": str(plan.after)}
    if plan.wanted.secret:
        before = "" if plan.before is None else "(a secret that is not shown)\n"
        after = "" if plan.wanted.content is None else "(another secret that is not shown)\n"
    elif plan.wanted.shown is not None:
        before, after = (text or "" for text in plan.wanted.shown)
    else:
        before, after = _text(plan.before), _text(plan.wanted.content)
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _text(content: bytes | None) -> str:
    return "" if content is None else content.decode("utf-8", "surrogateescape")
