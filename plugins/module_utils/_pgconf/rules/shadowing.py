# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules of pg_hba.conf can be met: the first match decides, so an earlier rule may hide a later one.

A rule is split into atoms (class of connection, database word, user word); it is unreachable when for each atom earlier
rules provably cover its address. Unknown relations count as "not covered", so nothing is called dead without proof.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..text.regex_matching import matches_every_name, search
from ..text.tokens import Name
from .addresses import Address, has_holes
from .hba import Rule, connection_classes

_ALL = Name("keyword", "all")
_REPLICATION = Name("keyword", "replication")
_SAMEUSER = Name("keyword", "sameuser")
_SAMEROLE = Name("keyword", "samerole")
_WIDTH = {4: 32, 6: 128}
_Key = tuple[str, Name, Name]


class Shadow:
    """What the rules added so far cover; each remembers at which position the cover became complete."""

    def __init__(self) -> None:
        self._covers: dict[_Key, dict[tuple[object, ...], int]] = {}
        self._regexes: set[Name] = set()
        self._masks: set[tuple[int, int]] = set()

    def add(self, position: int, rule: Rule) -> None:
        """Take a rule into account; positions must not descend."""
        for names in (rule.databases, rule.users):
            self._regexes.update(name for name in names if name.kind == "regex")
        for connection_class in connection_classes(rule):
            for database in map(_canonical, rule.databases):
                for user in rule.users:
                    self._cover((connection_class, database, user), rule.address, position)

    def _cover(self, key: _Key, address: Address | None, position: int) -> None:
        covered = self._covers.setdefault(key, {})
        if address is None:
            covered.setdefault(("unix",), position)
        elif address.kind != "network" or has_holes(address):
            covered.setdefault(address.key, position)
            self._masks.add((address.family, address.mask))
        else:
            self._cover_network(covered, address, position)

    def _cover_network(self, covered: dict[tuple[object, ...], int], address: Address, position: int) -> None:
        """Cover a network; two halves cover the whole, and both families together cover every client."""
        family, mask, network = address.family, address.mask, address.network
        full = (1 << _WIDTH[family]) - 1
        while (family, mask, network) not in covered:
            covered[(family, mask, network)] = position
            self._masks.add((family, mask))
            if mask == 0:
                if (10 - family, 0, 0) in covered:
                    covered.setdefault(("all",), position)
                return
            sibling = network ^ ((full & ~mask) + 1)
            if (family, mask, sibling) not in covered:
                return
            mask = (mask << 1) & full
            network &= mask

    def position(self, rule: Rule) -> int | None:
        """The position of the rule with which this one became unreachable; None while it can be met."""
        worst = -1
        for connection_class in connection_classes(rule):
            for database in map(_canonical, rule.databases):
                for user in rule.users:
                    found = self._atom(connection_class, database, user, rule.address)
                    if found is None:
                        return None
                    worst = max(worst, found)
        return worst

    def _atom(self, connection_class: str, database: Name, user: Name, address: Address | None) -> int | None:
        best: int | None = None
        for wide_database in self._wider_databases(database, user):
            for wide_user in self._wider_users(user):
                covered = self._covers.get((connection_class, wide_database, wide_user))
                if covered is None:
                    continue
                found = self._address(covered, address)
                if found is not None and (best is None or found < best):
                    best = found
        return best

    def _wider_databases(self, database: Name, user: Name) -> list[Name]:
        if database == _REPLICATION or database.kind == "file":  # a file may name replication, which all does not cover
            return [database]
        wider = [database, _ALL, *self._wider_regexes(database)]
        if database == _SAMEUSER:
            wider.append(_SAMEROLE)
            if user.kind == "name":  # sameuser of user u is database u
                wider.append(user)
        elif database.kind == "name" and database == user:
            wider += [_SAMEUSER, _SAMEROLE]
        return [name for position, name in enumerate(wider) if name not in wider[:position]]

    def _wider_users(self, user: Name) -> list[Name]:
        wider = [user, _ALL, *self._wider_regexes(user)]
        if user.kind == "name":  # an existing role is a member of itself
            wider.append(Name("group", user.text))
        return [name for position, name in enumerate(wider) if name not in wider[:position]]

    def _wider_regexes(self, name: Name) -> list[Name]:
        """The expressions met so far that surely match this name, or all names that the word may stand for."""
        if name.kind == "name":
            return [regex for regex in self._regexes if _surely_matches(regex.text, name.text)]
        return [regex for regex in self._regexes if matches_every_name(regex.text[1:])]

    def _address(self, covered: dict[tuple[object, ...], int], address: Address | None) -> int | None:
        if address is None:
            return covered.get(("unix",))
        found = [covered.get(("all",))]
        if address.kind == "network":
            for family, mask in self._masks:
                if family == address.family and mask & address.mask == mask:
                    found.append(covered.get((family, mask, address.network & mask)))
        elif address.kind == "name":
            found.append(covered.get(address.key))
            suffixes = [position for position, sign in enumerate(address.text) if sign == "."]
            found += [covered.get(("name", address.text[position:].lower())) for position in suffixes]
        elif address.kind != "all":
            found += [covered.get((address.kind,)), covered.get(("samenet",))]  # samenet holds samehost
        return min((position for position in found if position is not None), default=None)


def _surely_matches(pattern: str, name: str) -> bool:
    """What only PostgreSQL can tell counts as no match: nothing is called covered without proof."""
    found = search(pattern[1:], name)
    return found is not None and found.matches


def _canonical(database: Name) -> Name:
    return _SAMEROLE if database == Name("keyword", "samegroup") else database


def unreachable_rules(rules: Sequence[Rule]) -> list[tuple[int, int]]:
    """(index of a rule that can never be met, index of the earlier rule that completes its cover)."""
    shadow = Shadow()
    result = []
    for index, rule in enumerate(rules):
        found = shadow.position(rule)
        if found is not None:
            result.append((index, found))
        shadow.add(index, rule)
    return result


def overlap(one: Rule, other: Rule) -> bool:
    """Whether some connection may match both rules; only what is proven disjoint is not an overlap."""
    if not connection_classes(one) & connection_classes(other):
        return False
    if one.address is not None and other.address is not None and _addresses_disjoint(one.address, other.address):
        return False
    return not (
        _all_disjoint(one.databases, other.databases, _databases_disjoint)
        or _all_disjoint(one.users, other.users, _names_differ)
    )


def _addresses_disjoint(one: Address, other: Address) -> bool:
    if one.kind != "network" or other.kind != "network":
        return False
    if one.family != other.family:
        return True
    return bool((one.network ^ other.network) & one.mask & other.mask)


def _all_disjoint(ones: Sequence[Name], others: Sequence[Name], disjoint: Callable[[Name, Name], bool]) -> bool:
    return all(disjoint(one, other) for one in ones for other in others)


def _databases_disjoint(one: Name, other: Name) -> bool:
    return (one == _REPLICATION) != (other == _REPLICATION) or _names_differ(one, other)


def _names_differ(one: Name, other: Name) -> bool:
    return one.kind == other.kind == "name" and one != other
