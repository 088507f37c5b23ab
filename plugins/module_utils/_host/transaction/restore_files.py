# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting back the files of a transaction: all are brought to disk first, and then they get their names.

No two names change at once, but between a certificate and its key lie only a few renames, should the run be killed there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..errors import ModuleError, sentence_of
from ..files.directory import Directory, ReadFile, locked_directory, look_at
from ..files.writer import Writer
from .journal import Journal, SavedFile, beside, content_digest
from .snapshot import Transaction


@dataclass(frozen=True)
class _Change:
    """A file that differs, and what it shall be; wanted is None for one that did not exist. hidden remembers it."""

    one: SavedFile
    wanted: ReadFile | None
    hidden: str

    @property
    def directory(self) -> str:
        return os.path.dirname(self.one.target)

    @property
    def name(self) -> str:
        return os.path.basename(self.one.target)


def restore(transaction: Transaction, journal: Journal) -> tuple[list[str], list[str]]:
    """Put back every file that differs; returns the paths put back, and a sentence for each that could not be.

    In check mode the paths that would be.
    """
    problems: list[str] = []
    changes = []
    for one in journal.files:
        with _noting(one, problems):
            change = _find_change(transaction, one) if one.made else None
            if change is not None:
                changes.append(change)
    # in one order for all runs, so that two of them never wait for each other
    changes.sort(key=lambda change: change.directory)
    if transaction.writer.check_mode:
        return [change.one.path for change in changes], problems
    return _carry_out(transaction.writer, changes, problems), problems


@contextmanager
def _noting(one: SavedFile, problems: list[str]) -> Iterator[None]:
    """Go on with the other files when one cannot be put back."""
    try:
        yield
    except (ModuleError, OSError) as error:
        problems.append(f"{one.path}: {sentence_of(error)}")


def _find_change(transaction: Transaction, one: SavedFile) -> _Change | None:
    hidden = beside(one.target, transaction.cluster)
    kept = look_at(hidden) if one.existed else None
    if one.existed and kept is None:
        raise ModuleError(f"{hidden}, which saved it, is gone")
    if kept is not None and not _is_what_was_kept(one, kept):
        raise ModuleError(
            f"{hidden} is not what the run saved, because somebody replaced or changed it; "
            "restore the file from a backup, then remove both"
        )
    wanted = None if kept is None else ReadFile(kept.content, one.identity)
    return None if look_at(one.target) == wanted else _Change(one, wanted, hidden)


def _is_what_was_kept(one: SavedFile, kept: ReadFile) -> bool:
    """Whether the owner of the directory left alone what will be put back: the link is the same file, the copy the same bytes."""
    if one.linked:  # of the same owner too, because the inode of a file that is gone is given to another one
        return (kept.node, kept.identity.uid) == ((one.device, one.inode), one.uid)
    return content_digest(kept.content) == one.digest


def _carry_out(writer: Writer, changes: Sequence[_Change], problems: list[str]) -> list[str]:
    restored: list[str] = []
    staged = []
    with ExitStack() as stack:
        for change in changes:
            with _noting(change.one, problems):
                folder = stack.enter_context(locked_directory(change.directory))
                staged.append((change, folder, _stage(folder, change)))
        for change, folder, temporary in staged:
            with _noting(change.one, problems):
                _place(writer, folder, change, temporary)
                restored.append(change.one.path)
        for folder in {change.directory: folder for change, folder, _temporary in staged}.values():
            folder.settle()
    return restored


def _stage(folder: Directory, change: _Change) -> str | None:
    """The temporary name of the file as it shall be, None for one that shall be gone.

    The remembered link of a key stays until the end of the transaction; it gets one more name.
    """
    if change.wanted is None:
        return None
    if change.one.linked:
        node = (change.one.device, change.one.inode)
        return folder.stage_link(os.path.basename(change.hidden), change.wanted.identity, node)
    return folder.stage(change.name, change.wanted.content, change.wanted.identity)


def _place(writer: Writer, folder: Directory, change: _Change, temporary: str | None) -> None:
    if temporary is None:
        folder.remove(change.name)
        return
    folder.place(temporary, change.name, writer.labelling(change.one.target, os.path.lexists(change.one.target)))
    folder.discard(temporary)  # a rename of one link to another of the same file does nothing
