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
class Broken:
    """A line for which the server rejects the whole file; ``column`` counts in the joined line from 1, 0 when unknown."""

    problem: str
    column: int = 0


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


def check_no_new_problem(before: Iterable[tuple[int, str, str]], after: Iterable[tuple[int, str, str]]) -> None:
    """Raise ConfigError for the first problem that was not there before; a line end that was added is not a difference."""
    known = {(line.rstrip("\r\n"), problem) for _number, line, problem in before}
    for number, line, problem in after:
        if (line.rstrip("\r\n"), problem) not in known:
            raise ConfigError(problem, number, line)
