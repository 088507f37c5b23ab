# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of a site, as far as it matters for proving it: servers, clients, and who proves what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

REPLICATION = "replication"
# The keywords of the field database that stand for a database named like the role.
_LIKE_THE_ROLE = ("sameuser", "samerole", "samegroup")


@dataclass(frozen=True)
class Server:
    """One server of the site.

    host: its name in the inventory. names: those in its certificate. address_of: whose address is connected to where the
    names do not lead to this server alone, or "". clients: the names of the clients that it knows. password_databases: the
    databases of those who come in by password.
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
    """A client of the site; the files are those on the host that tries, and empty for a client of another host.

    further_roles: as which it may log in too, as a pooler does.
    """

    name: str
    common_name: str
    database_role: str
    databases: tuple[str, ...]
    certificate: str = ""
    private_key: str = ""
    root: str = ""
    further_roles: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles as which it may log in."""
        return (self.database_role, *self.further_roles)

    def usable(self, fallback: str) -> tuple[str, ...]:
        """The databases to try, of which "replication" is a physical replication connection; at least one."""
        return usable_databases(self.databases, self.database_role, fallback)


def usable_databases(databases: Sequence[str], role: str, fallback: str) -> tuple[str, ...]:
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


@dataclass(frozen=True)
class Sharing:
    """Which hosts prove the site together, so that what is tried once per server is tried by one of them.

    holders: the hosts with the names of their clients, the same for all of them and in the same order. host: which of them
    this one is; a host that is not among them, or holds other clients than they believe, proves everything by itself.
    """

    host: str = ""
    holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def among(self, own: Sequence[Client]) -> Sharing:
        """The same for a host with these clients."""
        names = tuple(client.name for client in own)
        return self if self.holders.get(self.host) == names else Sharing(self.host, {self.host: names})
