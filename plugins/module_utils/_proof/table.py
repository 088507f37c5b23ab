# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of attempts that a person reads: aligned plain text, one line per attempt, a summary at the end.

What differs stands first, each with its reason below; what was not attempted is only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK = "ok"
DIFFERS = "DIFFERS"
NOT_TRIED = "not tried"
_NOTHING = "-"
_GAP = "  "


@dataclass(frozen=True)
class _Column:
    """A field of Row with its heading and the widest that a cell may become before it is cut."""

    field: str
    heading: str
    widest: int


_COLUMNS = (
    _Column("attempt", "attempt", 56),
    _Column("origin", "from", 24),
    _Column("server", "server", 24),
    _Column("sslmode", "sslmode", 11),
    _Column("name_used", "name used", 32),
    _Column("role", "role", 20),
    _Column("expected", "expected", 8),
    _Column("outcome", "outcome", 13),
    _Column("tls_version", "TLS version", 11),
    _Column("cipher", "cipher", 30),
    _Column("client_dn", "client DN", 48),
    _Column("mark", "", 9),
)
# So many columns before the mark are about TLS; an error stands in their place.
_ABOUT_TLS = 3
_WIDEST_ERROR = 60
_WIDEST_REASON = 240
# Columns that are there only where the attempts have several of them.
_WHERE_SEVERAL = ("origin", "server")


@dataclass(frozen=True)
class Row:
    """One attempt in words; what does not apply is None. mark: OK, DIFFERS or NOT_TRIED.

    error: the words of whoever refused; they stand where an accepted attempt has its TLS version, cipher and client DN.
    origin: the host that made the attempt. because: why it differs.
    """

    attempt: str
    sslmode: str | None
    name_used: str | None
    role: str | None
    expected: str
    outcome: str
    tls_version: str | None
    cipher: str | None
    client_dn: str | None
    mark: str
    error: str | None = None
    server: str | None = None
    origin: str | None = None
    because: str | None = None

    def cells(self, columns: Sequence[_Column]) -> tuple[str, ...]:
        """Return the printable cells in the order of the columns."""
        return tuple(_cut(_printable(getattr(self, column.field)), column.widest) for column in columns)


def render_table(rows: Sequence[Row], seconds: float | None = None) -> list[str]:
    """Return the lines of the table, without trailing blanks; the last one is the summary, with the time that all took.

    The columns of servers and of hosts that tried them are there where the attempts are about several.
    """
    tried = sorted((row for row in rows if row.mark != NOT_TRIED), key=lambda row: row.mark != DIFFERS)
    if rows and not tried:
        return [summarise(rows, seconds)]
    several = [field for field in _WHERE_SEVERAL if len({getattr(row, field) for row in tried}) > 1]
    columns = [column for column in _COLUMNS if column.field in several or column.field not in _WHERE_SEVERAL]
    headings = tuple(column.heading for column in columns)
    cells = [row.cells(columns) for row in tried]
    widths = [max(len(line[index]) for line in [headings, *cells]) for index in range(len(headings))]
    longest_error = max((len(_printable(row.error)) for row in tried if row.error), default=0)
    widths[-2] += max(0, min(longest_error, _WIDEST_ERROR) - _span(widths))
    rule = tuple("-" * width if heading else "" for heading, width in zip(headings, widths))
    lines = [_line(line, widths) for line in (headings, rule)]
    for row, line in zip(tried, cells):
        lines.append(_line(line, widths, row.error))
        if row.mark == DIFFERS and row.because:
            lines.append(_cut(f"{_GAP * 2}{_printable(row.because)}", _WIDEST_REASON))
    return [*lines, "", summarise(rows, seconds)]


def _span(widths: Sequence[int]) -> int:
    """The width of the columns about TLS together."""
    columns = widths[-1 - _ABOUT_TLS : -1]
    return sum(columns) + len(_GAP) * (_ABOUT_TLS - 1)


def summarise(rows: Sequence[Row], seconds: float | None = None) -> str:
    """Return a line such as "27 attempts in 0.4 seconds, 27 as expected"."""
    noun = "attempt" if len(rows) == 1 else "attempts"
    tried = [row for row in rows if row.mark != NOT_TRIED]
    if rows and not tried:
        return f"{len(rows)} {noun} {'was' if len(rows) == 1 else 'were'} not made"
    differing = sum(row.mark == DIFFERS for row in rows)
    time = "" if seconds is None else f" in {seconds:.1f} seconds"
    line = f"{len(rows)} {noun}{time}, {len(tried) - differing} as expected"
    if differing:
        line += f", {differing} {'DIFFERS' if differing == 1 else 'DIFFER'}"
    if len(tried) < len(rows):
        line += f", {len(rows) - len(tried)} not tried"
    return line


def _line(cells: Sequence[str], widths: Sequence[int], error: str | None = None) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths)]
    if error:
        span = _span(widths)
        padded[-1 - _ABOUT_TLS : -1] = [_cut(_printable(error), span).ljust(span)]
    return _GAP.join(padded).rstrip()


def _printable(cell: str | None) -> str:
    text = "".join(character if character.isprintable() else " " for character in cell or "").strip()
    return text or _NOTHING


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."
