# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only place that writes files: everything is checked first, then each file is replaced atomically.

A new file has its owner, mode and SELinux label before it has its name, so nobody ever sees it wider than asked.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from grp import getgrnam
from pwd import getpwnam, getpwuid
from stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Any

from .errors import ModuleError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

NEW_FILE_MODE = 0o600


def read_bytes(path: str) -> bytes | None:
    """Return the content of a file, or None when there is no such file.

    :raises ModuleError: when it exists but cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModuleError(
            f"{path} cannot be read ({error.strerror}); check its owner and mode, and its type"
        ) from error


def read_text(path: str) -> str | None:
    """Like read_bytes, as text that encodes back to the very same bytes (utf-8, surrogateescape)."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


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
class Wanted:
    """A file as it shall be.

    content: its bytes, or None when it shall not exist.
    secret: the diff never tells its content.
    shown: (before, after) texts for the diff in place of the content.
    """

    path: str
    content: bytes | None
    attributes: FileAttributes = FileAttributes()
    secret: bool = False
    backup: bool = False
    shown: tuple[str | None, str | None] | None = None


@dataclass(frozen=True)
class Written:
    """What became of one file; diff is None where nothing changed."""

    path: str
    changed: bool
    diff: dict[str, str] | None = None
    backup_file: str | None = None


@dataclass(frozen=True)
class _Identity:
    """Numeric owner, group and mode."""

    uid: int
    gid: int
    mode: int

    def __str__(self) -> str:
        return f"owner: {self.uid}\ngroup: {self.gid}\nmode: {self.mode:04o}\n"


@dataclass(frozen=True)
class _Plan:
    """One checked write: where it really goes, and what is there."""

    wanted: Wanted
    target: str
    before: bytes | None
    now: _Identity | None
    after: _Identity

    @property
    def content_changes(self) -> bool:
        return self.before != self.wanted.content

    @property
    def changed(self) -> bool:
        return self.content_changes or (self.now is not None and self.now != self.after)


def write_files(module: AnsibleModule, wanted: Sequence[Wanted]) -> list[Written]:
    """Make the files as wanted, in the given order; in check mode only say what would change.

    :raises ModuleError: before the first write, when any of them cannot be made as wanted.
    """
    plans = [_plan(module, one) for one in wanted]
    return [_carry_out(module, plan) for plan in plans]


def write_directory(module: AnsibleModule, path: str, attributes: FileAttributes) -> Written:
    """Make a directory (not its parents) with these attributes, from its first moment on.

    :raises ModuleError: when the path is something else, or its parent is missing.
    """
    target = safe_target(path)
    try:
        status = os.stat(target)
    except FileNotFoundError:
        status = None
    if status is not None and not S_ISDIR(status.st_mode):
        raise ModuleError(f"{path} is not a directory; move it away or choose another path")
    if status is None and not os.path.isdir(os.path.dirname(target)) and not module.check_mode:
        raise ModuleError(f"the directory {os.path.dirname(target)} does not exist; create it before {path}")
    now = None if status is None else _Identity(status.st_uid, status.st_gid, S_IMODE(status.st_mode))
    after = _identity(path, attributes, now, os.path.dirname(target), 0o700)
    if now == after:
        return Written(path, False)
    if not module.check_mode:
        if now is None:
            os.mkdir(target, 0o700)
        os.chown(target, after.uid, after.gid)
        os.chmod(target, after.mode)
        _label(module, target, target, existed=now is not None)
    before = "" if now is None else str(now)
    return Written(path, True, {"before_header": path, "after_header": path, "before": before, "after": str(after)})


def merge_written(written: Sequence[Written]) -> dict[str, Any]:
    """Return changed and diff of several writes, ready for exit_json."""
    return {"changed": any(one.changed for one in written), "diff": [one.diff for one in written if one.diff]}


def safe_target(path: str) -> str:
    """Resolve symbolic links in a path, refusing one whose owner could not write its target himself.

    Otherwise the owner of a data directory could point root at any file of the system.

    :raises ModuleError: for such a link, and for one that leads nowhere.
    """
    path = os.path.abspath(path)
    trusted = {0, os.geteuid()}
    for _hop in range(40):
        link = _first_link(path)
        if link is None:
            return path
        rest = os.path.relpath(path, link)
        target = os.path.join(os.path.dirname(link), os.readlink(link))
        path = os.path.normpath(target if rest == "." else os.path.join(target, rest))
        owner = os.lstat(link).st_uid
        if owner in trusted:
            continue
        try:
            if os.stat(link).st_uid != owner:
                raise ModuleError(
                    f"the symbolic link {link} belongs to uid {owner} but leads to a file of somebody else; "
                    "remove the link or make root its owner"
                )
        except FileNotFoundError as error:
            raise ModuleError(f"the symbolic link {link} leads nowhere; remove it or mend its target") from error
    raise ModuleError(f"{path} is a loop of symbolic links; remove them")


def _first_link(path: str) -> str | None:
    current = "/"
    for part in path.strip("/").split("/"):
        current = os.path.join(current, part)
        try:
            if S_ISLNK(os.lstat(current).st_mode):
                return current
        except (FileNotFoundError, NotADirectoryError):
            return None
    return None


def _plan(module: AnsibleModule, wanted: Wanted) -> _Plan:
    target = safe_target(wanted.path)
    directory = os.path.dirname(target)
    before, now = None, None
    try:
        status = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        status = None
    if status is not None:
        if not S_ISREG(status.st_mode):
            raise ModuleError(f"{wanted.path} is not a regular file; move it away or choose another path")
        before, now = read_bytes(target), _Identity(status.st_uid, status.st_gid, S_IMODE(status.st_mode))
    after = _identity(wanted.path, wanted.attributes, now, directory, NEW_FILE_MODE)
    plan = _Plan(wanted, target, before, now, after)
    if plan.changed:
        _check_possible(module, plan, directory)
    return plan


def _check_possible(module: AnsibleModule, plan: _Plan, directory: str) -> None:
    if not os.path.isdir(directory):
        if not module.check_mode:  # in check mode an earlier task only promised to make it
            raise ModuleError(f"the directory {directory} does not exist; create it before {plan.wanted.path}")
        return
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ModuleError(
            f"{plan.wanted.path} cannot be written: no write permission in {directory}; run the task as its owner or root"
        )
    foreign = plan.after.uid not in (os.geteuid(), plan.now.uid if plan.now else -1)
    if foreign and os.geteuid() != 0:
        raise ModuleError(
            f"{plan.wanted.path} cannot be given to uid {plan.after.uid} by an ordinary user; run the task as root"
        )


def _identity(path: str, attributes: FileAttributes, now: _Identity | None, directory: str, new_mode: int) -> _Identity:
    """The identity a file shall have; a new one belongs to the owner of its directory when root may give it away."""
    home = now
    if home is None and os.geteuid() == 0 and os.path.isdir(directory):
        status = os.stat(directory)
        home = _Identity(status.st_uid, status.st_gid, new_mode)
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
    return _Identity(uid, gid, mode)


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


def _carry_out(module: AnsibleModule, plan: _Plan) -> Written:
    if not plan.changed:
        return Written(plan.wanted.path, False)
    backup = None
    if not module.check_mode:
        if plan.wanted.backup and plan.before is not None:
            backup = _backup(module, plan)
        if plan.wanted.content is None:
            os.unlink(plan.target)
        else:
            _replace(module, plan, plan.wanted.content)
    return Written(plan.wanted.path, True, _diff(plan), backup)


def _backup(module: AnsibleModule, plan: _Plan) -> str:
    old_umask = os.umask(0o077)  # the copy of a secret is never wider than its original
    try:
        return str(module.backup_local(plan.target))
    finally:
        os.umask(old_umask)


def _replace(module: AnsibleModule, plan: _Plan, content: bytes) -> None:
    directory = os.path.dirname(plan.target)
    if not os.path.isdir(directory):
        raise ModuleError(f"the directory {directory} does not exist; create it before {plan.wanted.path}")
    handle, temporary = tempfile.mkstemp(prefix=".pgtls-", dir=directory)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchown(stream.fileno(), plan.after.uid, plan.after.gid)
            os.fchmod(stream.fileno(), plan.after.mode)
            os.fsync(stream.fileno())
        _label(module, temporary, plan.target, existed=plan.now is not None)
        os.rename(temporary, plan.target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _label(module: AnsibleModule, path: str, name: str, existed: bool) -> None:
    """Give a file the SELinux context its name has now, or shall have by the policy."""
    if module.selinux_enabled():
        context = module.selinux_context(name) if existed else module.selinux_default_context(name)
        module.set_context_if_different(path, context, False)


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
    return "" if content is None else content.decode("utf-8", "replace")
