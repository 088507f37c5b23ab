# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directories that certificates and CAs go to: made where they are missing, and never given away where somebody planted one.

The list ``directories`` is an option of certificate_request; its documentation is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from stat import S_ISDIR, S_ISLNK
from typing import Any

from ..errors import ModuleError
from .directory import Ownership, locked_directory, remove_leftovers
from .links import owner_of_place, safe_target
from .reading import walk_to
from .writer import FileAttributes, Writer, Written, desired_identity

DIRECTORIES = {
    "directories": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0755"},
            "parent_mode": {"type": "raw"},
        },
    },
}


@dataclass(frozen=True)
class DirectoryPlan:
    """One directory: its real path, what it is, None when it is missing, and what it shall be."""

    path: str
    target: str
    now: Ownership | None
    after: Ownership

    def written(self) -> Written:
        """What becomes of it."""
        if self.now == self.after:
            return Written(self.path, False)
        before = "" if self.now is None else str(self.now)
        header = {"before_header": self.path, "after_header": self.path}
        return Written(self.path, True, {**header, "before": before, "after": str(self.after)})


def plan_directories(items: Sequence[Mapping[str, Any]]) -> list[DirectoryPlan]:
    """Return what is to be done for directories as wanted, missing ones above them too; nothing is made yet.

    :raises ModuleError: when one is a link, no directory, or somebody else's.
    """
    plans: dict[str, DirectoryPlan] = {}
    for item in items:
        for plan in _plans(item, plans):
            plans.setdefault(plan.target, plan)
    return list(plans.values())


def make_directories(writer: Writer, plans: Sequence[DirectoryPlan]) -> list[Written]:
    """Make the directories; in check mode only say what would change.

    :raises ModuleError: when one cannot be made, or was changed meanwhile.
    """
    if not writer.check_mode:
        for plan in plans:
            if plan.now != plan.after:
                _carry_out(writer, plan)
    return [plan.written() for plan in plans]


def ensure_directories(writer: Writer, wanted: Mapping[str, FileAttributes]) -> list[Written]:
    """Make these directories, one below the other; unlike those of a task they may be links of root. New ones are 0700.

    :raises ModuleError: before the first one is made, when one is no directory, or somebody else's, or has none above it.
    """
    plans: dict[str, DirectoryPlan] = {}
    for path, attributes in wanted.items():
        target = safe_target(path)
        parent = os.path.dirname(target)
        if not (writer.check_mode or parent in plans or os.path.isdir(parent)):
            raise ModuleError(f"the directory {parent} does not exist; create it before {path}")
        plan = _plan(path, target, attributes, 0o700)
        if plan.now is None and parent in plans:
            plan = replace(plan, after=_inherited(plan.after, attributes, plans[parent].after))
        plans[target] = plan
    return make_directories(writer, list(plans.values()))


def _inherited(after: Ownership, attributes: FileAttributes, above: Ownership) -> Ownership:
    """A new directory belongs to the owner of the one above it, which may be another one by then."""
    if attributes.owner is not None:
        return after
    return replace(after, uid=above.uid, gid=above.gid if attributes.group is None else after.gid)


def _plans(item: Mapping[str, Any], known: Mapping[str, DirectoryPlan]) -> list[DirectoryPlan]:
    """The directory of an item, after those above it that are missing."""
    path = os.path.abspath(item["path"])
    parent, name = os.path.split(path)
    target = os.path.join(safe_target(parent), name)
    missing = [target]
    while not os.path.lexists(os.path.dirname(missing[0])) and os.path.dirname(missing[0]) not in known:
        missing.insert(0, os.path.dirname(missing[0]))
    above = item if item.get("parent_mode") is None else {**item, "mode": item["parent_mode"]}
    return [
        *(_plan(one, one, FileAttributes.of(above), 0o755) for one in missing[:-1]),
        _plan(path, target, FileAttributes.of(item), 0o755),
    ]


def _plan(path: str, target: str, attributes: FileAttributes, new_mode: int) -> DirectoryPlan:
    parent = os.path.dirname(target)
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return DirectoryPlan(path, target, None, desired_identity(path, attributes, None, parent, new_mode))
    _check_kind(path, status)
    now = Ownership.of(status)
    after = desired_identity(path, attributes, now, parent, new_mode)
    _check_owner(path, parent, now, after)
    return DirectoryPlan(path, target, now, after)


def _check_kind(path: str, status: os.stat_result) -> None:
    if S_ISLNK(status.st_mode):
        raise ModuleError(f"{path} is a symbolic link, not a directory; remove it or name the directory itself")
    if not S_ISDIR(status.st_mode):
        raise ModuleError(f"{path} is not a directory; move it away or choose another path")


def _check_owner(path: str, parent: str, now: Ownership, after: Ownership) -> None:
    """Root's directory is given away only where nobody else could have moved it there."""
    if now.uid == after.uid:
        return
    if now.uid != 0:
        raise ModuleError(
            f"the directory {path} belongs to uid {now.uid} not to uid {after.uid}; give it to the right owner "
            "or choose another path"
        )
    if owner_of_place(parent) is not None:
        raise ModuleError(
            f"the directory {path} belongs to root, but is in a directory of somebody else; "
            f"remove it, or give it to uid {after.uid} yourself"
        )


def _carry_out(writer: Writer, plan: DirectoryPlan) -> None:
    parent, name = os.path.split(plan.target)
    remove_leftovers(parent)
    with locked_directory(parent) as folder:
        if plan.now is None and not os.path.lexists(plan.target):
            folder.make(name, plan.after, writer.labelling(plan.target, existed=False))
            return
    # also where it was missing at first: another run of ours may have made it meanwhile
    handle = walk_to(plan.target, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    try:
        if Ownership.of(os.fstat(handle)) != (plan.now or plan.after):
            raise ModuleError(
                f"{plan.path} was changed by somebody else during this run and is left as it is; run again"
            )
        os.fchown(handle, plan.after.uid, plan.after.gid)
        os.fchmod(handle, plan.after.mode)
    finally:
        os.close(handle)
