# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of attempt that proves something about a server, one function each.

Each attempt is a dict for the option ``attempts`` of the module connection_check. Every refusal names its reason, and is the
login of a client (or of a person with a password) but for one fault. What is tried is what the client may use: its own
databases, and a replication connection where its rule is for replication (PostgreSQL manual, section 20.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .refused_certificates import EXPIRED, FOREIGN, REVOKED, SERVER_ONLY, foreign_root, pair_with
from .site import REPLICATION, Client, Proof, Server, usable_databases

ATTEMPT = dict[str, Any]
# What a client can try on a server; nothing where this kind does not apply to the two.
ClientAttempts = Callable[[Client], list[ATTEMPT]]

REQUEST = "request"
REQUIRE_CLIENT_CERTIFICATE = "require_client_certificate"
VERIFY_FULL = "verify-full"
_VERIFIED_MODES = ("require", "verify-ca", VERIFY_FULL)

# PostgreSQL 13 says "SSL off" where later ones say "no encryption".
_NO_RULE = r"(pg_hba\.conf rejects connection|no pg_hba\.conf entry)"
_PLAINTEXT = rf"{_NO_RULE}.*(no encryption|SSL off)"


@dataclass(frozen=True)
class Target:
    """One server as one host tries it. others: all clients of the site that the server knows."""

    proof: Proof
    server: Server
    others: Sequence[Client] = ()

    def attempt(self, client: Client, name: str, reason: str = "", **changes: Any) -> ATTEMPT:
        """Connect as a client does, by the first name of the server in the first of its databases, but for the changes."""
        conninfo = {
            "host": self.server.names[0],
            "sslmode": VERIFY_FULL,
            "user": client.database_role,
            "sslrootcert": client.root,
            "sslcert": client.certificate,
            "sslkey": client.private_key,
            **to_database(client.usable(self.proof.database)[0]),
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


def to_database(database: str) -> dict[str, str]:
    """The keywords that choose a database; a physical replication connection has none (manual, section 55.4)."""
    if database == REPLICATION:
        return {"dbname": "", "replication": "true"}
    return {"dbname": database, "replication": ""}


def ways(server: Server) -> list[tuple[str, str]]:
    """Each name of a server with each sslmode that promises TLS; the first way is that of nearly all other attempts."""
    first = (server.names[0], VERIFY_FULL)
    return sorted(((host, mode) for host in server.names for mode in _VERIFIED_MODES), key=lambda way: way != first)


def login(target: Target, client: Client, way: tuple[str, str]) -> list[ATTEMPT]:
    """A client with its certificate."""
    host, sslmode = way
    root = {} if sslmode != "require" else {"sslrootcert": ""}
    return [target.attempt(client, f"{client.name} with certificate", host=host, sslmode=sslmode, **root)]


def further_databases(target: Target, client: Client) -> tuple[str, ...]:
    """The databases of a client beside the one that all other attempts go to."""
    return client.usable(target.proof.database)[1:]


def login_to(target: Target, client: Client, database: str) -> list[ATTEMPT]:
    """A client with its certificate in a further database."""
    if database not in further_databases(target, client):
        return []
    return [target.attempt(client, f"{client.name} with certificate, {database}", **to_database(database))]


def login_as(target: Target, client: Client, name: str, role: str) -> list[ATTEMPT]:
    """The client of this name with its certificate as one of its further roles."""
    if client.name != name:
        return []
    database = usable_databases(client.databases, role, target.proof.database)[0]
    return [target.attempt(client, f"{name} with certificate as {role}", user=role, **to_database(database))]


def unknown_name(target: Target, client: Client) -> list[ATTEMPT]:
    """The server by a name that its certificate does not have."""
    name = f"{client.name}, name not in certificate"
    found = target.attempt(client, name, "does not match host name", host="wrong-name.invalid")
    if not target.proof.hostaddr:
        found["address_of"] = target.server.address_of or target.server.names[0]
    return [found]


def no_certificate(target: Target, client: Client) -> list[ATTEMPT]:
    """A client that has left its certificate at home."""
    words = "requires a valid client certificate"
    return [target.attempt(client, f"{client.name} without certificate", words, sslcert="", sslkey="")]


def no_tls(target: Target, client: Client) -> list[ATTEMPT]:
    """Plaintext, where a rule rejects it."""
    if not target.server.rejects_plaintext or client.usable(target.proof.database)[0] == REPLICATION:
        return []
    bare = {"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": ""}
    return [target.attempt(client, f"{client.name} without TLS", _PLAINTEXT, **bare)]


def roles_of_others(target: Target, client: Client) -> list[ATTEMPT]:
    """The client's certificate for the roles of others, each where that one may go."""
    return [
        target.attempt(
            client,
            f"{client.name}'s certificate as {role}",
            "certificate authentication failed for user",
            user=role,
            **to_database(other.usable(target.proof.database)[0]),
        )
        for role, other in _other_roles(target, client).items()
    ]


def role_of_common_name(target: Target, client: Client) -> list[ATTEMPT]:
    """The client's certificate for the role that its common name names, where none of that name may come in."""
    server = target.server
    if client.common_name in {*client.roles, *_other_roles(target, client)}:
        return []
    if server.tls_mode != REQUIRE_CLIENT_CERTIFICATE or server.accepts_unlisted:
        return []
    name = f"{client.name}'s certificate as its common name"
    return [target.attempt(client, name, rf"{_NO_RULE}|no password supplied", user=client.common_name)]


def _other_roles(target: Target, client: Client) -> dict[str, Client]:
    return {role: other for other in target.others for role in other.roles if role not in client.roles}


# What the server must refuse to a client, or the client to the server.
CLIENT_REFUSALS = (unknown_name, no_certificate, no_tls, roles_of_others, role_of_common_name)

_FAULTS = (
    (EXPIRED, "certificate expired"),
    (REVOKED, "certificate revoked"),
    (SERVER_ONLY, "unsupported certificate|certificate verify failed"),
)


def server_kinds(target: Target) -> list[ClientAttempts]:
    """What says as much about the server whichever client tries it: faulty certificates, and the ends of the TLS versions."""

    def bears(fault: str, name: str, reason: str) -> ClientAttempts:
        files = pair_with(fault, target.proof.material)
        pair = {"sslcert": files["certificate"], "sslkey": files["private_key"]}
        return lambda client: [target.attempt(client, name, reason, **pair)]

    def trusts_another(client: Client) -> list[ATTEMPT]:
        root = foreign_root(target.proof.material)
        return [target.attempt(client, "server of another CA", "certificate verify failed", sslrootcert=root)]

    faults = [(fault, words) for fault, words in _FAULTS if fault in target.proof.faults]
    return [
        bears(FOREIGN, "certificate of another CA", "unknown ca|certificate verify failed"),
        trusts_another,
        *(bears(fault, f"{fault} certificate", words) for fault, words in faults),
        lambda client: _versions(target, client),
    ]


def _versions(target: Target, client: Client) -> list[ATTEMPT]:
    oldest = target.server.oldest_protocol
    if oldest not in ("TLSv1.2", "TLSv1.3"):
        return []
    words = "protocol version|unsupported protocol"
    return [
        target.attempt(client, f"TLS {oldest[4:]}", sslmode="require", **_only(oldest)),
        target.attempt(client, "TLS 1.1", words, sslmode="require", **_only("TLSv1.1")),
    ]


def _only(protocol: str) -> dict[str, str]:
    return {"ssl_min_protocol_version": protocol, "ssl_max_protocol_version": protocol}


def password_attempts(target: Target) -> list[ATTEMPT]:
    """The person with a password: with it, with a wrong one, and without TLS. Nothing where there is nobody."""
    person, server, root = target.proof.person, target.server, target.proof.root
    if not person:
        return []
    name, password = person["name"], person["password"]
    (database, *_further) = usable_databases(server.password_databases, name, target.proof.database)
    base = {"user": name, "host": server.names[0], **to_database(database)}
    found = []
    for sslmode in _VERIFIED_MODES:
        conninfo = {**base, "sslmode": sslmode, "sslrootcert": "" if sslmode == "require" else root}
        found.append(target.connection(f"{name} with password", conninfo, password=password))
    verified = {**base, "sslmode": VERIFY_FULL, "sslrootcert": root}
    words = "password authentication failed"
    found.append(target.connection(f"{name}, wrong password", verified, words, f"{password}-wrong"))
    without = {**base, "sslmode": "disable"}
    if server.tls_mode == REQUEST:
        found.append(target.connection(f"{name} without TLS", without, password=password))
    elif server.rejects_plaintext:
        found.append(target.connection(f"{name} without TLS", without, _PLAINTEXT, password))
    return found
