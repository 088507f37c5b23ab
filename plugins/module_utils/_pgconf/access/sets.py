# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of names and of client addresses, as comparisons of access need them."""

from __future__ import annotations

import ipaddress
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..rules.addresses import Address, has_holes, parse_number
from ..vocabulary import ADDRESS_KEYWORDS
from .cases import FROM, Condition, Given

ONLY, EXCEPT, PHYSICAL = "only", "except", "physical"
_WIDTH = {4: 32, 6: 128}
_MOST_HOLES = 5
_LOOPBACK = frozenset({parse_number("127.0.0.1"), parse_number("::1")})


@dataclass(frozen=True)
class Names:
    """Database or user names, as far as ``given`` holds.

    kind is only (these), except (all but these) or physical (replication, which has no database name).
    """

    kind: str
    names: frozenset[str]
    given: Given = frozenset()


@dataclass(frozen=True)
class Range:
    """The addresses of a family from first to last, as far as ``given`` holds; family 0 is the socket."""

    family: int
    first: int
    last: int
    given: Given = frozenset()


def unite_names(parts: Iterable[Names]) -> frozenset[Names]:
    """The same names in as few parts as possible."""
    united = set(parts)
    while True:
        united = _by_condition(united)
        pair = _complementary(united)
        if pair is None:
            return frozenset(united)
        one, other = pair
        united = (united - {one, other}) | {Names(one.kind, one.names, one.given & other.given)}


def _by_condition(parts: set[Names]) -> set[Names]:
    grouped: dict[tuple[bool, Given], list[Names]] = defaultdict(list)
    for part in parts:
        grouped[(part.kind == PHYSICAL, part.given)].append(part)
    return {
        Names(PHYSICAL, frozenset(), given) if is_physical else _united(members, given)
        for (is_physical, given), members in grouped.items()
    }


def _united(parts: Sequence[Names], given: Given) -> Names:
    named = frozenset().union(*(part.names for part in parts if part.kind == ONLY))
    excepted = [part.names for part in parts if part.kind == EXCEPT]
    if not excepted:
        return Names(ONLY, named, given)
    return Names(EXCEPT, frozenset.intersection(*excepted) - named, given)


def _complementary(parts: set[Names]) -> tuple[Names, Names] | None:
    """Two parts that differ in the answer to one question only."""
    for one in parts:
        for condition, answer in one.given:
            other = Names(one.kind, one.names, (one.given - {(condition, answer)}) | {(condition, not answer)})
            if other in parts:
                return one, other
    return None


def unite_ranges(parts: Iterable[Range]) -> frozenset[Range]:
    """The same addresses in as few ranges as possible."""
    united: list[Range] = []
    for part in sorted(parts, key=lambda one: (sorted(map(str, one.given)), one.family, one.first)):
        last = united[-1] if united else None
        if last and (last.given, last.family) == (part.given, part.family) and part.first <= last.last + 1:
            united[-1] = Range(part.family, last.first, max(last.last, part.last), part.given)
        else:
            united.append(part)
    return frozenset(united)


def condition_of(address: Address) -> Condition | None:
    """What must be asked about a client of this address column; None when numbers alone tell."""
    if address.kind == "all" or (address.kind == "network" and not has_holes(address)):
        return None
    if address.kind == "name":
        text = address.text.lower()
        return Condition(FROM, f'"{text}"' if text in ADDRESS_KEYWORDS else text)
    return Condition(FROM, f"{address.text} {address.netmask}" if address.netmask else address.text)


def always_met(address: Address, part: Range) -> bool:
    """Whether the words samehost and samenet are about this one client: the loopback interface is on any host."""
    is_own = address.kind in ("samehost", "samenet")
    return is_own and part.first == part.last and (part.family, part.first) in _LOOPBACK


def elementary_ranges(addresses: Sequence[tuple[int, Address]], family: int) -> Iterator[tuple[Range, Sequence[int]]]:
    """The ranges between all ends of all networks, each with the numbers of the addresses that hold it, ascending.

    The numbers must be looked at before the next range is asked for.
    """
    events, active = _events(addresses, family)
    first, behind = 0, 1 << _WIDTH[family]
    for place in sorted({*events, behind}):
        if place > first:
            yield Range(family, first, place - 1), active
            first = place
        for begins, number in events.get(place, ()):
            if begins:
                insort(active, number)
            else:
                active.remove(number)


def _events(
    addresses: Sequence[tuple[int, Address]], family: int
) -> tuple[dict[int, list[tuple[bool, int]]], list[int]]:
    """Where networks begin (True) and end, and the numbers of the addresses that count everywhere."""
    full = (1 << _WIDTH[family]) - 1
    events: dict[int, list[tuple[bool, int]]] = defaultdict(list)
    everywhere = []
    for number, address in addresses:
        if address.kind != "network" or (has_holes(address) and address.family == family):
            everywhere.append(number)
        elif address.family == family:
            events[address.network].append((True, number))
            events[address.network + (full & ~address.mask) + 1].append((False, number))
    if any(address.kind in ("samehost", "samenet") for _number, address in addresses):
        for value in (value for own_family, value in filter(None, _LOOPBACK) if own_family == family):
            events[value], events[value + 1] = events[value], events[value + 1]
    return events, everywhere


def with_loopback(parts: Iterable[Range]) -> list[Range]:
    """The ranges of samehost or samenet whole: the loopback addresses, which need no such word, are put back to them."""
    listed = list(parts)
    own = [one for one in listed if not one.given and one.first == one.last and (one.family, one.first) in _LOOPBACK]
    for given in {one.given for one in listed if len(one.given) == 1}:
        ((condition, answer),) = given
        if answer and condition.word in ("samehost", "samenet") and len(own) == len(_LOOPBACK):
            moved = [Range(one.family, one.first, one.last, given) for one in own]
            return [*unite_ranges([one for one in listed if one not in own] + moved)]
    return listed


def show_ranges(parts: Iterable[Range]) -> list[str]:
    """The networks of these ranges; of one with few holes the network and what it lacks."""
    by_family: dict[int, list[Range]] = defaultdict(list)
    for part in sorted(parts, key=lambda one: (one.family, one.first)):
        by_family[part.family].append(part)
    described = [_describe_family(family, ranges) for family, ranges in by_family.items()]
    listed = [network for around, lacking, networks in described for network in networks]
    if [around for around, _lacking, _networks in described] == ["0.0.0.0/0", "::/0"]:
        lacking = [network for _around, missing, _networks in described for network in missing]
        return [_except("any address", lacking)] if len(lacking) < len(listed) else listed
    return [
        word
        for around, lacking, networks in described
        for word in ([_except(around, lacking)] if len(lacking) + 1 < len(networks) else networks)
    ]


def _except(around: str, lacking: Sequence[str]) -> str:
    shown = ", ".join(lacking[:_MOST_HOLES])
    more = f" and {len(lacking) - _MOST_HOLES} more" if len(lacking) > _MOST_HOLES else ""
    return f"{around} except {shown}{more}" if lacking else around


def _describe_family(family: int, ranges: Sequence[Range]) -> tuple[str, list[str], list[str]]:
    """The smallest network around the ranges, what of it they lack, and they themselves as networks."""
    low, high = _hull(ranges[0].first, ranges[-1].last)
    ends = [low - 1, *(end for one in ranges for end in (one.first, one.last)), high + 1]
    gaps = [(below + 1, above - 1) for below, above in zip(ends[::2], ends[1::2]) if below + 1 < above]
    networks = _networks(family, [(one.first, one.last) for one in ranges])
    return _networks(family, [(low, high)])[0], _networks(family, gaps), networks


def _networks(family: int, ranges: Iterable[tuple[int, int]]) -> list[str]:
    if family == 4:
        pairs = [(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high)) for low, high in ranges]
        return [str(one) for pair in pairs for one in ipaddress.summarize_address_range(*pair)]
    pairs_6 = [(ipaddress.IPv6Address(low), ipaddress.IPv6Address(high)) for low, high in ranges]
    return [str(one) for pair in pairs_6 for one in ipaddress.summarize_address_range(*pair)]


def _hull(first: int, last: int) -> tuple[int, int]:
    """The smallest network that holds both ends."""
    host = (1 << (first ^ last).bit_length()) - 1
    return first & ~host, first | host
