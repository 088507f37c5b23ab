# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that an edit did not make and does not fix: the server goes on without looking, and its next restart meets them.

Lines of the file and of all that is read with it count. The server's own views say which they are, where it reads the file;
otherwise, and for the words, our own verdict does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..._pgconf.environment import DISTRIBUTION_BUILD, Files
from ..._pgconf.errors import ConfigError
from ..._pgconf.login.verdict import FileVerdict, judge_conf, judge_hba, judge_ident
from ..._pgconf.setting_kind import Kind
from ..._pgconf.settings.values import read_kinds
from ..._pgconf.text.document import Document
from ..._pgconf.text.records import Broken, Opaque
from ..server.configuration_files import same_file
from ..server.views import CONF, HBA, IDENT, Complaint
from .server_validation import Edit, ServerValidator, find_settings_files, read_setting_kinds

_AT_A_START = {
    CONF: "a server that is restarted does not start",
    HBA: "a server that is restarted does not start",
    IDENT: "a server that is restarted has no maps",
}
_MOST_SENTENCES = 10


@dataclass(frozen=True)
class _Fault:
    """A line that no server loads (its number is 0 for the whole file), and what is wrong with it."""

    file: str
    line_number: int
    problem: str

    def sentence(self, judge: ServerValidator, waits: bool) -> str:
        """Return the warning; waits: for the server it is no more than a setting that waits for a restart."""
        place = f"line {self.line_number} of {self.file}" if self.line_number else self.file
        reload = "a reload leaves it waiting" if waits else "no reload takes the files"
        return (
            f"{place} is invalid for PostgreSQL {judge.version} and was left alone: {self.problem}; until it is fixed, "
            f"{reload}, and {_AT_A_START[judge.kind]}"
        )


def describe_faults(
    edit: Edit, judge: ServerValidator, document: Document[Any], auto_conf: str | None = None
) -> list[str]:
    """Return a warning for each fault that is left when the file of an edit reads as this document.

    auto_conf: the file of ALTER SYSTEM, as the task names it.
    """
    if judge.kind is not CONF and not (judge.known if judge.is_judging else _may_have_faults(document)):
        return []
    table = read_kinds(read_setting_kinds(judge)) if judge.kind is CONF else {}
    verdict, files = _judge(edit, judge, document.render(), auto_conf, table)
    faults = [_Fault(one.file, one.line_number, one.problem) for one in verdict.errors]
    waiting: list[_Fault] = []
    if judge.is_judging:
        left = _left_of(judge.known, faults, _Lines(files))
        # For the server a setting that only a start reads waits for it, whatever its value.
        waiting = [one for one in faults if one not in left] if table else []
        faults = [*left, *waiting]
    sentences = [one.sentence(judge, one in waiting) for one in faults[:_MOST_SENTENCES]]
    more = len(faults) - _MOST_SENTENCES
    if more > 0:
        sentences.append(f"{more} more {'lines are' if more > 1 else 'line is'} invalid like these")
    return sentences


def _may_have_faults(document: Document[Any]) -> bool:
    """Whether lines of the document are invalid, or lead to other files; a file without any rule may be refused too."""
    return not document.entries() or any(
        "@" in line.raw or isinstance(line.entry, (Broken, Opaque)) for line in document.lines
    )


class _Lines:
    """The physical lines of files without the blanks around them, as a server will read them after the edit."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, list[str]] = {}

    def of(self, file: str) -> Sequence[str]:
        """Return all lines of a file; none where it cannot be read."""
        if file not in self._known:
            self._known[file] = [line.strip() for line in self._text(file).split("\n")]
        return self._known[file]

    def _text(self, file: str) -> str:
        try:
            return self._files.read(file) or ""
        except ConfigError:
            return ""


def _judge(
    edit: Edit, judge: ServerValidator, after: str, auto_conf: str | None, table: Mapping[str, Kind]
) -> tuple[FileVerdict, Files]:
    if judge.kind is CONF:
        main, last = find_settings_files(edit.path, auto_conf, judge)
        text, files = judge.files_after(main, edit.path, after)
        build = replace(DISTRIBUTION_BUILD, settings=table or None)
        return judge_conf(text, judge.version, files, build, last), files
    text, files = judge.files_after(judge.main_file(edit.path), edit.path, after)
    return (judge_hba if judge.kind is HBA else judge_ident)(text, judge.version, files), files


def _left_of(known: Sequence[Complaint], own: Sequence[_Fault], lines: _Lines) -> list[_Fault]:
    """What the server complained about before the edit, as far as it is still there, in our words where we have some."""
    found = []
    for one in known:
        there = lines.of(one.file)
        if not one.line_number:
            found.append(_Fault(one.file, 0, one.words))
        elif one.line in there:
            number = there.index(one.line) + 1
            found.append(_in_our_words(_Fault(one.file, number, one.words), own, there))
    return list(dict.fromkeys(found))


def _in_our_words(fault: _Fault, own: Sequence[_Fault], there: Sequence[str]) -> _Fault:
    """The same fault as our own verdict has it, which names the way out."""
    line = there[fault.line_number - 1]
    return next(
        (
            one
            for one in own
            if same_file(one.file, fault.file) and there[one.line_number - 1 : one.line_number] == [line]
        ),
        fault,
    )
