# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server of a major version would load a file, and what it would say about each line.

The names of dataclasses and functions here are the entrance of this package for everybody who asks for a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

from ..environment import DISTRIBUTION_BUILD, Build, Files
from ..errors import ConfigError
from ..maps.ident import mapping_of_fields
from ..rules.hba import Rule, rule_of_fields
from ..settings.builtin_table import known_settings
from ..settings.included_settings import read_conf
from ..settings.postgresql_conf import Assignment
from ..settings.value_checks import setting_problem
from ..text.token_lines import TokenLine, read_token_lines

ERROR, WARNING = "error", "warning"
NO_FILES = Files()


@dataclass(frozen=True)
class LineVerdict:
    """What the server has against a line. ``line_number`` is that of its first physical line, from 1, or 0 for the
    whole file; ``column`` counts in the (joined) line from 1, 0 when it is the line as a whole.

    With severity "error" no server loads the file; with "warning" it loads, but the line has no effect.
    """

    file: str
    line_number: int
    severity: str
    problem: str
    column: int = 0


@dataclass(frozen=True)
class Located:
    """An entry that the server reads, in reading order, with its place: a Rule, UserMapping or Assignment.

    Words from an @file are part of the entry; ``text`` is the line as it stands (joined, without its end).
    """

    file: str
    line_number: int
    entry: Any
    text: str


@dataclass(frozen=True)
class FileVerdict:
    """Whether the server loads the file, its complaints (errors before warnings), and what it reads."""

    accepted: bool
    lines: tuple[LineVerdict, ...]
    entries: tuple[Located, ...] = ()

    @property
    def errors(self) -> tuple[LineVerdict, ...]:
        """The complaints for which the file is rejected."""
        return tuple(line for line in self.lines if line.severity == ERROR)

    @property
    def warnings(self) -> tuple[LineVerdict, ...]:
        """The complaints in spite of which it is loaded."""
        return tuple(line for line in self.lines if line.severity == WARNING)


def judge_hba(text: str, version: int, files: Files = NO_FILES, build: Build = DISTRIBUTION_BUILD) -> FileVerdict:
    """The verdict on pg_hba.conf; ``entries`` hold Rules."""
    lines = read_token_lines(text, version, files)
    complaints, entries = _judge(lines, lambda line: rule_of_fields(line.fields, line.comment, version, build))
    if not complaints and not entries:
        return _verdict(
            [LineVerdict(files.path, 0, ERROR, "the file holds no rule, so no server loads it; write one")], []
        )
    return _verdict([*complaints, *_idle_rules(entries, build)], entries)


def judge_ident(text: str, version: int, files: Files = NO_FILES, build: Build = DISTRIBUTION_BUILD) -> FileVerdict:
    """The verdict on pg_ident.conf; ``entries`` hold UserMappings."""
    lines = read_token_lines(text, version, files)
    return _verdict(*_judge(lines, lambda line: mapping_of_fields(line.fields, line.comment, version)))


def judge_conf(
    text: str,
    version: int,
    files: Files = NO_FILES,
    build: Build = DISTRIBUTION_BUILD,
    auto_conf: str | None = None,
) -> FileVerdict:
    """The verdict on postgresql.conf and the files it includes; ``entries`` hold Assignments in reading order.

    ``auto_conf`` is the path of postgresql.auto.conf, which is read last through ``files`` (missing: nothing).
    """
    settings = known_settings(version) if build.settings is None else build.settings
    complaints: list[LineVerdict] = []
    entries: list[Located] = []
    for line in read_conf(text, version, files, auto_conf):
        entry = line.entry
        if not isinstance(entry, Assignment):
            complaints.append(LineVerdict(line.file, line.number, ERROR, entry.problem, entry.column))
            continue
        entries.append(Located(line.file, line.number, entry, line.text))
        problem = setting_problem(entry.name, entry.value, version, settings)
        if problem is not None:
            complaints.append(LineVerdict(line.file, line.number, ERROR, problem, entry.start + 1))
    return _verdict(complaints, entries)


def _judge(lines: Iterable[TokenLine], parse: Callable[[TokenLine], Any]) -> tuple[list[LineVerdict], list[Located]]:
    complaints: list[LineVerdict] = []
    entries: list[Located] = []
    for line in lines:
        if line.problem is not None:
            complaints.append(LineVerdict(line.file, line.number, ERROR, line.problem, line.column))
            continue
        try:
            entries.append(Located(line.file, line.number, parse(line), line.text))
        except ConfigError as error:
            complaints.append(LineVerdict(line.file, line.number, ERROR, error.problem, error.column))
    return complaints, entries


def _idle_rules(entries: Iterable[Located], build: Build) -> list[LineVerdict]:
    """Rules that a server loads although no connection can ever be of their type."""
    reasons = {}
    if not (build.ssl and build.ssl_on):
        reasons["hostssl"] = "the rule is never met while ssl is off; set ssl = on in postgresql.conf"
    if not build.gss:
        reasons["hostgssenc"] = "the rule is never met because this build of the server has no GSSAPI; remove it"
    return [
        LineVerdict(one.file, one.line_number, WARNING, reasons[one.entry.type])
        for one in entries
        if isinstance(one.entry, Rule) and one.entry.type in reasons
    ]


def _verdict(complaints: list[LineVerdict], entries: list[Located]) -> FileVerdict:
    accepted = not any(line.severity == ERROR for line in complaints)
    return FileVerdict(accepted, tuple(complaints), tuple(entries))
