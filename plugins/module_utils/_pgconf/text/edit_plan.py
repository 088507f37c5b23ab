# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document being rearranged: places are settled on the original lines, then it is put together in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..errors import ConfigError
from .document import Document, Line
from .records import Entry, Record


@dataclass(frozen=True)
class Wishes:
    """What a task wants: records present and absent; ``exclusive`` when there shall be no others; ``block`` by name."""

    present: Sequence[Record]
    absent: Sequence[Record] = ()
    exclusive: bool = False
    block: str | None = None


@dataclass(frozen=True)
class Ordering:
    """What the order of records means in this kind of file.

    ``shadow`` takes the foreign records (index of the line, record) and returns a function that tells which line makes
    a record unreachable; ``overlap`` tells whether the order of two records matters.
    """

    shadow: Callable[[Sequence[tuple[int, Record]]], Callable[[Record], int | None]]
    overlap: Callable[[Record, Record], bool]


@dataclass(frozen=True)
class Placement:
    """Where records go: kind is effective, first, last, before or after; the last two need what the anchor matches."""

    kind: str = "effective"
    anchor: Record | None = None


@dataclass
class Layout:
    """The document being rearranged: lines taken out, lines rewritten, lines to insert before an original line."""

    document: Document[Entry]
    removed: set[int] = field(default_factory=set)
    rewritten: dict[int, Line[Entry]] = field(default_factory=dict)
    inserted: dict[int, list[tuple[int, Line[Entry]]]] = field(default_factory=dict)

    def insert(self, index: int, order: int, line: Line[Entry]) -> None:
        """Insert before the original line ``index``; lines for one place are sorted by ``order``."""
        self.inserted.setdefault(index, []).append((order, line))

    def settle(self) -> Document[Entry]:
        """The rearranged document; the original itself when nothing was to do."""
        lines: list[Line[Entry]] = []
        for index in range(len(self.document.lines) + 1):
            lines += [line for _order, line in sorted(self.inserted.get(index, []), key=lambda pair: pair[0])]
            if index < len(self.document.lines) and index not in self.removed:
                lines.append(self.rewritten.get(index, self.document.lines[index]))
        return self.document.with_lines(lines)


def records_of(document: Document[Entry]) -> list[tuple[int, Record]]:
    """(index of the line, record) of all lines that hold a record."""
    return [(index, entry) for index, entry in document.entries() if isinstance(entry, Record)]


def new_line(document: Document[Entry], record: Record) -> Line[Entry]:
    """A line in our own style."""
    return Line(record.render() + document.newline, record)


def satisfied(existing: Record, wanted: Record) -> bool:
    """Whether the line needs no rewriting: another spelling is not a difference, an asked-for comment is."""
    comment_fits = wanted.comment is None or (existing.comment or "") == wanted.comment
    return existing.effect == wanted.effect and comment_fits


def updated_line(document: Document[Entry], line: Line[Entry], wanted: Record) -> Line[Entry]:
    """The line itself if it satisfies the wish, else rewritten; its comment and its line end stay unless asked for."""
    existing = line.entry
    if not isinstance(existing, Record) or satisfied(existing, wanted):
        return line
    if wanted.comment is None:
        wanted = wanted.with_comment(existing.comment)
    content = line.raw.rstrip("\r\n")
    return Line(wanted.render() + line.raw[len(content) :], wanted)


def find_anchor(document: Document[Entry], placement: Placement) -> int:
    """The line of the first record with what the anchor matches; ConfigError when there is none."""
    anchor = placement.anchor
    if anchor is None:
        raise ConfigError(f"placement {placement.kind} needs the fields of another entry")
    for index, record in records_of(document):
        if record.match_key == anchor.match_key:
            return index
    shown = " ".join(anchor.render().rsplit(" ", 1)[0].split())
    raise ConfigError(f"no line of the file matches the entry given as the place ({shown}); correct before or after")
