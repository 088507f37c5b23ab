# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that an edit must not lock out: those the task names, and those the server reports; and what else changes.

Nothing here is found out about a server that does not read the file of the task.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..._pgconf.access.comparison import compare_access
from ..._pgconf.access.map_comparison import compare_maps
from ..._pgconf.access.wording import describe_access, describe_map_access
from ..._pgconf.errors import ConfigError
from ..._pgconf.login.authentication import ServerContext
from ..._pgconf.login.findings import describe_unreachable
from ..._pgconf.login.guarded import Guarded, read_guard, read_guarded
from ..._pgconf.login.lockout import Situation, find_lockouts, read_rules, situation_of
from ..._pgconf.login.verdict import Located, judge_ident
from ..._pgconf.rules.hba import Rule, rules_by_line
from ..._pgconf.rules.wording import show_rule
from ..._pgconf.text.document import Document
from ..._pgconf.text.records import Entry
from ..._pgconf.text.token_lines import read_token_lines
from ..._pgconf.vocabulary import INCLUDE_SINCE
from ..errors import ModuleError
from ..files.writer import Writer
from ..server.configuration_files import read_configuration, same_file
from ..server.database import fetch, raw, read_raw
from ..server.peers import name_of
from ..server.views import HBA, IDENT, setting
from .server_validation import Edit, ServerValidator, read_tls_use


@dataclass(frozen=True)
class Guard:
    """What a task says about connections: those that must stay possible, and whether a lockout is only reported.

    connected: those that exist now count too. has_password: the task's own login shows a password.
    """

    wished: tuple[Guarded, ...] = ()
    connected: bool = False
    force: bool = False
    has_password: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Guard:
        """Read the arguments GUARD and LOGIN.

        :raises ConfigError: for a connection that cannot be.
        """
        has_password = params["login_password"] is not None
        return cls(tuple(read_guard(params["guard"])), params["guard_connected"], params["force"], has_password)


# The common name in a name as pg_stat_ssl shows it: /O=SW Galaxy/CN=PostgreSQL client1
_COMMON_NAME = re.compile(r"/CN=(.*?)(?=/[A-Za-z0-9.]+=|\Z)")
_ACTIVITY = (
    f"SELECT DISTINCT {raw('activity.usename::text')} AS user, {raw('activity.datname::text')} AS database,"
    f" host(activity.client_addr) AS address, coalesce(tls.ssl, false) AS tls, {raw('tls.client_dn')} AS dn,"
    " coalesce(gss.encrypted, false) AS gss FROM pg_catalog.pg_stat_activity AS activity"
    " LEFT JOIN pg_catalog.pg_stat_ssl AS tls USING (pid) LEFT JOIN pg_catalog.pg_stat_gssapi AS gss USING (pid)"
    " WHERE activity.usename IS NOT NULL AND "
)
_OWN = "pid = pg_backend_pid()"
_REPLICATING = "pid IN (SELECT pid FROM pg_catalog.pg_stat_replication)"
_CONNECTED = "backend_type = 'client backend' AND pid <> pg_backend_pid()"


def check_hba_edit(
    writer: Writer, edit: Edit, guard: Guard, judge: ServerValidator, before: Document[Entry], after: Document[Entry]
) -> dict[str, Any]:
    """Refuse an edit of pg_hba.conf that shuts out a guarded connection; return access_changes and locked_out.

    :raises ConfigError: naming the connection, the rule and its line.
    """
    if before is after and not guard.wished:
        return {"access_changes": [], "locked_out": []}
    main = judge.main_file(edit.path)
    known = rules_by_line((line.raw.rstrip("\r\n"), line.entry) for line in after.lines)

    def rules(document: Document[Entry]) -> list[Located]:
        main_text, files = judge.files_after(main, edit.path, document.render())
        return read_rules(main_text, judge.version, files, known)

    refuse_circles(judge, main, edit.path, after.render())
    old = rules(before)
    new = old if before is after else rules(after)
    server = read_server(judge)
    guarded = find_guarded(guard, judge, server)
    is_missing = judge.is_judging and not old and not before.entries()
    now = replace(situation_of(old, server), is_missing=is_missing)
    locked = refuse_lockouts(writer, guard, now, situation_of(new, server), guarded)
    if server.ssl_on is False:
        _warn_of_tls(writer, edit.path, old, new)
    if not same_file(main, edit.path):
        _warn_of_hidden(writer, edit.path, old, new)
    comparison = compare_access(rules_of(old), rules_of(new))
    return {"access_changes": describe_access(comparison), "locked_out": locked}


def check_ident_edit(
    writer: Writer, edit: Edit, guard: Guard, judge: ServerValidator, before: str, after: str
) -> dict[str, Any]:
    """The same for pg_ident.conf, whose maps the rules of the server name.

    :raises ConfigError: naming the connection and the rule.
    """
    if before == after and not guard.wished:
        return {"access_changes": [], "locked_out": []}
    main = judge.main_file(edit.path)
    refuse_circles(judge, main, edit.path, after)
    old, new = (
        judge_ident(main_text, judge.version, files).entries
        for main_text, files in (judge.files_after(main, edit.path, text) for text in (before, after))
    )
    locked: list[str] = []
    if judge.is_judging:
        server = read_server(judge)
        hba_text, files = read_configuration(setting(judge.connection, HBA.setting), judge.account)
        rules = read_rules(hba_text, judge.version, files)
        guarded = find_guarded(guard, judge, server)
        before_edit, after_edit = (situation_of(rules, replace(server, mappings=maps)) for maps in (old, new))
        locked = refuse_lockouts(writer, guard, before_edit, after_edit, guarded)
    elif guard.wished:
        writer.warn(f"guard was not checked, because the rules that name the maps are not known: {judge.doubt}")
    comparison = compare_maps([one.entry for one in old], [one.entry for one in new])
    return {"access_changes": describe_map_access(comparison), "locked_out": locked}


def rules_of(located: Sequence[Located]) -> list[Rule]:
    """Return the rules alone, without what includes or breaks."""
    return [one.entry for one in located if isinstance(one.entry, Rule)]


def _warn_of_hidden(writer: Writer, path: str, old: Sequence[Located], new: Sequence[Located]) -> None:
    """Warn of new rules of an included file that can never be met because of rules of the files around it."""
    known = {one.text for one in old if same_file(one.file, path)}
    for one in describe_unreachable(new):
        text = next(entry.text for entry in new if (entry.file, entry.line_number) == (one["file"], one["line"]))
        is_new = same_file(one["file"], path) and text not in known
        if is_new and not same_file(one["shadowed_by_file"], path):
            place = f"line {one['shadowed_by_line']} of {one['shadowed_by_file']}"
            writer.warn(f"the rule {one['rule']} is never met because {one['shadowed_by']} ({place}) is met first")


def _warn_of_tls(writer: Writer, path: str, old: Sequence[Located], new: Sequence[Located]) -> None:
    """Warn of new rules that need TLS, which the server does not speak."""
    known = {one.text for one in old}
    for one in new:
        is_new = isinstance(one.entry, Rule) and one.text not in known and same_file(one.file, path)
        if is_new and one.entry.type == "hostssl":
            writer.warn(f"the rule {show_rule(one.entry)} is never met while ssl is off; turn ssl on")


def refuse_circles(judge: ServerValidator, main: str, path: str, after: str) -> None:
    """Refuse, before any server up to 15 sees it, a file that is read inside itself; 13 and 14 crash when they are asked.

    :raises ConfigError: naming the line.
    """
    if judge.version >= INCLUDE_SINCE or "@" not in after:
        return
    main_text, files = judge.files_after(main, path, after)
    for line in read_token_lines(main_text, judge.version, files):
        if line.problem is not None and "inside itself" in line.problem:
            raise ConfigError(line.problem, line.number, line.text, line.column)


def refuse_lockouts(
    writer: Writer, guard: Guard, before: Situation, after: Situation, guarded: Sequence[Guarded]
) -> list[str]:
    """Return who is locked out by the will of the task, a sentence each.

    :raises ConfigError: for the first guarded connection that would be locked out against it.
    """
    found = find_lockouts(before, after, guarded)
    for sentence in found.impossible:
        writer.warn(sentence)
    if found.shut_out and not guard.force:
        more = f"; and {len(found.shut_out) - 1} more guarded connections" if len(found.shut_out) > 1 else ""
        raise ConfigError(
            f"the change would lock out {found.shut_out[0]}{more}; nothing was written, correct the change, "
            "or set force to true"
        )
    for sentence in found.shut_out:
        writer.warn(f"force is true, so this is only a warning: the change locks out {sentence}")
    return list(found.shut_out)


def read_server(judge: ServerValidator) -> ServerContext:
    """What of the server counts for a login, beside the files; unknown where the file is not that server's."""
    if not judge.is_judging:
        return ServerContext()
    tls = read_tls_use(judge.connection)
    mappings = _read_maps(setting(judge.connection, IDENT.setting), judge)
    return ServerContext(ssl_on=tls.ssl_on, has_ca_file=tls.has_ca_file, mappings=mappings)


def _read_maps(path: str, judge: ServerValidator) -> Sequence[Located] | None:
    """The mappings on disk, None when they are not known; without the file a server has none."""
    if not os.path.lexists(path):
        return ()
    try:
        text, files = read_configuration(path, judge.account)
    except ModuleError:
        return None
    verdict = judge_ident(text, judge.version, files)
    return verdict.entries if verdict.accepted else None


def find_guarded(guard: Guard, judge: ServerValidator, server: ServerContext) -> list[Guarded]:
    """The connections of the task and those of the server, with the memberships that the server knows."""
    if not judge.is_judging:
        return list(guard.wished)
    connection = judge.connection
    owner = _owner_of(setting(connection, "data_directory"))
    own_user = owner if os.geteuid() == 0 else name_of(os.geteuid())
    own = {"system_user": own_user, "lacks_password": not guard.has_password}
    found = [*guard.wished, *_rows(connection, _OWN, "it is the login of this very task", server, own)]
    found += _first_superuser(connection, owner)
    found += _rows(connection, _REPLICATING, "it replicates now", server)
    if guard.connected:
        found += _rows(connection, _CONNECTED, "a client is connected like this now", server)
    roles_of = _read_memberships(connection)
    return [_with_roles(one, roles_of(one.connection.user)) for one in found]


def _first_superuser(connection: Any, owner: str | None) -> list[Guarded]:
    """The role that initdb made (its oid is 10), through the socket, as the owner of the cluster."""
    if not setting(connection, "unix_socket_directories"):
        return []
    query = f"SELECT {raw('rolname::text')} AS name FROM pg_catalog.pg_roles WHERE oid = 10 AND rolcanlogin"
    return [
        read_guarded(
            {"type": "local", "database": "postgres", "user": read_raw(row["name"]), "system_user": owner},
            "it is that of the first superuser of the cluster",
            is_wished=False,
        )
        for row in fetch(connection, query)
    ]


def _rows(
    connection: Any, condition: str, origin: str, server: ServerContext, more: Mapping[str, Any] | None = None
) -> list[Guarded]:
    asked = fetch(connection, _ACTIVITY + condition)
    rows = [{**row, **{column: read_raw(row[column]) for column in ("user", "database", "dn")}} for row in asked]
    return [read_guarded({**_fields(row, server), **(more or {})}, origin, is_wished=False) for row in rows]


def _fields(row: Mapping[str, Any], server: ServerContext) -> dict[str, Any]:
    """A connection of pg_stat_activity in the words of the option guard. Physical replication has no database."""
    kind = "hostssl" if row["tls"] else "hostgssenc" if row["gss"] else "hostnossl"
    names = _COMMON_NAME.findall(row["dn"] or "")
    return {
        "type": "local" if row["address"] is None else kind,
        "database": row["database"] or "replication",
        "user": row["user"],
        "address": row["address"],
        "certificate_common_name": names[0] if len(names) == 1 and row["tls"] else None,
        # A server with ssl_ca_file asks everybody for a certificate; without it nobody knows who has one.
        "has_certificate": bool(row["dn"]) or not server.has_ca_file,
    }


def _read_memberships(connection: Any) -> Callable[[str], frozenset[str] | None]:
    """Return a function from a user to all roles it is a member of, directly or not; None for one that does not exist."""
    name, above = raw("role.rolname::text"), raw("above.rolname::text")
    query = (
        f"SELECT {name} AS name, array(SELECT {above} FROM pg_catalog.pg_auth_members AS link"
        " JOIN pg_catalog.pg_roles AS above ON above.oid = link.roleid WHERE link.member = role.oid) AS groups"
        " FROM pg_catalog.pg_roles AS role"
    )
    direct = {
        str(read_raw(row["name"])): [str(read_raw(group)) for group in row["groups"]]
        for row in fetch(connection, query)
    }

    def roles_of(user: str) -> frozenset[str] | None:
        if user not in direct:
            return None
        found, waiting = {user}, [user]
        while waiting:
            new = [one for one in direct.get(waiting.pop(), ()) if one not in found]
            found.update(new)
            waiting += new
        return frozenset(found)

    return roles_of


def _with_roles(one: Guarded, roles: frozenset[str] | None) -> Guarded:
    connection = replace(one.connection, roles=roles)
    attempts = tuple(replace(attempt, connection=connection) for attempt in one.attempts)
    return replace(one, connection=connection, attempts=attempts)


def _owner_of(path: str) -> str | None:
    try:
        return name_of(os.stat(path).st_uid)
    except OSError:
        return None
