# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be reloaded: whatever reads files that are not those of its last reload.

A record tells for each action the digest of the files that it was last done for. So a reload that failed, and one that a
killed run never came to, are due at the next run, whoever wrote the files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ..errors import ModuleError
from ..files.directory import look_at
from ..files.reading import read_bytes
from ..files.state_directory import check_state_directory, make_state_directory, state_directory
from ..files.writer import DesiredFile, FileAttributes, Writer, write_files
from .reload_actions import Action, NothingThere, read_actions

RECORD_NAME = "pgtls-reloads.json"
_FORMAT = 1


@dataclass
class Reload:
    """One action with all entries that name it.

    files: what is read by the program, of those entries whose certificate is there. is_new: none of them was there before this run.
    is_due: one of them will be renewed.
    """

    action: Action
    names: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    is_new: bool = True
    is_due: bool = False

    @property
    def key(self) -> str:
        """What the record knows it by."""
        return sha256(repr(self.action).encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def shown(self) -> str:
        """The action and its entries."""
        return f"{self.action.shown} for {', '.join(self.names)}"

    def digest(self) -> str:
        """What the content of the files is recognised by.

        :raises ModuleError: for something that is not a file.
        """
        whole = sha256()
        for path in sorted(self.files):
            content = read_bytes(path)
            part = b"" if content is None else sha256(content).digest()
            whole.update(sha256(path.encode("utf-8", "surrogateescape")).digest() + part)
        return whole.hexdigest()


@dataclass
class ReloadOutcome:
    """What came of it: the record to keep, what was done or is due in check mode, and sentences."""

    record: dict[str, str]
    reloaded: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def read_reloads(uses: Sequence[Mapping[str, Any]]) -> list[Reload]:
    """Each action once, in the order of the list.

    :raises ModuleError: for options that cannot be.
    """
    found: dict[str, Reload] = {}
    for use in uses:
        for action in read_actions(use["services"], use["commands"], f"the certificate {use['name']}"):
            new = Reload(action)
            reload = found.setdefault(new.key, new)
            is_there = os.path.lexists(use["certificate"])
            reload.names.append(use["name"])
            reload.files.update([use["certificate"], *use["files"]] if is_there else [])
            reload.is_new = reload.is_new and (use["is_new"] or not is_there)
            reload.is_due = reload.is_due or use["is_due"]
    return list(found.values())


def carry_out(
    reloads: Sequence[Reload], before: Mapping[str, str], timeout_seconds: int, check_mode: bool
) -> ReloadOutcome:
    """Do what is due; a failure of one keeps no other from its turn.

    :raises ModuleError: for no time at all.
    """
    if timeout_seconds < 1:
        raise ModuleError(f"timeout_seconds is {timeout_seconds}, but it must be at least 1")
    outcome = ReloadOutcome({one.key: before[one.key] for one in reloads if one.key in before})
    for one in reloads:
        if not one.files:
            continue
        digest, known = one.digest(), before.get(one.key)
        is_first = known is None and one.is_new  # nobody can have read what was not there
        if is_first or (known == digest and not (check_mode and one.is_due)):
            outcome.record[one.key] = digest
        elif check_mode:
            outcome.reloaded.append(one.shown)
        elif _done(one, timeout_seconds, outcome):
            outcome.record[one.key] = digest
    return outcome


def _done(one: Reload, timeout_seconds: int, outcome: ReloadOutcome) -> bool:
    """Whether nothing of the old files is in memory any more."""
    try:
        if one.action.run(timeout_seconds):
            outcome.reloaded.append(one.shown)
        return True
    except NothingThere as error:
        outcome.warnings.append(f"{one.shown} was not reloaded: {error}; install it, or correct the inventory")
    except ModuleError as error:
        outcome.failures.append(
            f"{one.shown} was not reloaded and may still use the old files: {error}; the new files are in place and valid, "
            "and the next run tries again"
        )
    return False


def record_path(directory: str) -> str:
    """Return where the record of a directory of certificates is."""
    return os.path.join(state_directory(directory), RECORD_NAME)


def read_record(directory: str) -> dict[str, str]:
    """Return the digests of the last reloads; none where nothing is recorded.

    :raises ModuleError: when the record is somebody else's, or none.
    """
    path = record_path(directory)
    found = look_at(path) if check_state_directory(os.path.dirname(path)) else None
    if found is None:
        return {}
    if found.identity.uid not in (0, os.geteuid()):
        raise ModuleError(
            f"the record {path} belongs to uid {found.identity.uid}, so it is not trusted; find out who put it there, then remove it"
        )
    try:
        fields = json.loads(found.content)
        if fields["format"] == _FORMAT:
            return {str(key): str(digest) for key, digest in fields["reloaded"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ModuleError(f"{path} is not a record of reloads; remove it, and everything is reloaded once")


def write_record(writer: Writer, directory: str, record: Mapping[str, str]) -> None:
    """Keep the digests, readable by their owner alone."""
    path = record_path(directory)
    make_state_directory(os.path.dirname(path))
    content = json.dumps({"format": _FORMAT, "reloaded": dict(record)}, indent=1, sort_keys=True).encode() + b"\n"
    write_files(writer, [DesiredFile(path, content, FileAttributes(mode=0o600), secret=True)])
