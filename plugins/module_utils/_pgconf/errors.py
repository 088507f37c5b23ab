# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this package."""

from __future__ import annotations


class ConfigError(Exception):
    """A sentence about a configuration text or about what was asked to be in it.

    ``line_number`` is 1-based and names the first physical line; both it and ``line`` are None when the trouble
    lies in the wish and not in the file. ``column`` counts in the (joined) line from 1, 0 when unknown.
    """

    def __init__(self, problem: str, line_number: int | None = None, line: str | None = None, column: int = 0) -> None:
        self.column = column
        self.problem = problem
        self.line_number = line_number
        self.line = line
        super().__init__(problem)

    def __str__(self) -> str:
        if self.line_number is None:
            return self.problem
        shown = f" ({self.line.strip()})" if self.line and self.line.strip() else ""
        return f"line {self.line_number}{shown}: {self.problem}"
