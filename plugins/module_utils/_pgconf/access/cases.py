# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match where some answers are not known: the cases that must be told apart, each with what it takes for granted.

Whether a user is a member of a role, what a regular expression matches, which name a client has: such a question is a
Condition, written as it stands in the file. Both lists are asked with the same answers, so a change is never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

WHO, DATABASE, FROM = "who", "database", "from"
MOST_CHECKS = 1_000_000


@dataclass(frozen=True)
class Condition:
    """What only the server knows: the column (who, database, from) and the word that stands there."""

    column: str
    word: str


# One of these must hold; an empty clause holds always, None never.
Clause = tuple[Condition, ...]
Answer = Optional[Clause]
Given = frozenset[tuple[Condition, bool]]
NOTHING_GIVEN: Given = frozenset()  # one for all: each empty set would take 200 bytes
# The word on the left holds wherever the one on the right does.
_IMPLIED = {
    Condition(DATABASE, "samerole"): Condition(DATABASE, "sameuser"),
    Condition(DATABASE, "samegroup"): Condition(DATABASE, "sameuser"),
    Condition(FROM, "samenet"): Condition(FROM, "samehost"),
}


class BudgetExceeded(Exception):
    """So much changed that no complete answer is worth its time."""


class WorkBudget:
    """How many questions may be asked."""

    def __init__(self, checks: int = MOST_CHECKS) -> None:
        self._left = checks

    def spend(self, checks: int = 1) -> None:
        """Count; BudgetExceeded when there were too many."""
        self._left -= checks
        if self._left < 0:
            raise BudgetExceeded


@dataclass(frozen=True)
class Stage:
    """A step for some kind of connection: its clauses must all hold for it to match; outcomes are None where it is absent."""

    clauses: tuple[Clause, ...]
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Case:
    """What is taken for granted, and what comes of it before and after."""

    given: Given
    before: str
    after: str


def given_about(given: Given, column: str) -> Given:
    """What of it is about one column."""
    return frozenset(one for one in given if one[0].column == column) if given else given


def one_of(answers: Sequence[Condition | bool]) -> Answer:
    """The clause that one of these holds."""
    if True in answers:
        return ()
    return tuple(answer for answer in answers if isinstance(answer, Condition)) or None


def differing_cases(stages: Sequence[Stage], otherwise: str, patience: WorkBudget) -> list[Case]:
    """The cases with another outcome after than before; ``otherwise`` is the outcome where no stage matches."""
    found: list[Case] = []
    waiting: list[tuple[int, str | None, str | None, dict[Condition, bool]]] = [(0, None, None, {})]
    while waiting:
        position, before, after, known = waiting.pop()
        question: Condition | None = None
        while position < len(stages) and question is None and (before is None or after is None):
            stage = stages[position]
            patience.spend()
            if (before is None and stage.before is not None) or (after is None and stage.after is not None):
                holds, question = _ask(stage.clauses, known)
                if holds:
                    before = stage.before if before is None else before
                    after = stage.after if after is None else after
            position += question is None
        if question is not None:
            waiting += [(position, before, after, {**known, question: answer}) for answer in (False, True)]
        elif (before or otherwise) != (after or otherwise):
            given = frozenset(known.items()) if known else NOTHING_GIVEN
            found.append(Case(given, before or otherwise, after or otherwise))
    return found


def _ask(clauses: Sequence[Clause], known: Mapping[Condition, bool]) -> tuple[bool, Condition | None]:
    """Whether all clauses hold, or the first question that must be answered before that is known."""
    for clause in clauses:
        answers = {one: _answer(one, known) for one in clause}
        if not clause or True in answers.values():
            continue
        for condition, answer in answers.items():
            if answer is None:
                return False, condition
        return False, None
    return True, None


def _answer(condition: Condition, known: Mapping[Condition, bool]) -> bool | None:
    if condition in known:
        return known[condition]
    stronger = _IMPLIED.get(condition)
    if stronger is not None and known.get(stronger):
        return True
    weaker = (one for one, other in _IMPLIED.items() if other == condition)
    return False if any(known.get(one) is False for one in weaker) else None
