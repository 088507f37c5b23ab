# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule a connection meets, as far as the file alone can tell, and whether an edit locks it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .addresses import contains, parse_number
from .document import Document
from .entries import Entry, Opaque
from .errors import ConfigError
from .hba import Rule, connection_classes, describe_rule
from .reach import regex_matches
from .tokens import Name
from .vocabulary import PLAIN, TLS, TYPES, UNIX


@dataclass(frozen=True)
class Connection:
    """A connection somebody may attempt; ``classes`` are the ways it may come (a client may try TLS and plain)."""

    type: str
    database: str
    user: str
    address: str | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Each way is tried by itself; any of them keeps the connection possible."""
        if self.type == "host":
            return (TLS, PLAIN)
        return (PLAIN,) if self.type == "hostnossl" else tuple(sorted(TYPES[self.type]))

    def __str__(self) -> str:
        place = "" if self.address is None else f" from {self.address}"
        return f"{self.type} connection of user {self.user} to database {self.database}{place}"


@dataclass(frozen=True)
class Match:
    """What a connection meets: the first rule that surely matches (None: no rule), and earlier ones that may match."""

    rule: Rule | None
    possible: tuple[Rule, ...] = ()

    @property
    def is_locked_out(self) -> bool:
        """Surely refused: a reject or no rule at all, and nothing before it that might let the connection in."""
        refused = self.rule is None or self.rule.method == "reject"
        return refused and all(rule.method == "reject" for rule in self.possible)


def read_connection(fields: Mapping[str, Any]) -> Connection:
    """A guarded connection as a task gives it: type, database, user, address."""
    connection_type, address = str(fields["type"]), fields.get("address")
    if connection_type not in TYPES:
        raise ConfigError(f'type "{connection_type}" is not one of {", ".join(TYPES)}')
    if (connection_type == "local") != (address is None):
        raise ConfigError("address is needed for every type but local, and has no place there")
    if address is not None and parse_number(address) is None:
        raise ConfigError(f'address "{address}" is not the numeric address of one client')
    return Connection(connection_type, str(fields["database"]), str(fields["user"]), address)


def read_connections(guard: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]] = ()) -> list[Connection]:
    """The connections of the option guard and the task's own; ConfigError names the one (from 1) and the field."""
    connections = [read_connection(fields) for fields in own]
    for number, fields in enumerate(guard, 1):
        try:
            connections.append(read_connection(fields))
        except ConfigError as error:
            raise ConfigError(f"guard {number}: {error}") from error
    return connections


def first_match(rules: Iterable[Rule], connection: Connection, connection_class: str) -> Match:
    """The first rule that a connection of this class surely meets; group members, names and the server's own networks
    are known to the server alone, so rules about them count as possible.
    """
    possible: list[Rule] = []
    for rule in rules:
        matches = rule_matches(rule, connection, connection_class)
        if matches:
            return Match(rule, tuple(possible))
        if matches is None:
            possible.append(rule)
    return Match(None, tuple(possible))


def rule_matches(rule: Rule, connection: Connection, connection_class: str) -> bool | None:
    """True, False, or None when only the server can tell."""
    if connection_class not in connection_classes(rule):
        return False
    address: bool | None = True
    if connection_class != UNIX and rule.address is not None and connection.address is not None:
        address = contains(rule.address, connection.address)
    databases = _any(_database_matches(name, connection) for name in rule.databases)
    users = _any(_user_matches(name, connection.user) for name in rule.users)
    parts = (address, databases, users)
    if False in parts:
        return False
    return None if None in parts else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    known = set(answers)
    if True in known:
        return True
    return None if None in known else False


def _database_matches(name: Name, connection: Connection) -> bool | None:
    physical = connection.database == "replication"
    if name.kind == "keyword" and name.text == "replication":
        return physical
    if name.kind == "file":
        return None
    if physical:
        return False
    if name.kind == "regex":
        return regex_matches(name.text, connection.database)
    if name.kind == "keyword":
        same = connection.database == connection.user
        return {"all": True, "sameuser": same}.get(name.text, same or None)
    return name.text == connection.database


def _user_matches(name: Name, user: str) -> bool | None:
    if name.kind == "file":
        return None
    if name.kind == "keyword":
        return True
    if name.kind == "regex":
        return regex_matches(name.text, user)
    if name.kind == "group":
        return True if name.text == user else None
    return name.text == user


def check_guard(before: Document[Entry], after: Document[Entry], connections: Sequence[Connection]) -> None:
    """Raise ConfigError when an edit shuts out a guarded connection that was possible before.

    Files behind include lines are not known here, so with such a line before the deciding rule nothing is proven.
    """
    for connection in connections:
        locked = _lockout(after, connection)
        if locked is not None and _lockout(before, connection) is None:
            raise ConfigError(f"the change would shut out the guarded {connection}: {locked}; nothing was written")


def _lockout(document: Document[Entry], connection: Connection) -> str | None:
    """Why the connection is surely refused, or None."""
    reasons = []
    for connection_class in connection.classes:
        match = first_match(_known_rules(document), connection, connection_class)
        hidden = any(isinstance(entry, Opaque) for entry in _entries_until(document, match.rule))
        if hidden or not match.is_locked_out:
            return None
        reasons.append("no rule lets it in" if match.rule is None else f"it meets the rule {show_rule(match.rule)}")
    return reasons[0]


def _known_rules(document: Document[Entry]) -> list[Rule]:
    return [entry for _index, entry in document.entries() if isinstance(entry, Rule)]


def _entries_until(document: Document[Entry], rule: Rule | None) -> list[Entry]:
    entries = [entry for _index, entry in document.entries()]
    return entries if rule is None else entries[: next(i for i, entry in enumerate(entries) if entry is rule)]


def show_rule(rule: Rule) -> str:
    """The rule in one line without its padding, for messages."""
    fields = describe_rule(rule)
    words = [rule.type, ",".join(fields["database"]), ",".join(fields["user"]), fields["address"], fields["netmask"]]
    return f'"{" ".join([word for word in words if word] + [rule.method])}"'
