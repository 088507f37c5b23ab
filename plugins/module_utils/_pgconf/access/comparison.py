# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gains, who loses, and whose method changes when one list of rules of pg_hba.conf takes the place of another.

Connections are split by user, database, class and address into sets of which every rule says the same; only those that
a changed rule reaches are compared. Each set meets its first match in both lists, and what differs is put together again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..login.rule_matching import Unknown, expression_matches
from ..rules.hba import Rule, connection_classes
from ..rules.shadowing import overlap
from ..rules.wording import REFUSED, describe_outcome
from ..text.tokens import Name
from ..vocabulary import GSS, PLAIN, TLS, UNIX
from .alignment import Step, align
from .cases import (
    DATABASE,
    FROM,
    WHO,
    Answer,
    BudgetExceeded,
    Case,
    Clause,
    Condition,
    Given,
    Stage,
    WorkBudget,
    differing_cases,
    given_about,
    one_of,
)
from .changes import AccessChange, Comparison, merge_changes
from .sets import (
    EXCEPT,
    ONLY,
    PHYSICAL,
    Names,
    Range,
    always_met,
    condition_of,
    elementary_ranges,
    unite_ranges,
)

_SOCKET = Range(0, 0, 0)
_SAME = frozenset({"sameuser", "samerole", "samegroup"})
_FEW_OVERLAPS = 400_000
_REST, _REPLICATION = "\0rest", "\0replication"  # points that stand for all other names, and for physical replication


Point = str
Reached = list[tuple[int, tuple[Clause, ...]]]


def compare_access(before: Sequence[Rule], after: Sequence[Rule], patience: WorkBudget | None = None) -> Comparison:
    """What differs between two lists of rules, each in the order in which a server tries them."""
    steps = _relevant(align(before, after))
    has_gss = any(step.rule.type in ("hostgssenc", "hostnogssenc") for step in steps)
    search = _Search(steps, has_gss, patience or WorkBudget())
    found: list[AccessChange] = []
    is_complete = True
    try:
        found.extend(search.changes())
    except BudgetExceeded:
        found, is_complete = search.found, False
    return Comparison(tuple(merge_changes(found)), has_gss, is_complete)


@dataclass(frozen=True)
class _Ruling:
    """A rule and what it means before and after; None where it is absent."""

    rule: Rule
    before: str | None
    after: str | None

    @property
    def is_changed(self) -> bool:
        return self.before is None or self.after is None


def _relevant(steps: Sequence[Step]) -> list[_Ruling]:
    """Without the rules that meet no connection that a changed one meets, as long as that is quickly told."""
    rules = [(step, step.record) for step in steps if isinstance(step.record, Rule)]
    changed = [rule for step, rule in rules if step.is_changed]
    if len(changed) * len(rules) <= _FEW_OVERLAPS:
        rules = [(step, rule) for step, rule in rules if step.is_changed or any(overlap(rule, one) for one in changed)]
    return [
        _Ruling(
            rule, describe_outcome(rule) if step.in_before else None, describe_outcome(rule) if step.in_after else None
        )
        for step, rule in rules
    ]


class _Axis:
    """Rules by the names in one of their columns."""

    def __init__(self, listed: Iterable[tuple[int, Sequence[Name]]]) -> None:
        self._named: dict[str, list[int]] = defaultdict(list)
        self._general: list[int] = []
        for index, names in listed:
            if all(name.kind == "name" for name in names):
                for text in {name.text for name in names}:
                    self._named[text].append(index)
            else:
                self._general.append(index)

    def reaching(self, point: Point) -> list[int]:
        """The rules that may be about this point, in their order."""
        return sorted([*self._named.get(point, ()), *self._general])


class _Search:
    def __init__(self, rulings: Sequence[_Ruling], has_gss: bool, patience: WorkBudget) -> None:
        self.found: list[AccessChange] = []
        self._rulings = rulings
        self._patience = patience
        self._changed = frozenset(index for index, one in enumerate(rulings) if one.is_changed)
        self._classes = (UNIX, PLAIN, TLS, GSS) if has_gss else (UNIX, PLAIN, TLS)
        self._users = frozenset(name.text for one in rulings for name in one.rule.users if name.kind == "name")

    def changes(self) -> list[AccessChange]:
        """All that differs, piece by piece."""
        axis = _Axis((index, one.rule.users) for index, one in enumerate(self._rulings))
        everybody = range(len(self._rulings))
        points = self._points(everybody, lambda rule: rule.users, self._users) + [_REST]
        keeps_apart = any(name.text in _SAME for one in self._rulings for name in one.rule.databases)
        for users, reached in self._split(axis, points, self._user_answer, keeps_apart):
            self._by_database(users, reached)
        return self.found

    def _points(
        self, reached: Iterable[int], column: Callable[[Rule], Sequence[Name]], every: frozenset[str]
    ) -> list[Point]:
        """The names that a changed rule among these may be about."""
        names = [name for index in reached if index in self._changed for name in column(self._rulings[index].rule)]
        if all(name.kind == "name" for name in names):
            return sorted({name.text for name in names})
        return sorted(every)

    def _split(
        self, axis: _Axis, points: Sequence[Point], answer: Callable[[Rule, Point], Answer], keeps_apart: bool
    ) -> Iterator[tuple[list[Point], Reached]]:
        """The points that the same rules are about, and these rules, where a changed one is among them."""
        groups: dict[Hashable, tuple[list[Point], Reached]] = {}
        for point in points:
            indexes = axis.reaching(point)
            self._patience.spend(len(indexes))
            answers = [(index, answer(self._rulings[index].rule, point)) for index in indexes]
            reached: Reached = [(index, (found,)) for index, found in answers if found is not None]
            if any(index in self._changed for index, _clauses in reached):
                key = (tuple(reached), point if keeps_apart else None)
                groups.setdefault(key, ([], reached))[0].append(point)
        yield from groups.values()

    def _user_answer(self, rule: Rule, user: Point) -> Answer:
        return one_of([_user_word(name, user) for name in rule.users])

    def _by_database(self, users: Sequence[Point], reached: Reached) -> None:
        rules = [self._rulings[index].rule for index, _clauses in reached]
        names = {name.text for rule in rules for name in rule.databases if name.kind == "name"}
        if any(name.text in _SAME for rule in rules for name in rule.databases):
            names |= {user for user in users if user != _REST}
        clauses = dict(reached)
        axis = _Axis((index, self._rulings[index].rule.databases) for index in clauses)
        every = frozenset(names)
        points = [*self._points(clauses, lambda rule: rule.databases, every), _REST, _REPLICATION]

        def answer(rule: Rule, database: Point) -> Answer:
            return one_of([self._database_word(name, database, users[0]) for name in rule.databases])

        shown_users = _names(users, self._users)
        for databases, narrower in self._split(axis, points, answer, False):
            both: Reached = [(index, (*clauses[index], *more)) for index, more in narrower]
            for part in _names(databases, every):
                self._by_class(shown_users, part, both)

    def _database_word(self, name: Name, database: Point, user: Point) -> Condition | bool:
        is_physical = database == _REPLICATION
        if name.kind == "keyword" and name.text == "replication":
            return is_physical
        if name.kind == "file":
            return Condition(DATABASE, f"@{name.text}")
        if is_physical:
            return False
        if name.kind == "regex":
            return _expression(DATABASE, name.text, database)
        if name.kind != "keyword":
            return name.text == database
        if name.text == "all" or (database == user != _REST):
            return True
        # The rest of the users has none of the names that stand in the file; a named user's own name is a point here.
        may_be_own = user == _REST and database not in self._users
        return Condition(DATABASE, name.text) if may_be_own or name.text != "sameuser" else False

    def _by_class(self, users: Sequence[Names], database: Names, reached: Reached) -> None:
        by_rules: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for one in self._classes:
            here = tuple(index for index, _c in reached if one in connection_classes(self._rulings[index].rule))
            if any(index in self._changed for index in here):
                by_rules[here].append(one)
        clauses = dict(reached)
        for indexes, classes in by_rules.items():
            differences: dict[tuple[str, str, Given], list[Range]] = defaultdict(list)
            for part, case in self._by_address(indexes, clauses, UNIX in classes):
                there = Range(part.family, part.first, part.last, given_about(case.given, FROM))
                elsewhere = case.given - there.given if case.given else case.given
                differences[(case.before, case.after, elsewhere)].append(there)
            for (before, after, given), parts in differences.items():
                who, where = (given_about(given, column) for column in (WHO, DATABASE))
                self.found.append(
                    AccessChange(
                        before,
                        after,
                        frozenset(replace(one, given=who) for one in users),
                        frozenset({replace(database, given=where)}),
                        frozenset(classes),
                        unite_ranges(parts),
                    )
                )

    def _by_address(
        self, indexes: Sequence[int], clauses: dict[int, tuple[Clause, ...]], is_socket: bool
    ) -> Iterator[tuple[Range, Case]]:
        if is_socket:
            for case in self._cases([(index, clauses[index]) for index in indexes]):
                yield _SOCKET, case
            return
        pairs = ((index, self._rulings[index].rule.address) for index in indexes)
        addresses = {index: address for index, address in pairs if address is not None}
        for family in (4, 6):
            for part, active in elementary_ranges(list(addresses.items()), family):
                if self._changed.isdisjoint(active):
                    continue
                here: Reached = []
                for index in active:
                    condition = condition_of(addresses[index])
                    if condition is None or always_met(addresses[index], part):
                        here.append((index, clauses[index]))
                    else:
                        here.append((index, (*clauses[index], (condition,))))
                    if not any(here[-1][1]) and not self._rulings[index].is_changed:
                        break  # whoever comes here has met a rule in both lists
                for case in self._cases(here):
                    yield part, case

    def _cases(self, reached: Reached) -> list[Case]:
        stages = [Stage(clauses, self._rulings[index].before, self._rulings[index].after) for index, clauses in reached]
        return differing_cases(stages, REFUSED, self._patience)


def _names(points: Sequence[Point], every: frozenset[str]) -> list[Names]:
    parts = [Names(PHYSICAL, frozenset())] if _REPLICATION in points else []
    named = frozenset(points) - {_REST, _REPLICATION}
    if _REST in points:
        parts.append(Names(EXCEPT, every - named))
    elif named:
        parts.append(Names(ONLY, named))
    return parts


def _user_word(name: Name, user: Point) -> Condition | bool:
    if name.kind == "keyword":
        return True
    if name.kind == "regex":
        return _expression(WHO, name.text, user)
    if name.kind == "group":
        return name.text == user or Condition(WHO, f"+{name.text}")
    return Condition(WHO, f"@{name.text}") if name.kind == "file" else name.text == user


def _expression(column: str, pattern: str, point: Point) -> Condition | bool:
    """Whether a regular expression is about a name; of the rest of the names only the server knows."""
    answer = Unknown("") if point == _REST else expression_matches(pattern, point)
    return Condition(column, pattern) if isinstance(answer, Unknown) else answer
