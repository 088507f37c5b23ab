# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line of pg_hba.conf or pg_ident.conf can be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar, Union

from ..errors import ConfigError
from .document import Document

Itself = TypeVar("Itself", bound="Record")


class Record(ABC):
    """A rule or a mapping: frozen, comparable by what the server makes of it and not by its spelling."""

    version: int
    comment: str | None

    @property
    @abstractmethod
    def match_key(self) -> Hashable:
        """Equal for records about the same thing; at most one of them decides."""

    @property
    def written_key(self) -> Hashable:
        """Equal to one of the keys of a line in the same words of which a server makes nothing; None where that is not known."""
        return None

    @property
    @abstractmethod
    def effect(self) -> Hashable:
        """What the record decides about it."""

    @abstractmethod
    def render(self) -> str:
        """The line without its end."""

    @abstractmethod
    def with_comment(self: Itself, comment: str | None) -> Itself:
        """The same record with another trailing comment."""


@dataclass(frozen=True)
class Opaque:
    """A line whose meaning stands in another file (include directives, @files); it is kept and never judged."""

    text: str


@dataclass(frozen=True)
class OpaqueWords(Opaque):
    """The same; keys: what a task may call it by its words."""

    keys: frozenset[Hashable]


@dataclass(frozen=True)
class Broken:
    """A line for which the server rejects the whole file; ``column`` counts in the joined line from 1, 0 when unknown.

    keys: what a task may call it by its words.
    """

    problem: str
    column: int = 0
    keys: frozenset[Hashable] = frozenset()


@dataclass(frozen=True)
class RefusedLine(Record):
    """What a task wants absent although no server of this version takes it: a line in these words may be there all the same."""

    version: int
    key: Hashable
    problem: str
    comment: str | None = None

    @property
    def match_key(self) -> Hashable:
        """No line that a server reads is the same."""
        return ("as written", self.key)

    @property
    def written_key(self) -> Hashable:
        """The words."""
        return self.key

    @property
    def effect(self) -> Hashable:
        """It is never present."""
        return ()

    def render(self) -> str:
        """No line is made of it."""
        return self.problem

    def with_comment(self, comment: str | None) -> RefusedLine:
        """The same without a comment, which it never has."""
        return self


Entry = Union[Record, Opaque, Broken]


def problems(document: Document[Entry]) -> list[tuple[int, str, str]]:
    """(line number, raw line, problem) of every line for which a server rejects the file."""
    return [
        (number, line.raw, line.entry.problem) for number, line in document.numbered() if isinstance(line.entry, Broken)
    ]


def describe_broken(version: int, broken: Iterable[tuple[int, str, str]]) -> list[str]:
    """Warnings about (line number, line, problem) of lines that were left alone although no server loads them."""
    return [
        f"line {number} is invalid for PostgreSQL {version} and was left alone: {problem}; "
        "no server loads the file until it is fixed"
        for number, _line, problem in broken
    ]


def describe_written(absent: Iterable[Record]) -> list[str]:
    """Warnings about what a task wants absent although no server of the version takes it."""
    return [
        f"state is absent for words that are refused for PostgreSQL {record.version}, so only a line in these very words is "
        f"removed: {record.problem}"
        for record in absent
        if isinstance(record, RefusedLine)
    ]


def check_no_new_problem(before: Iterable[tuple[int, str, str]], after: Iterable[tuple[int, str, str]]) -> None:
    """Raise ConfigError for the first problem that was not there before; a line end that was added is not a difference."""
    known = {(line.rstrip("\r\n"), problem) for _number, line, problem in before}
    for number, line, problem in after:
        if (line.rstrip("\r\n"), problem) not in known:
            raise ConfigError(problem, number, line)
