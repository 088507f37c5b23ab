# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be tried to prove a site: all of it, or every claim once.

With C client certificates and S servers of N names each, FULL makes about C * S * (3 * N + C) attempts. REDUCED makes at most
C * S + S * (3 * N + D + R + 16), all hosts that share the proof together: each certificate on each server once; then, once
per server, the 3 * N - 1 other names and modes, the D further databases and the R further roles that its clients list, 5
refusals of a client without the right certificate, name or role, 5 of a certificate or a CA with a fault, 2 versions of TLS and
5 attempts with a password.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from .connection_kinds import (
    ATTEMPT,
    CLIENT_REFUSALS,
    ClientAttempts,
    Target,
    further_databases,
    login,
    login_as,
    login_to,
    password_attempts,
    roles_of_others,
    server_kinds,
    to_database,
    ways,
)
from .site import Client, Proof, Server, Sharing

REDUCED = "reduced"
FULL = "full"
DEPTHS = (REDUCED, FULL)

# A client, and the host that holds its certificate.
Member = tuple[str, Client]


def site_attempts(
    proof: Proof,
    servers: Sequence[Server],
    own: Sequence[Client],
    others: Sequence[Client],
    depth: str = REDUCED,
    sharing: Sharing | None = None,
) -> list[ATTEMPT]:
    """What a host with the clients ``own`` tries; ``others`` are all clients of the site."""
    found: list[ATTEMPT] = []
    shared = (sharing or Sharing()).among(own)
    for turn, server in enumerate(servers):
        target = Target(proof, server, [one for one in others if one.name in server.clients])
        known = [client for client in own if client.name in server.clients]
        found += _full(target, known) if depth == FULL else _reduced(target, known, shared, turn)
    return found


def revocation_attempts(
    proof: Proof, servers: Sequence[Server], own: Sequence[Client], revoked: frozenset[str]
) -> list[ATTEMPT]:
    """Every certificate of a host on every server: refused where its client's name is in ``revoked``, else accepted."""
    return [
        target.attempt(client, f"{client.name}, revoked", reason="certificate revoked")
        if client.name in revoked
        else target.attempt(client, f"{client.name}, not revoked")
        for target in (Target(proof, server) for server in servers)
        for client in own
        if client.name in target.server.clients
    ]


def _full(target: Target, known: Sequence[Client]) -> Iterator[ATTEMPT]:
    """Every client in every way, and everything that must be refused to it."""
    for client in known:
        for way in ways(target.server):
            yield from login(target, client, way)
        for database in further_databases(target, client):
            yield from login_to(target, client, database)
        for role in client.further_roles:
            yield from login_as(target, client, client.name, role)
        for refusal in CLIENT_REFUSALS:
            yield from refusal(target, client)
    if known:
        for kind in server_kinds(target):
            yield from kind(known[0])
    yield from password_attempts(target)


def _reduced(target: Target, known: Sequence[Client], sharing: Sharing, turn: int) -> Iterator[ATTEMPT]:
    """Every client once; whatever is about the server once, by one client after the other, those of other hosts too."""
    for client in known:
        yield from login(target, client, ways(target.server)[0])
    crew = _crew(target, known, sharing)
    # the faulty certificates of a host are those of its first client
    leaders = list({host: (host, client) for host, client in reversed(crew)}.values())[::-1]
    kinds = [(kind, crew) for kind in _client_kinds(target, crew, turn)]
    kinds += [(kind, leaders) for kind in server_kinds(target)]
    for position, (kind, able) in enumerate(kinds, turn):
        yield from _in_turn(kind, able, position, sharing.host)
    hosts = list(sharing.holders)
    if hosts[turn % len(hosts)] == sharing.host:
        yield from password_attempts(target)


def _crew(target: Target, known: Sequence[Client], sharing: Sharing) -> list[Member]:
    """The clients that the server knows, each with the host that holds it: those of this host with their files."""
    own, others = ({client.name: client for client in found} for found in (known, target.others))
    found = []
    for host, names in sharing.holders.items():
        there = own if host == sharing.host else others
        found += [(host, there[name]) for name in names if name in there]
    return found


def _client_kinds(target: Target, crew: Sequence[Member], turn: int) -> Iterator[ClientAttempts]:
    """What every client could try, and one of them does."""
    for way in ways(target.server)[1:]:
        yield partial(login, target, way=way)
    databases = [database for _host, client in crew for database in further_databases(target, client)]
    for database in dict.fromkeys(databases):
        yield partial(login_to, target, database=database)
    for name, role in dict.fromkeys((client.name, role) for _host, client in crew for role in client.further_roles):
        yield partial(login_as, target, name=name, role=role)
    for refusal in CLIENT_REFUSALS:
        yield partial(_role_of_another, target, turn=turn) if refusal is roles_of_others else partial(refusal, target)


def _role_of_another(target: Target, client: Client, turn: int) -> list[ATTEMPT]:
    """One of the roles of others: where possible one that is let into the same database, so that the role alone differs."""
    found = roles_of_others(target, client)
    start = turn % len(found) if found else 0
    database = client.usable(target.proof.database)[0]
    alike = to_database(database).items()
    return sorted(found[start:] + found[:start], key=lambda one: not alike <= one["conninfo"].items())[:1]


def _in_turn(kind: ClientAttempts, crew: Sequence[Member], position: int, here: str) -> list[ATTEMPT]:
    """What one client tries: the first that can, from this position on; nothing when that is one of another host."""
    for offset in range(len(crew)):
        host, client = crew[(position + offset) % len(crew)]
        found = kind(client)
        if found:
            return found if host == here else []
    return []
