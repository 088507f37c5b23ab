# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an edit of pg_hba.conf locks out a connection that must stay possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .addresses import parse_number
from .document import Document
from .entries import Entry, Opaque
from .errors import ConfigError
from .hba import Rule, describe_rule
from .included_rules import Behind, nothing_known
from .matching import Connection, first_match
from .task_lists import read_each
from .vocabulary import TYPES


def read_connection(fields: Mapping[str, Any]) -> Connection:
    """A guarded connection as a task gives it: type, database (replication: physical replication), user, address."""
    connection_type, address = str(fields["type"]), fields.get("address")
    if connection_type not in TYPES:
        raise ConfigError(f'type "{connection_type}" is not one of {", ".join(TYPES)}')
    if (connection_type == "local") != (address is None):
        raise ConfigError("address is needed for every type but local, and has no place there")
    if address is not None and parse_number(address) is None:
        raise ConfigError(f'address "{address}" is not the numeric address of one client')
    database = str(fields["database"])
    return Connection(connection_type, database, str(fields["user"]), address, database == "replication")


def read_connections(guard: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]] = ()) -> list[Connection]:
    """The connections of the option guard and the task's own; ConfigError names the one (from 1) and the field."""
    return [read_connection(fields) for fields in own] + read_each("guard", guard, read_connection)


def check_guard(
    before: Document[Entry],
    after: Document[Entry],
    connections: Sequence[Connection],
    behind: Behind = nothing_known,
) -> None:
    """Raise ConfigError when an edit shuts out a guarded connection that was possible before.

    ``behind`` tells the rules of included files; with a line before the deciding rule whose files are not known nothing
    is proven.
    """
    for connection in connections:
        locked = _lockout(after, connection, behind)
        if locked is not None and _lockout(before, connection, behind) is None:
            raise ConfigError(f"the change would shut out the guarded {connection}: {locked}; nothing was written")


def _lockout(document: Document[Entry], connection: Connection, behind: Behind) -> str | None:
    """Why the connection is surely refused, or None."""
    rules, is_complete = _rules_until_the_unknown(document, behind)
    reasons = []
    for connection_class in connection.classes:
        match = first_match(rules, connection, connection_class)
        if not match.is_locked_out or (match.rule is None and not is_complete):
            return None
        reasons.append("no rule lets it in" if match.rule is None else f"it meets the rule {show_rule(match.rule)}")
    return reasons[0]


def _rules_until_the_unknown(document: Document[Entry], behind: Behind) -> tuple[list[Rule], bool]:
    """The rules up to the first line that brings in what is not known, and whether there is no such line."""
    rules: list[Rule] = []
    for _index, entry in document.entries():
        if isinstance(entry, Rule):
            rules.append(entry)
        elif isinstance(entry, Opaque):
            inside = behind(entry)
            if inside is None:
                return rules, False
            rules += [placed.rule for placed in inside]
    return rules, True


def show_rule(rule: Rule) -> str:
    """The rule in one line without its padding, for messages."""
    fields = describe_rule(rule)
    words = [rule.type, ",".join(fields["database"]), ",".join(fields["user"]), fields["address"], fields["netmask"]]
    return f'"{" ".join([word for word in words if word] + [rule.method])}"'
