# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that must stay possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..rules.addresses import parse_number
from ..rules.hba import Rule
from ..text.task_options import read_each
from ..vocabulary import TLS, TYPES
from .authentication import Certificate, LoginAttempt
from .rule_matching import Connection, first_match


@dataclass(frozen=True)
class Guarded:
    """A connection that must stay possible; ``origin`` says why it is guarded.

    ``attempts`` are the ways it may come, of which one must stay open. ``lacks_password`` when nobody can give one.
    ``is_wished`` when the task names it itself.
    """

    connection: Connection
    attempts: tuple[LoginAttempt, ...]
    origin: str
    lacks_password: bool = False
    is_wished: bool = False


def read_connection(fields: Mapping[str, Any]) -> Connection:
    """A guarded connection as a task gives it: type, database (replication: physical replication), user, address, roles."""
    connection_type, address = str(fields["type"]), fields.get("address")
    if connection_type not in TYPES:
        raise ConfigError(f'type "{connection_type}" is not one of {", ".join(TYPES)}')
    if (connection_type == "local") != (address is None):
        raise ConfigError("address is needed for every type but local, and not allowed there")
    if address is not None and parse_number(address) is None:
        raise ConfigError(f'address "{address}" is not the numeric address of one client')
    database, roles = str(fields["database"]), fields.get("roles")
    known_roles = None if roles is None else frozenset(roles)
    return Connection(connection_type, database, str(fields["user"]), address, database == "replication", known_roles)


def read_guarded(fields: Mapping[str, Any], origin: str, is_wished: bool = True) -> Guarded:
    """The same with what the client shows: certificate_common_name, certificate_dn, system_user, lacks_password.

    A certificate without names is one that was not given, unless ``has_certificate`` is False.
    """
    connection = read_connection(fields)
    names = (fields.get("certificate_common_name"), fields.get("certificate_dn"))
    if names != (None, None) and TLS not in connection.classes:
        raise ConfigError(f"a certificate is presented only with TLS; type {connection.type} has none")
    certificate = None if fields.get("has_certificate") is False else Certificate(*names)
    system_user = fields.get("system_user")
    attempts = tuple(
        LoginAttempt(connection, one, certificate if one == TLS else None, system_user) for one in connection.classes
    )
    return Guarded(connection, attempts, origin, bool(fields.get("lacks_password")), is_wished)


def read_guard(listed: Sequence[Mapping[str, Any]]) -> list[Guarded]:
    """The connections of the option guard; ConfigError names the one (from 1) and the field."""
    found = read_each("guard", listed, lambda fields: read_guarded(fields, ""))
    return [
        Guarded(one.connection, one.attempts, f"guard {number} names it", is_wished=True)
        for number, one in enumerate(found, start=1)
    ]


def surely_meets_one(rules: Iterable[Rule], attempt: LoginAttempt) -> bool:
    """Whether an attempt surely meets one of these rules, whatever else may match before."""
    return first_match(rules, attempt.connection, attempt.connection_class).rule is not None
