# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates the rule of a client must accept, where several clients log in as one role.

The first rule that fits a connection decides, by its own map. So a rule accepts every client that may be this role in all of
these databases from all of these addresses, and the rule of a client that is limited more comes before that of one that is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from .site_clients import REPLICATION, ClientEntry, databases_of, present, roles_of, told

_ALL = "all"
# What is no database by its name, and may be any.
_DATABASES_LIKE_THE_ROLE = ("sameuser", "samerole", "samegroup")
_BEGINS_OF_UNKNOWN_DATABASES = ("+", "/", "@")


@dataclass(frozen=True)
class Admission:
    """What the rules of one client say: for which roles they are, and which common name may be which of them."""

    client: ClientEntry
    roles: Sequence[str]
    holders: Sequence[tuple[str, str]]


def admissions(clients: Sequence[ClientEntry]) -> list[Admission]:
    """The rules of the clients that may log in, in their order; a client whose roles earlier rules cover needs none."""
    ordered = _narrow_first(_Sharers(present(clients)))
    found, before = [], _Sharers(ordered)
    for position, client in enumerate(ordered):
        others = [(at, ordered[at]) for at in before.of(position)]
        alike = [one for at, one in others if at < position and _is_within(one, client) and _is_within(client, one)]
        covered = {role for one in alike for role in roles_of(one)}
        roles = [role for role in roles_of(client) if role not in covered]
        admitted = [client, *(one for _at, one in others if _is_within(client, one))]
        holders = [(str(told(one, "common_name")), role) for role in roles for one in admitted if role in roles_of(one)]
        if roles:
            found.append(Admission(client, roles, holders))
    return found


def entangled(clients: Sequence[ClientEntry]) -> Iterator[tuple[ClientEntry, ClientEntry, str]]:
    """Pairs of clients that log in as one role in such databases and from such addresses that no order of rules is right."""
    sharers = _Sharers(present(clients))
    for position, client in enumerate(sharers.clients):
        for other in (sharers.clients[at] for at in sharers.of(position) if at > position):
            is_nested = _is_within(client, other) or _is_within(other, client)
            if not is_nested and _overlap(client, other):
                shared = [role for role in roles_of(client) if role in roles_of(other)]
                yield client, other, shared[0]


class _Sharers:
    """Clients by their positions, and for each the positions of the others that log in as one of its roles."""

    def __init__(self, clients: Sequence[ClientEntry]) -> None:
        self.clients = clients
        self._by_role: dict[str, list[int]] = {}
        for position, client in enumerate(clients):
            for role in roles_of(client):
                self._by_role.setdefault(role, []).append(position)

    def of(self, position: int) -> list[int]:
        """Those of one client, in their order."""
        found = {at for role in roles_of(self.clients[position]) for at in self._by_role[role]}
        return sorted(found - {position})


def _narrow_first(sharers: _Sharers) -> list[ClientEntry]:
    """The clients in their order, but for those that must come before a client that is limited less."""
    placed: dict[int, None] = {}
    for position in range(len(sharers.clients)):
        _place(sharers, position, placed)
    return [sharers.clients[position] for position in placed]


def _place(sharers: _Sharers, position: int, placed: dict[int, None]) -> None:
    if position in placed:
        return
    client = sharers.clients[position]
    for at in sharers.of(position):
        other = sharers.clients[at]
        if at not in placed and _is_within(other, client) and not _is_within(client, other):
            _place(sharers, at, placed)
    placed[position] = None


def _is_within(narrow: ClientEntry, wide: ClientEntry) -> bool:
    """Whether a client may connect nowhere and from nowhere but where the other one may."""
    databases, addresses = set(_databases(wide)), _addresses(wide)
    return all(word in databases or (_ALL in databases and word != REPLICATION) for word in _databases(narrow)) and all(
        any(_lies_in(one, place) for place in addresses) for one in _addresses(narrow)
    )


def _overlap(client: ClientEntry, other: ClientEntry) -> bool:
    """Whether there may be a connection that both are meant by."""
    return any(_may_be_one(one, two) for one in _databases(client) for two in _databases(other)) and any(
        _may_meet(one, two) for one in _addresses(client) for two in _addresses(other)
    )


def _may_be_one(one: str, two: str) -> bool:
    if one == two or REPLICATION in (one, two):
        return one == two
    return any(
        word in (_ALL, *_DATABASES_LIKE_THE_ROLE) or word.startswith(_BEGINS_OF_UNKNOWN_DATABASES)
        for word in (one, two)
    )


def _may_meet(one: str, two: str) -> bool:
    first, second = _network(one), _network(two)
    return first is None or second is None or (first.version == second.version and first.overlaps(second))


def _lies_in(one: str, place: str) -> bool:
    if place in (_ALL, one):
        return True
    first, second = _network(one), _network(place)
    if isinstance(first, IPv4Network) and isinstance(second, IPv4Network):
        return first.subnet_of(second)
    return isinstance(first, IPv6Network) and isinstance(second, IPv6Network) and first.subnet_of(second)


def _network(address: str) -> IPv4Network | IPv6Network | None:
    """The network of an address; None for a name, and for a word such as all."""
    with suppress(ValueError):
        return ip_network(address, strict=False)
    return None


def _databases(client: ClientEntry) -> list[str]:
    return _listed(databases_of(client))


def _addresses(client: ClientEntry) -> list[str]:
    return _listed(client.get("addresses", _ALL))


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]
