# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be tried to prove a site: every client on every server by every name, and all that must be refused.

Each attempt is a dict for the option ``attempts`` of the module connection_check. Every refusal names its reason, and has
a counterpart among the accepted attempts that differs in nothing but the fault. What is tried is what the client may use: its own
databases, and a replication connection where its rule is for replication (PostgreSQL manual, section 20.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ATTEMPT = dict[str, Any]

REQUEST = "request"
REQUIRE_CLIENT_CERTIFICATE = "require_client_certificate"
_VERIFIED_MODES = ("require", "verify-ca", "verify-full")
_REPLICATION = "replication"
# The keywords of the field database that stand for a database named like the role.
_LIKE_THE_ROLE = ("sameuser", "samerole", "samegroup")

# PostgreSQL 13 says "SSL off" where later ones say "no encryption".
_NO_RULE = r"(pg_hba\.conf rejects connection|no pg_hba\.conf entry)"
_PLAINTEXT = rf"{_NO_RULE}.*(no encryption|SSL off)"


@dataclass(frozen=True)
class Server:
    """One server of the site.

    host: its name in the inventory. names: those in its certificate. address_of: whose address is connected to where the
    names do not lead to this server alone, or "". clients: the names of the clients that it knows. password_databases: the
    databases of those who log in by password.
    """

    host: str
    names: tuple[str, ...]
    port: int
    tls_mode: str
    rejects_plaintext: bool
    oldest_protocol: str
    clients: frozenset[str]
    accepts_unlisted: bool
    password_databases: tuple[str, ...] = ("all",)
    address_of: str = ""


@dataclass(frozen=True)
class Client:
    """A client of the site; the files are those on the host that tries, and empty for a client of another host."""

    name: str
    common_name: str
    database_role: str
    databases: tuple[str, ...]
    certificate: str = ""
    private_key: str = ""
    root: str = ""

    def usable(self, fallback: str) -> tuple[str, ...]:
        """The databases to try, of which "replication" is a physical replication connection; at least one."""
        return _usable(self.databases, self.database_role, fallback)


def _usable(databases: Sequence[str], role: str, fallback: str) -> tuple[str, ...]:
    """What names no database by itself (``all``, a group, a pattern, a file) stands for the fallback."""
    found = []
    for word in databases:
        if word in _LIKE_THE_ROLE:
            found.append(role)
        else:
            found.append(fallback if word == "all" or word[:1] in ("+", "/", "@") else word)
    return tuple(dict.fromkeys(found)) or (fallback,)


@dataclass(frozen=True)
class Proof:
    """What holds for all attempts of one host.

    material: the directory of the certificates that must be refused. faults: which of them there are. hostaddr: the
    address of all servers, or "". person: the role with a password (name, password), or empty.
    """

    database: str
    hostaddr: str
    material: str
    faults: frozenset[str]
    root: str
    person: Mapping[str, str]


def site_attempts(
    proof: Proof, servers: Sequence[Server], own: Sequence[Client], others: Sequence[Client]
) -> list[ATTEMPT]:
    """Everything that a host with the clients ``own`` can try; ``others`` are all clients of the site."""
    found: list[ATTEMPT] = []
    for server in servers:
        place = _Place(proof, server)
        known = [client for client in own if client.name in server.clients]
        for client in known:
            found += _of_client(place, client, [one for one in others if one.name in server.clients])
        if known:
            found += _of_material(place, known[0])
        if proof.person:
            found += _of_person(place, proof.person)
    return found


def revocation_attempts(
    proof: Proof, servers: Sequence[Server], own: Sequence[Client], revoked: frozenset[str]
) -> list[ATTEMPT]:
    """Every certificate of a host on every server: refused where its client's name is in ``revoked``, else accepted."""
    return [
        place.attempt(client, f"{client.name}, revoked", reason="certificate revoked")
        if client.name in revoked
        else place.attempt(client, f"{client.name}, not revoked")
        for place in (_Place(proof, server) for server in servers)
        for client in own
        if client.name in place.server.clients
    ]


@dataclass(frozen=True)
class _Place:
    """One server as one host tries it."""

    proof: Proof
    server: Server

    def attempt(self, client: Client, name: str, reason: str = "", **changes: Any) -> ATTEMPT:
        """Connect as a client does, by the first name of the server in the first of its databases, but for the changes."""
        conninfo = {
            "host": self.server.names[0],
            "sslmode": "verify-full",
            "user": client.database_role,
            "sslrootcert": client.root,
            "sslcert": client.certificate,
            "sslkey": client.private_key,
            **_to_database(client.usable(self.proof.database)[0]),
        }
        return self.connection(name, {**conninfo, **changes}, reason)

    def connection(self, name: str, conninfo: Mapping[str, Any], reason: str = "", password: str = "") -> ATTEMPT:
        """One attempt; with a reason it must be refused."""
        found: ATTEMPT = {
            "name": name,
            "server": self.server.host,
            "expect": "refused" if reason else "accepted",
            "conninfo": {"port": self.server.port, "hostaddr": self.proof.hostaddr, **conninfo},
        }
        if reason:
            found["reason"] = reason
        if password:
            found["password"] = password
        if self.server.address_of and not self.proof.hostaddr:
            found["address_of"] = self.server.address_of
        return found


def _to_database(database: str) -> dict[str, str]:
    """The keywords that choose a database; a physical replication connection has none (manual, section 55.4)."""
    if database == _REPLICATION:
        return {"dbname": "", "replication": "true"}
    return {"dbname": database, "replication": ""}


def _of_client(place: _Place, client: Client, others: Sequence[Client]) -> Iterator[ATTEMPT]:
    server, name = place.server, client.name
    first, *further = client.usable(place.proof.database)
    for host in server.names:
        for sslmode in _VERIFIED_MODES:
            root = {} if sslmode != "require" else {"sslrootcert": ""}
            yield place.attempt(client, f"{name} with certificate", host=host, sslmode=sslmode, **root)
    for database in further:
        yield place.attempt(client, f"{name} with certificate, {database}", **_to_database(database))
    unknown = place.attempt(
        client, f"{name}, name not in certificate", "does not match host name", host="wrong-name.invalid"
    )
    if not place.proof.hostaddr:
        unknown["address_of"] = server.address_of or server.names[0]
    yield unknown
    yield place.attempt(
        client, f"{name} without certificate", "requires a valid client certificate", sslcert="", sslkey=""
    )
    if server.rejects_plaintext and first != _REPLICATION:
        bare = {"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": ""}
        yield place.attempt(client, f"{name} without TLS", _PLAINTEXT, **bare)
    yield from _as_others(place, client, others)


def _as_others(place: _Place, client: Client, others: Sequence[Client]) -> Iterator[ATTEMPT]:
    """The client's certificate for the roles of others, and for the role that its common name names."""
    roles = {other.database_role: other for other in others if other.database_role != client.database_role}
    for role, other in roles.items():
        yield place.attempt(
            client,
            f"{client.name}'s certificate as {role}",
            "certificate authentication failed for user",
            user=role,
            **_to_database(other.usable(place.proof.database)[0]),
        )
    by_name = client.common_name not in {client.database_role, *roles}
    if by_name and place.server.tls_mode == REQUIRE_CLIENT_CERTIFICATE and not place.server.accepts_unlisted:
        yield place.attempt(
            client,
            f"{client.name}'s certificate as its common name",
            rf"{_NO_RULE}|no password supplied",
            user=client.common_name,
            **_to_database(place.proof.database),
        )


def _of_material(place: _Place, client: Client) -> Iterator[ATTEMPT]:
    """The certificates that must be refused, and the ends of the protocol range, once for each server."""

    def pair(stem: str) -> dict[str, str]:
        return {"sslcert": f"{place.proof.material}/{stem}.crt", "sslkey": f"{place.proof.material}/{stem}.key"}

    yield place.attempt(client, "certificate of another CA", "unknown ca|certificate verify failed", **pair("foreign"))
    yield place.attempt(
        client,
        "server of another CA",
        "certificate verify failed",
        sslrootcert=f"{place.proof.material}/foreign-root.pem",
    )
    for fault, words in (
        ("expired", "certificate expired"),
        ("revoked", "certificate revoked"),
        ("server-only", "unsupported certificate|certificate verify failed"),
    ):
        if fault in place.proof.faults:
            yield place.attempt(client, f"{fault} certificate", words, **pair(fault))
    oldest = place.server.oldest_protocol
    if oldest in ("TLSv1.2", "TLSv1.3"):
        yield place.attempt(client, f"TLS {oldest[4:]}", sslmode="require", **_only(oldest))
        yield place.attempt(
            client, "TLS 1.1", "protocol version|unsupported protocol", sslmode="require", **_only("TLSv1.1")
        )


def _only(protocol: str) -> dict[str, str]:
    return {"ssl_min_protocol_version": protocol, "ssl_max_protocol_version": protocol}


def _of_person(place: _Place, person: Mapping[str, str]) -> Iterator[ATTEMPT]:
    name, server, root = person["name"], place.server, place.proof.root
    (database, *_further) = _usable(server.password_databases, name, place.proof.database)
    base = {"user": name, "host": server.names[0], **_to_database(database)}
    for sslmode in _VERIFIED_MODES:
        conninfo = {**base, "sslmode": sslmode, "sslrootcert": "" if sslmode == "require" else root}
        yield place.connection(f"{name} with password", conninfo, password=person["password"])
    verified = {**base, "sslmode": "verify-full", "sslrootcert": root}
    yield place.connection(
        f"{name}, wrong password", verified, "password authentication failed", f"{person['password']}-wrong"
    )
    without = {**base, "sslmode": "disable"}
    if server.tls_mode == REQUEST:
        yield place.connection(f"{name} without TLS", without, password=person["password"])
    elif server.rejects_plaintext:
        yield place.connection(f"{name} without TLS", without, _PLAINTEXT, person["password"])
