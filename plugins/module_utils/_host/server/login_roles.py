# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles that can log in: what exists, and the statements that make the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModuleError
from .database import Login, execute, fetch, quote_identifier, session

_LOGIN, _REPLICATION = "LOGIN", "REPLICATION"
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
    """What became of login roles (in check mode, would); before: those that existed, each with what it had of LOGIN and REPLICATION.

    awaited: those that a standby gets from its primary, which alone can make them.
    """

    before: Mapping[str, Collection[str]]
    after: Mapping[str, Collection[str]]
    awaited: Sequence[str] = ()

    @property
    def created(self) -> list[str]:
        """Those that did not exist."""
        return [name for name in self.after if name not in self.before]

    @property
    def altered(self) -> list[str]:
        """Those that had less."""
        return [name for name, has in self.after.items() if name in self.before and has != self.before[name]]

    def warnings(self) -> Iterator[str]:
        """What whoever runs this on a standby must know."""
        if self.awaited:
            yield (
                f"this server is a standby, where no role can be made or changed: {', '.join(self.awaited)} cannot log in until "
                "the primary has what is asked for; run this there too"
            )


def ensure_roles(
    login: Login, names: Sequence[str], check_mode: bool, connection: Any = None, replicating: Collection[str] = ()
) -> RoleChanges:
    """Let every one of these roles exist and log in.

    connection: one that is there already. replicating: those among them that may begin physical replication too.

    :raises ModuleError: when no login works, or the server refuses.
    """
    with session(login, connection) as live:
        before = read_roles(live, names)
        wanted = {name: {_LOGIN, _REPLICATION} if name in replicating else {_LOGIN} for name in names}
        after = {name: {*before.get(name, ()), *has} for name, has in wanted.items()}
        lacking = [name for name in names if after[name] != before.get(name)]
        if lacking and is_standby(live):
            return RoleChanges(before, before, lacking)
        if lacking and not check_mode:
            verbs = {name: "ALTER" if name in before else "CREATE" for name in lacking}
            statements = [
                f"{verbs[name]} ROLE {quote_identifier(name)} {' '.join(sorted(wanted[name]))}" for name in lacking
            ]
            execute(live, "; ".join(statements))  # one message is one transaction
    return RoleChanges(before, after)


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


def read_roles(connection: Any, names: Iterable[str]) -> dict[str, set[str]]:
    """Return, for each of these roles that exists, what it has of LOGIN and REPLICATION."""
    query = (
        "SELECT rolname::text AS name, rolcanlogin AS can_login, rolreplication AS replicates FROM pg_catalog.pg_roles"
        " WHERE rolname::text = ANY(%s)"
    )
    rows = fetch(connection, query, (list(names),))
    return {
        row["name"]: {*([_LOGIN] if row["can_login"] else []), *([_REPLICATION] if row["replicates"] else [])}
        for row in rows
    }


def describe_roles(roles: Mapping[str, Collection[str]]) -> str:
    """Return one line a role, for the diff."""
    lines = (
        (name, "LOGIN" if _LOGIN in has else "NOLOGIN", *([_REPLICATION] if _REPLICATION in has else []))
        for name, has in sorted(roles.items())
    )
    return "".join(f"{name}: {' '.join(words)}\n" for name, *words in lines)


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
