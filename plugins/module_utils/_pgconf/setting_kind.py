# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of value a setting has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What pg_settings says of a setting: vartype (bool, integer, real, enum, string), unit (kB, 8kB, s, ...), context,
    the least and the greatest number, the words of an enum.
    """

    vartype: str
    unit: str | None = None
    context: str | None = None
    min_value: str | None = None
    max_value: str | None = None
    enum_values: tuple[str, ...] | None = None
