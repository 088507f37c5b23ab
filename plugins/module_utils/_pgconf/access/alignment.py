# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two lists of rules or mappings as one list of steps: what stayed, what came, what went; one that moved did both.

Whoever meets no step that came or went meets the same first match in both lists.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..text.records import Record


@dataclass(frozen=True)
class Step:
    """A record, and in which of the two lists it stands."""

    record: Record
    in_before: bool
    in_after: bool

    @property
    def is_changed(self) -> bool:
        """Whether it stands in one list only."""
        return not (self.in_before and self.in_after)


def align(before: Sequence[Record], after: Sequence[Record]) -> list[Step]:
    """Every record of both lists once, in an order that keeps that of either list."""
    old, new = ([(record.match_key, record.effect) for record in records] for records in (before, after))
    kept = [*_kept(old, new), (len(before), len(after))]
    steps: list[Step] = []
    next_old = next_new = 0
    for at_old, at_new in kept:
        steps += [Step(record, True, False) for record in before[next_old:at_old]]
        steps += [Step(record, False, True) for record in after[next_new:at_new]]
        if at_new < len(after):
            steps.append(Step(after[at_new], True, True))
        next_old, next_new = at_old + 1, at_new + 1
    return steps


def _kept(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pairs of positions of what stands in both lists in the same order, as many as possible."""
    begin = 0
    while begin < min(len(old), len(new)) and old[begin] == new[begin]:
        begin += 1
    end = 0
    while end < min(len(old), len(new)) - begin and old[-1 - end] == new[-1 - end]:
        end += 1
    head = [(position, position) for position in range(begin)]
    tail = [(len(old) - position, len(new) - position) for position in range(end, 0, -1)]
    return head + _longest_in_order(_pairs(old, new, begin, end)) + tail


def _pairs(old: Sequence[Hashable], new: Sequence[Hashable], begin: int, end: int) -> list[tuple[int, int]]:
    """The first of the same in one list goes with the first in the other, and so on; in the order of the new list."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for position in range(len(old) - end - 1, begin - 1, -1):
        places[old[position]].append(position)
    middle = range(begin, len(new) - end)
    return [(places[new[position]].pop(), position) for position in middle if places.get(new[position])]


def _longest_in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest ascending subsequence of the pairs' first positions (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []  # of the best sequence of each length, its last pair
    previous: list[int] = []
    for index, (position, _other) in enumerate(pairs):
        length = bisect_left(tops, position)
        previous.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [position]
        ends[length : length + 1] = [index]
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(pairs[index])
        index = previous[index]
    return found[::-1]
