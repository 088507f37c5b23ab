# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule of pg_hba.conf a connection meets, as far as the files and what the caller tells of it say.

It follows check_hba(), check_db(), check_role() and check_hostname() of the server's hba.c. An answer is True, False or
an Unknown in words: memberships, reverse names and the server's own networks may be unknown here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Union

from ..rules.addresses import Address, contains, parse_number
from ..rules.hba import Rule, connection_classes
from ..text.regex_matching import search
from ..text.tokens import Name
from ..vocabulary import PLAIN, TLS, TYPES, UNIX

_LOOPBACK = frozenset({parse_number("127.0.0.1"), parse_number("::1")})


@dataclass(frozen=True)
class Unknown:
    """What must be known for an answer, as the object of "depends on".

    ``is_final`` when nothing that comes later may settle it.
    """

    words: str
    is_final: bool = False


Answer = Union[bool, Unknown]


@dataclass(frozen=True)
class Connection:
    """A connection somebody may attempt.

    ``address`` is the numeric address of the client, None through a socket. ``roles`` are all roles that the user is a
    member of, directly or not; ``host_names`` what a reverse lookup of the client may give. None is unknown for both.
    """

    type: str
    database: str
    user: str
    address: str | None = None
    physical_replication: bool = False
    roles: frozenset[str] | None = None
    host_names: tuple[str, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The ways it may come (a client may try TLS and plain); any of them keeps the connection possible."""
        if self.type == "host":
            return (TLS, PLAIN)
        return (PLAIN,) if self.type == "hostnossl" else tuple(sorted(TYPES[self.type]))

    def __str__(self) -> str:
        place = "" if self.address is None else f" from {self.address}"
        if self.physical_replication:
            return f"{self.type} connection of user {self.user} for physical replication{place}"
        return f"{self.type} connection of user {self.user} to database {self.database}{place}"


@dataclass(frozen=True)
class Match:
    """What a connection meets: the first rule that surely matches (None: no rule), and earlier ones that may match.

    ``doubts`` say of each possible rule what it depends on.
    """

    rule: Rule | None
    possible: tuple[Rule, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_locked_out(self) -> bool:
        """Surely refused: a reject or no rule at all, and nothing before it that might let the connection in."""
        refused = self.rule is None or self.rule.method == "reject"
        return refused and all(rule.method == "reject" for rule in self.possible)


def first_match(rules: Iterable[Rule], connection: Connection, connection_class: str) -> Match:
    """The first rule that a connection of this class (unix, plain, tls, gss) surely meets."""
    possible: list[Rule] = []
    doubts: list[str] = []
    for rule in rules:
        answer = rule_matches(rule, connection, connection_class)
        if answer is True:
            return Match(rule, tuple(possible), tuple(doubts))
        if isinstance(answer, Unknown):
            possible.append(rule)
            doubts.append(answer.words)
    return Match(None, tuple(possible), tuple(doubts))


def rule_matches(rule: Rule, connection: Connection, connection_class: str) -> Answer:
    """Whether a rule is about this connection."""
    if connection_class not in connection_classes(rule):
        return False
    address: Answer = True
    if connection_class != UNIX and rule.address is not None and connection.address is not None:
        address = _address_matches(rule.address, connection, connection.address)
    databases = _any(_database_matches(name, connection) for name in rule.databases)
    parts = (address, databases, _any(role_matches(name, connection.user, connection.roles) for name in rule.users))
    if False in parts:
        return False
    return next((part for part in parts if isinstance(part, Unknown)), True)


def _any(answers: Iterable[Answer]) -> Answer:
    doubt: Answer = False
    for answer in answers:
        if answer is True:
            return True
        doubt = doubt or answer
    return doubt


def _address_matches(address: Address, connection: Connection, client: str) -> Answer:
    if address.kind == "name":
        return _host_name_matches(address.text, connection)
    if address.kind in ("samehost", "samenet"):
        # The loopback interface is one of the server's own on any host.
        return parse_number(client) in _LOOPBACK or Unknown(f"the server's own addresses (the word {address.kind})")
    answer = contains(address, client)
    return Unknown(f"the address {address.text}") if answer is None else answer


def _host_name_matches(pattern: str, connection: Connection) -> Answer:
    """A reverse lookup gives the server one name; several that are given are alternatives."""
    if connection.host_names is None:
        return Unknown(
            f"the name that a reverse lookup of {connection.address} gives, because of the host name {pattern}"
        )
    wanted, names = pattern.lower(), [name.lower() for name in connection.host_names]
    found = {name.endswith(wanted) if wanted.startswith(".") else name == wanted for name in names}
    if found == {True, False}:
        return Unknown(f"which of its names a reverse lookup of {connection.address} gives")
    return True in found


def _database_matches(name: Name, connection: Connection) -> Answer:
    """``all`` never covers physical replication, and ``replication`` nothing else."""
    physical = connection.physical_replication
    if name.kind == "keyword" and name.text == "replication":
        return physical
    if name.kind == "file":
        return Unknown(f"the content of the file {name.text}")
    if physical:
        return False
    if name.kind == "regex":
        return expression_matches(name.text, connection.database)
    if name.kind == "keyword" and name.text == "all":
        return True
    if name.kind == "keyword":
        member = connection.database == connection.user
        return member if name.text == "sameuser" else member or is_member(connection.database, connection.roles)
    return name.text == connection.database


def role_matches(name: Name, user: str, roles: frozenset[str] | None) -> Answer:
    """Whether a word of a user column (or of the last column of pg_ident.conf) is about this role, which exists."""
    if name.kind == "file":
        return Unknown(f"the content of the file {name.text}")
    if name.kind == "keyword":
        return True
    if name.kind == "regex":
        return expression_matches(name.text, user)
    if name.kind == "group":
        return name.text == user or is_member(name.text, roles)
    return name.text == user


def is_member(group: str, roles: frozenset[str] | None) -> Answer:
    """Whether a user with these memberships is a member of a role."""
    return Unknown(f"whether the user is a member of role {group}") if roles is None else group in roles


def expression_matches(pattern: str, text: str) -> Answer:
    """Whether a word with its slash matches a name."""
    found = search(pattern[1:], text)
    return Unknown(f"what PostgreSQL makes of the regular expression {pattern}") if found is None else found.matches
