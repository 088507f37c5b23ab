# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log in as whom, no longer or from now on, when one list of mappings takes the place of another.

Only identities and roles that a changed line of the same map reaches are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..login.rule_matching import Unknown, role_matches
from ..maps.ident import UserMapping
from ..text.regex_matching import RegexMatch, search
from ..text.tokens import Name
from .alignment import Step, align
from .cases import WHO, BudgetExceeded, Clause, Condition, Stage, WorkBudget, differing_cases, given_about
from .sets import EXCEPT, ONLY, Names, unite_names

ROLE = "as"
_REFERENCE = r"\1"
_YES, _NO = "yes", "no"


@dataclass(frozen=True)
class MapChange:
    """Identities that may log in as roles under one list of mappings and not under the other."""

    map: str
    is_gained: bool
    identities: frozenset[Names]
    roles: frozenset[Names]


@dataclass(frozen=True)
class MapComparison:
    """All changes; not complete when it took too long."""

    changes: tuple[MapChange, ...]
    is_complete: bool = True


def compare_maps(
    before: Sequence[UserMapping], after: Sequence[UserMapping], patience: WorkBudget | None = None
) -> MapComparison:
    """What differs between two lists of mappings, each in the order of its file."""
    patience = patience or WorkBudget()
    by_map: dict[str, list[Step]] = defaultdict(list)
    for step in align(before, after):
        if isinstance(step.record, UserMapping):
            by_map[step.record.map].append(step)
    changes: list[MapChange] = []
    try:
        for name, steps in by_map.items():
            if any(step.is_changed for step in steps):
                _Map(name, steps, patience).collect(changes)
    except BudgetExceeded:
        return MapComparison(tuple(_merged(changes)), is_complete=False)
    return MapComparison(tuple(_merged(changes)))


@dataclass(frozen=True)
class _Line:
    """A line of a map. An identity that is None stands for all that are not written in the file, and so does a role."""

    mapping: UserMapping
    is_changed: bool
    in_before: bool
    in_after: bool

    @property
    def is_expression(self) -> bool:
        return self.mapping.system_user.startswith("/")

    @property
    def is_reference(self) -> bool:
        user = self.mapping.database_user
        return self.is_expression and user.kind == "name" and _REFERENCE in user.text

    def found_in(self, identity: str | None) -> RegexMatch | None:
        """What the expression of the line finds in an identity, None when only the server knows."""
        return None if identity is None else search(self.mapping.system_user[1:], identity)


class _Map:
    """The lines of one map, by the identities that they name."""

    def __init__(self, name: str, steps: Sequence[Step], patience: WorkBudget) -> None:
        lines = [(step.record, step) for step in steps]
        self._name, self._patience = name, patience
        self._lines = [
            _Line(mapping, step.is_changed, step.in_before, step.in_after)
            for mapping, step in lines
            if isinstance(mapping, UserMapping)
        ]
        self._named: dict[str, list[int]] = defaultdict(list)
        for number, line in enumerate(self._lines):
            if not line.is_expression:
                self._named[line.mapping.system_user].append(number)
        self._expressions = [number for number, line in enumerate(self._lines) if line.is_expression]

    def collect(self, changes: list[MapChange]) -> None:
        """Add what differs for each identity that a changed line may be about."""
        identities: dict[str | None, None] = {}
        for line in self._lines:
            if line.is_changed and line.is_expression:
                identities.update(dict.fromkeys([*sorted(self._named), None]))
            elif line.is_changed:
                identities[line.mapping.system_user] = None
        every = frozenset(self._named)
        for identity in identities:
            shown = Names(EXCEPT, every) if identity is None else Names(ONLY, frozenset({identity}))
            self._by_role(identity, shown, changes)

    def _by_role(self, identity: str | None, shown: Names, changes: list[MapChange]) -> None:
        numbers = sorted([*self._named.get(identity or "", ()), *self._expressions])
        lines = [self._lines[number] for number in numbers]
        self._patience.spend(len(lines))
        roles = {role for line in lines for role in _roles_of(line, identity)}
        changed: set[str | None] = {role for line in lines if line.is_changed for role in _roles_of(line, identity)}
        if any(line.is_changed and not _names_one_role(line, identity) for line in lines):
            changed = {*roles, None}
        for role in sorted(changed, key=lambda one: (one is None, one or "")):
            where = Names(EXCEPT, frozenset(roles)) if role is None else Names(ONLY, frozenset({role}))
            for case in differing_cases(self._stages(lines, identity, role), _NO, self._patience):
                who, whom = (given_about(case.given, column) for column in (WHO, ROLE))
                people = frozenset({replace(shown, given=who)})
                changes.append(
                    MapChange(self._name, case.after == _YES, people, frozenset({replace(where, given=whom)}))
                )

    def _stages(self, lines: Sequence[_Line], identity: str | None, role: str | None) -> list[Stage]:
        stages = []
        for line in lines:
            clauses = _clauses(line, identity, role)
            if clauses is not None:
                outcome = _NO if _ends_search(line, identity) else _YES
                stages.append(Stage(clauses, outcome if line.in_before else None, outcome if line.in_after else None))
        return stages


def _roles_of(line: _Line, identity: str | None) -> list[str]:
    """The roles that a line names, with what its expression finds in the identity filled in."""
    user = line.mapping.database_user
    if user.kind == "group":
        return [user.text]
    if user.kind != "name":
        return []
    if not line.is_reference:
        return [user.text]
    found = line.found_in(identity)
    return [user.text.replace(_REFERENCE, found.group, 1)] if found and found.matches and found.group else []


def _names_one_role(line: _Line, identity: str | None) -> bool:
    """Whether the line is about no role but that of :func:`_roles_of`."""
    if line.mapping.database_user.kind != "name":
        return False
    found = line.found_in(identity) if line.is_reference else RegexMatch(False)
    return found is not None and (not found.matches or (found.is_group_certain and bool(found.group)))


def _ends_search(line: _Line, identity: str | None) -> bool:
    r"""Whether the line, once its expression matches, refuses because nothing fills its \1."""
    if line.is_reference and "(" not in line.mapping.system_user:
        return True
    found = line.found_in(identity) if line.is_reference else None
    return found is not None and found.matches and found.is_group_certain and found.group is None


def _clauses(line: _Line, identity: str | None, role: str | None) -> tuple[Clause, ...] | None:
    """What must hold for the line to be about identity and role; None when it is not."""
    system = line.mapping.system_user
    if not line.is_expression:
        return _role_clauses(line.mapping.database_user, role) if system == identity else None
    found = line.found_in(identity)
    if found is not None and not found.matches:
        return None
    matched: tuple[Clause, ...] = () if found is not None else ((Condition(WHO, system),),)
    user = line.mapping.database_user
    if line.is_reference and "(" not in system:
        return matched
    if line.is_reference:
        if found is None or not found.is_group_certain:
            return (*matched, (Condition(ROLE, f"{user.text} of {system}"),))
        if found.group is None:
            return matched
        user = Name("name", user.text.replace(_REFERENCE, found.group, 1))
    narrower = _role_clauses(user, role)
    return None if narrower is None else (*matched, *narrower)


def _role_clauses(user: Name, role: str | None) -> tuple[Clause, ...] | None:
    if user.kind == "keyword":
        return ()
    if role is None and user.kind == "name":
        return None
    word = {"group": "+", "file": "@"}.get(user.kind, "") + user.text
    answer = Unknown("") if role is None else role_matches(user, role, None)
    if isinstance(answer, Unknown):
        return ((Condition(ROLE, word),),)
    return () if answer else None


def _merged(changes: Iterable[MapChange]) -> list[MapChange]:
    """The same in few: those that differ in the roles or in the identities only become one."""
    merged = list(changes)
    for column in ("roles", "identities"):
        groups: dict[MapChange, list[MapChange]] = defaultdict(list)
        empty: dict[str, Any] = {column: frozenset()}
        for change in merged:
            groups[replace(change, **empty)].append(change)
        merged = []
        for rest, members in groups.items():
            united: dict[str, Any] = {column: unite_names(part for one in members for part in getattr(one, column))}
            merged.append(replace(rest, **united))
    return merged
