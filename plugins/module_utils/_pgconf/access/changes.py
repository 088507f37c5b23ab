# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of access as sets of connections, in as few as possible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from ..rules.wording import REFUSED
from .sets import Names, Range, unite_names, unite_ranges


@dataclass(frozen=True)
class AccessChange:
    """Connections that met one outcome before and meet another after; the four columns hold independently."""

    before: str
    after: str
    users: frozenset[Names]
    databases: frozenset[Names]
    classes: frozenset[str]
    addresses: frozenset[Range]


@dataclass(frozen=True)
class Comparison:
    """All changes; ``has_gss`` whether GSSAPI encryption is told from plain TCP; not complete when it took too long."""

    changes: tuple[AccessChange, ...]
    has_gss: bool
    is_complete: bool = True


def merge_changes(changes: Sequence[AccessChange]) -> list[AccessChange]:
    """The same changes in few: those that differ in one column only become one, again and again."""
    merged = list(changes)
    while True:
        count = len(merged)
        for column in ("databases", "users", "classes", "addresses"):
            merged = _merged_by(merged, column)
        if len(merged) == count:
            return merged


def _merged_by(changes: Sequence[AccessChange], column: str) -> list[AccessChange]:
    unite: dict[str, Callable[..., frozenset[Any]]] = {"addresses": unite_ranges, "classes": frozenset}
    others = attrgetter(*(one.name for one in fields(AccessChange) if one.name != column))
    groups: dict[Hashable, list[AccessChange]] = defaultdict(list)
    for change in changes:
        groups[others(change)].append(change)
    merged = []
    for members in groups.values():
        if len(members) > 1:
            parts = (part for one in members for part in getattr(one, column))
            united: dict[str, Any] = {column: unite.get(column, unite_names)(parts)}
            merged.append(replace(members[0], **united))
        else:
            merged += members
    return merged


def put_losses_together(changes: Sequence[AccessChange]) -> list[AccessChange]:
    """The same changes with one word for all who are refused now."""
    lost = [replace(change, before="let in") if change.after == REFUSED else change for change in changes]
    return merge_changes(lost)
