# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles that can log in: what exists, and the statements that make the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModuleError
from .database import Login, execute, fetch, quote_identifier, session

_LONGEST_NAME_BYTES = 63  # NAMEDATALEN - 1; the server would cut a longer name with a mere notice


def check_role_names(names: Iterable[str]) -> None:
    """Refuse names that PostgreSQL would refuse, or cut.

    :raises ModuleError: naming the first bad one.
    """
    for name in names:
        problem = _problem(name)
        if problem:
            raise ModuleError(f"name: {name!r} {problem}; choose another name for the role")


@dataclass(frozen=True)
class RoleChanges:
    """What became of login roles (in check mode, would); before: those that existed, and whether each could log in.

    awaited: those that a standby gets from its primary, which alone can make them.
    """

    before: Mapping[str, bool]
    created: Sequence[str] = ()
    altered: Sequence[str] = ()
    awaited: Sequence[str] = ()

    def warnings(self) -> Iterator[str]:
        """What whoever runs this on a standby must know."""
        if self.awaited:
            yield (
                f"this server is a standby, where no role can be made or changed: {', '.join(self.awaited)} cannot log in until "
                "it has LOGIN on the primary; run this there too"
            )


def ensure_roles(login: Login, names: Sequence[str], check_mode: bool, connection: Any = None) -> RoleChanges:
    """Let every one of these roles exist and log in.

    connection: one that is there already.

    :raises ModuleError: when no login works, or the server refuses.
    """
    with session(login, connection) as live:
        before = read_roles(live, names)
        statements = statements_for(before, names)
        if statements and is_standby(live):
            return RoleChanges(before, awaited=[name for name in names if not before.get(name)])
        if statements and not check_mode:
            execute(live, "; ".join(statements))  # one message is one transaction
    created = [name for name in names if name not in before]
    return RoleChanges(before, created, [name for name in names if before.get(name) is False])


def is_standby(connection: Any) -> bool:
    """Whether the server is in recovery, so that it takes no changes (manual, "Hot Standby")."""
    return bool(fetch(connection, "SELECT pg_catalog.pg_is_in_recovery() AS it")[0]["it"])


@dataclass(frozen=True)
class RolesToLock:
    """Roles that can log in and shall no longer. kept: those among the requested that administrators need: superusers, and our own."""

    names: Sequence[str]
    kept: Sequence[str]


def find_roles_to_lock(connection: Any, names: Sequence[str]) -> RolesToLock:
    """Look which of these roles can log in; those that do not exist cannot, and a standby is told by its primary.

    :raises DatabaseError: when the server refuses.
    """
    query = (
        "SELECT rolname::text AS name, rolsuper OR rolname = session_user AS needed FROM pg_catalog.pg_roles"
        " WHERE rolcanlogin AND rolname::text = ANY(%s) AND NOT pg_catalog.pg_is_in_recovery() ORDER BY rolname"
    )
    found = fetch(connection, query, (list(names),)) if names else []
    return RolesToLock(
        [row["name"] for row in found if not row["needed"]], [row["name"] for row in found if row["needed"]]
    )


def lock_roles(login: Login, names: Sequence[str], connection: Any = None) -> None:
    """Take LOGIN from these roles.

    connection: one that is there already.

    :raises ModuleError: when no login works, or the server refuses.
    """
    with session(login, connection) as live:
        execute(live, "; ".join(f"ALTER ROLE {quote_identifier(name)} NOLOGIN" for name in names))


def read_roles(connection: Any, names: Iterable[str]) -> dict[str, bool]:
    """Return, for each of these roles that exists, whether it may log in."""
    query = (
        "SELECT rolname::text AS name, rolcanlogin AS can_login FROM pg_catalog.pg_roles WHERE rolname::text = ANY(%s)"
    )
    return {row["name"]: row["can_login"] for row in fetch(connection, query, (list(names),))}


def statements_for(existing: Mapping[str, bool], names: Iterable[str]) -> list[str]:
    """Return the SQL that gives every name a role that may log in."""
    missing = (name for name in names if not existing.get(name, False))
    return [f"{'ALTER' if name in existing else 'CREATE'} ROLE {quote_identifier(name)} LOGIN" for name in missing]


def describe_roles(roles: Mapping[str, bool]) -> str:
    """Return one line a role, for the diff."""
    return "".join(f"{name}: {'LOGIN' if roles[name] else 'NOLOGIN'}\n" for name in sorted(roles))


def _problem(name: str) -> str | None:
    if not name:
        return "is empty"
    if "\0" in name:
        return "holds a NUL character"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES:
        return f"is longer than {_LONGEST_NAME_BYTES} bytes"
    if name.startswith("pg_"):
        return "starts with pg_, which the server reserves"
    if name in ("public", "none"):
        return "is a word with a meaning of its own in SQL"
    return None
