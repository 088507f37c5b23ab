# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of attempts that a person reads: aligned plain text, one line an attempt, a summary at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK = "ok"
DIFFERS = "DIFFERS"
NOT_TRIED = "not tried"
_NOTHING = "-"
_GAP = "  "

# Heading and the widest that a cell may become before it is cut.
_COLUMNS = (
    ("attempt", 56),
    ("sslmode", 11),
    ("name used", 32),
    ("role", 20),
    ("expected", 8),
    ("outcome", 13),
    ("TLS version", 11),
    ("cipher", 30),
    ("client DN", 48),
    ("", 9),
)


@dataclass(frozen=True)
class Row:
    """One attempt in words; what does not apply is None. mark: OK, DIFFERS or NOT_TRIED."""

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

    def cells(self) -> tuple[str, ...]:
        """Return the printable cells in the order of the columns."""
        raw = (
            self.attempt,
            self.sslmode,
            self.name_used,
            self.role,
            self.expected,
            self.outcome,
            self.tls_version,
            self.cipher,
            self.client_dn,
            self.mark,
        )
        return tuple(_cut(_printable(cell), width) for cell, (_heading, width) in zip(raw, _COLUMNS))


def render_table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the table, without trailing blanks; the last one is the summary."""
    headings = tuple(heading for heading, _width in _COLUMNS)
    cells = [row.cells() for row in rows]
    widths = [max(len(line[index]) for line in [headings, *cells]) for index in range(len(headings))]
    rule = tuple("-" * width if heading else "" for heading, width in zip(headings, widths))
    lines = [_line(line, widths) for line in (headings, rule, *cells)]
    return [*lines, "", summarise(rows)]


def summarise(rows: Sequence[Row]) -> str:
    """Return a line such as "27 attempts, 27 as expected"."""
    noun = "attempt" if len(rows) == 1 else "attempts"
    tried = [row for row in rows if row.mark != NOT_TRIED]
    differing = sum(row.mark == DIFFERS for row in rows)
    line = f"{len(rows)} {noun}, {len(tried) - differing} as expected"
    if differing:
        line += f", {differing} {'DIFFERS' if differing == 1 else 'DIFFER'}"
    if len(tried) < len(rows):
        line += f", {len(rows) - len(tried)} not tried"
    return line


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()


def _printable(cell: str | None) -> str:
    text = "".join(character if character.isprintable() else " " for character in cell or "").strip()
    return text or _NOTHING


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."
