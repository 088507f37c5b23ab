# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says about a file, and what our parser says, in the same words: tuples that can be compared.

A row is (file, line, what it is: "ok", "warning" or "error", visible fields or None).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Build, Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import (
    FileVerdict,
    judge_conf,
    judge_hba,
    judge_ident,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.addresses import Address, parse_number
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.ldap_url import parse_ldap_url
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.included_settings import (
    ConfLine,
    read_conf,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.postgresql_conf import (
    Assignment,
    parse_conf_line,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.values import canonical_name
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken
from generators import CONF, HBA, IDENT, MAIN
from servers import Server

Row = tuple[str, int, str, Any]
OK, WARNING, ERROR = "ok", "warning", "error"
WHOLE_FILE = ("", 0, ERROR, None)
CRASH = ("", 0, "the server goes down", None)
DIRECTORY = ("", 0, "a directory is included as a file", None)  # reported as line 1 of the directory itself

_HBA_FIELDS = "type, database, user_name, address, netmask, auth_method, options"
IDENT_VIEW_SINCE = 15
_FILE_NAME_SINCE = 16
_LOGGED = re.compile(r'line (?P<line>\d+) of configuration file "(?P<file>[^"]*)"')
_LOGGED_SHORT = re.compile(r'missing entry in file "(?P<file>[^"]*)" at end of line (?P<line>\d+)')
# The server looks at values of these settings only where a session begins.
_HIDDEN = ("role", "session_authorization", "is_superuser", "seed", "ssl_renegotiation_limit", "default_with_oids")
# The session that asks, and the limits of its process, decide about these.
_TESTED_BY_CIRCUMSTANCE = ("role", "session_authorization", "max_stack_depth")
_UNJUDGED_CONTEXTS = ("backend", "superuser-backend", "postmaster", "internal")


def server_says(server: Server, kind: str) -> list[Row]:
    """The server's rows for the files as they are."""
    if kind == CONF:
        return _conf_rows(server)
    if kind == IDENT and server.version < IDENT_VIEW_SINCE:
        return _logged_ident_rows(server)
    fields = _HBA_FIELDS if kind == HBA else "map_name, sys_name, pg_username"
    view = "pg_hba_file_rules" if kind == HBA else "pg_ident_file_mappings"
    file = "file_name" if server.version >= _FILE_NAME_SINCE else f"'{server.path(MAIN[kind])}'"
    rows = []
    for name, line, error, *seen in server.query(f"SELECT {file}, line_number, error, {fields} FROM {view}"):
        empty = all(value is None for value in seen)
        state = ERROR if empty else OK if error is None else WARNING
        rows.append((name, line, state, None if empty else _shown(kind, seen)))
    if kind == HBA and not rows:
        rows.append(WHOLE_FILE)  # the view shows nothing, and no server loads it
    return rows


def _shown(kind: str, seen: list[Any]) -> tuple[Any, ...]:
    if kind == IDENT:
        return tuple(seen)
    *fields, options = seen
    return (*(tuple(value) if isinstance(value, list) else value for value in fields), tuple(sorted(options or ())))


def _logged_ident_rows(server: Server) -> list[Row]:
    """Up to 14 only the log tells; good lines leave no trace in it."""
    server.new_log()
    server.reload()
    text = server.new_log()
    places = [found for pattern in (_LOGGED, _LOGGED_SHORT) for found in pattern.finditer(text)]
    rows = [(one["file"], int(one["line"]), ERROR, None) for one in places if one["file"] == server.path(MAIN[IDENT])]
    return [*rows, WHOLE_FILE] if "pg_ident.conf was not reloaded" in text else rows


def _conf_rows(server: Server) -> list[Row]:
    rows = server.query(
        "SELECT sourcefile, sourceline, name, setting, applied, error FROM pg_file_settings ORDER BY seqno"
    )
    if any(row[0] and Path(server.root + row[0]).is_dir() for row in rows):
        return [DIRECTORY]
    return [
        (file or "", line or 0, OK if error is None else ERROR, None if name is None else (name, setting, applied))
        for file, line, name, setting, applied, error in rows
    ]


def we_say(server: Server, build: Build, kind: str, text: str) -> list[Row]:
    """Our rows for a main file; the others are read from disk, as a module would."""
    files = server.files(MAIN[kind])
    if kind == CONF:
        auto = f"{server.inside}/data/postgresql.auto.conf"
        return _expected_conf(text, server, build, auto)
    judge: Callable[..., FileVerdict] = judge_hba if kind == HBA else judge_ident
    verdict = judge(text, server.version, files, build)
    show = _hba_fields if kind == HBA else _ident_fields
    warned = {(line.file, line.line_number) for line in verdict.warnings}
    rows: list[Row] = [
        (one.file, one.line_number, WARNING if (one.file, one.line_number) in warned else OK, show(one.entry, build))
        for one in verdict.entries
    ]
    rows += [(line.file if line.line_number else "", line.line_number, ERROR, None) for line in verdict.errors]
    if kind == IDENT and server.version < IDENT_VIEW_SINCE:
        return [row for row in rows if row[2] == ERROR]
    return rows


def _ident_fields(entry: Any, build: Build) -> tuple[str, ...]:
    return entry.map, entry.system_user, _name(entry.database_user)


def _name(name: Any) -> str:
    return ("+" if name.kind == "group" else "@" if name.kind == "file" else "") + name.text


def _hba_fields(rule: Any, build: Build) -> tuple[Any, ...]:
    """The visible columns that the view makes of a rule."""
    method = "peer" if (rule.type, rule.method) == ("local", "ident") else rule.method
    address, netmask = _address_columns(rule.address)
    names = (tuple(_name(name) for name in words) for words in (rule.databases, rule.users))
    options = tuple(sorted(_visible_options(method, rule.options, rule.version, build)))
    return (rule.type, *names, address, netmask, method, options)


def _address_columns(address: Address | None) -> tuple[str | None, str | None]:
    if address is None:
        return None, None
    if address.kind != "network":
        return address.text, None
    width = 4 if address.family == 4 else 16
    family = socket.AF_INET if address.family == 4 else socket.AF_INET6
    number = parse_number(address.text.split("/")[0])
    assert number is not None
    return tuple(socket.inet_ntop(family, value.to_bytes(width, "big")) for value in (number[1], address.mask))  # type: ignore[return-value]


_ALWAYS_SHOWN = (
    "map",
    "pamservice",
    "ldapserver",
    "ldapscheme",
    "ldapprefix",
    "ldapsuffix",
    "ldapbasedn",
    "ldapbinddn",
)
_ALWAYS_SHOWN += ("ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter", "krb_realm")
_ALWAYS_SHOWN += ("radiusservers", "radiussecrets", "radiusports", "radiusidentifiers", "issuer", "scope", "validator")
_TRUE_SHOWN = ("ldaptls", "delegate_ident_mapping")


def _visible_options(method: str, options: Iterable[tuple[str, str]], version: int, build: Build) -> list[str]:
    values = _last_values(options)
    shown = {name: value for name, value in values.items() if name in _ALWAYS_SHOWN}
    shown.update({name: "true" for name in _TRUE_SHOWN if values.get(name) == "1"})
    if method == "gss" and values.get("include_realm", "1") == "1":
        shown["include_realm"] = "true"
    clientcert = values.get("clientcert")
    if method == "cert":
        shown["clientcert"] = "verify-full"
    elif clientcert not in (None, "0", "no-verify"):
        shown["clientcert"] = "verify-ca" if clientcert == "1" else clientcert
    if method == "ldap":
        port = _atoi(values.get("ldapport", "0"))
        if port:
            shown["ldapport"] = str(port)
        shown["ldapscope"] = values.get("ldapscope", "2")
        if shown["ldapscope"] == "0":
            del shown["ldapscope"]
    if method == "oauth" and "validator" not in values and len(build.oauth_validators or ()) == 1:
        shown["validator"] = (build.oauth_validators or ("",))[0]
    return [f"{name}={value}" for name, value in shown.items()]


def _atoi(text: str) -> int:
    """The int that the C library makes of the text: strtol() stops at the ends of its range, then the upper half goes."""
    found = re.match(r"[ \t\n\v\f\r]*([+-]?[0-9]+)", text)
    number = max(-(2**63), min(int(found[1]) if found else 0, 2**63 - 1))
    return (number + 2**31) % 2**32 - 2**31


_SCOPES = {
    "base": "0",
    "one": "1",
    "onelevel": "1",
    "sub": "2",
    "subtree": "2",
    "children": "3",
    "subord": "3",
    "subordinate": "3",
}


def _last_values(options: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The last value of each option; an ldapurl is taken apart, and its scope is lost when another option follows."""
    values: dict[str, str] = {}
    for name, value in options:
        values.pop("ldapscope", None)
        if name != "ldapurl":
            values[name] = value
            continue
        values.update(_url_parts(value))
    return values


def _url_parts(text: str) -> dict[str, str]:
    url = parse_ldap_url(text)
    found = re.match(
        r"<?(?:URL:)?(ldaps?)://(\[[^\]]*\]|[^/?:]*)(?::([^/?]*))?/?([^?]*\?[^?]*\?([^?]*))?", text, re.IGNORECASE
    )
    if found is None:
        raise ConfigError(f"{text} is no LDAP URL")
    scheme, host, port, _rest, scope = found.groups()
    values = {"ldapscheme": scheme.lower(), "ldapport": port or ("636" if scheme.lower() == "ldaps" else "389")}
    parts = (("ldapbasedn", url.base), ("ldapsearchattribute", url.attribute), ("ldapsearchfilter", url.filter))
    values.update({name: value for name, value in parts if value is not None})
    if host:
        values["ldapserver"] = host.strip("[]")
    values["ldapscope"] = _SCOPES.get((scope or "").lower(), "0")
    return values


def _expected_conf(text: str, server: Server, build: Build, auto: str) -> list[Row]:
    """What pg_file_settings shows: a file ends at its first syntax error, and nothing is applied when a name is unknown.

    Of several assignments with one spelling only the last is looked at. Behind a fault inside an included file we say
    nothing more (see :func:`forgive_conf`).
    """
    files, version = server.files(MAIN[CONF]), server.version
    verdict = judge_conf(text, version, files, build, auto)
    bad = {(line.file, line.line_number) for line in verdict.errors}
    lines = read_conf(text, version, files, auto)
    broken = [index for index, line in enumerate(lines) if isinstance(line.entry, Broken)]
    end = next((index for index in broken if _ends_reading(lines[index], files)), len(lines))
    read = [(line.file, line.number, line.entry) for line in lines[:end] if isinstance(line.entry, Assignment)]
    last = {entry.name: index for index, (_file, _line, entry) in enumerate(read)}
    unknown = [(file, line) in bad and not _is_known(entry.name, build, version) for file, line, entry in read]
    rows: list[Row] = []
    for index, (file, line, entry) in enumerate(read):
        looked_at = not broken and (unknown[index] or (last[entry.name] == index and not any(unknown)))
        wrong = looked_at and (file, line) in bad
        rows.append((file, line, ERROR if wrong else OK, (entry.name, entry.value, looked_at and not wrong)))
    rows += [(*_reported_place(lines[index], files), ERROR, None) for index in broken if index <= end]
    return rows


def _ends_reading(line: ConfLine, files: Files) -> bool:
    return line.file != files.path or isinstance(parse_conf_line(line.text), Broken)


def _is_known(name: str, build: Build, version: int) -> bool:
    """Whether the server has such a setting; some it shows nowhere."""
    return canonical_name(name, version) in {*(build.settings or {}), *_HIDDEN}


def _reported_place(line: ConfLine, files: Files) -> tuple[str, int]:
    """A server takes the end of the file for the end of the line before: a line that lacks something and a line feed
    is reported under the number of the line above."""
    if not isinstance(parse_conf_line(line.text), Broken):
        return line.file, line.number  # a directive that cannot be followed
    text = files.read(line.file) or ""
    starts = [line.text[:place] for place, sign in enumerate(line.text + "#") if sign == "#"]
    completed = (parse_conf_line(start + more) for start in starts for more in (" x", " = x"))
    lacks = line.number > text.count("\n") and not all(isinstance(entry, Broken) for entry in completed)
    return line.file, line.number - lacks


def forgive_conf(build: Build, main: str, theirs: list[Row], ours: list[Row]) -> tuple[list[Row], list[Row]]:
    """Both without what cannot be compared: values that this session does not look at or that only a restart brings.

    A setting that needs a restart shows an error for every other value, so there an error of theirs proves nothing; and
    the server tests some texts against the world (a time zone, a locale), which no parser can. Behind a fault inside an
    included file the server's way depends on how the file came in, so both end there.
    """
    settings = build.settings or {}

    def incomparable(row: Row) -> bool:
        name = row[3][0].lower() if row[3] is not None else ""
        kind = settings.get(name)
        if name in _TESTED_BY_CIRCUMSTANCE or name.startswith("transaction_"):
            return True
        return kind is not None and (kind.context in _UNJUDGED_CONTEXTS or kind.vartype == "string")

    def loose(row: Row) -> Row:
        if row[3] is not None and "." in row[3][0]:  # which of several applies depends on what the session knew before
            return (*row[:3], row[3][:2])
        return (row[0], row[1], "?", row[3][:2]) if incomparable(row) else row

    for index, row in enumerate(theirs):
        if row[3] is None and row[0] != main:
            theirs = theirs[: index + 1]
            break
    return [loose(row) for row in theirs], [loose(row) for row in ours]


def forgive_log(theirs: list[Row], ours: list[Row]) -> tuple[list[Row], list[Row]]:
    """The log names the line of some errors only: the verdict must agree, and each line that it names."""
    ours = [*ours, WHOLE_FILE] if ours else []
    return theirs, [row for row in ours if row in theirs or row == WHOLE_FILE]


def forgive_nul(theirs: list[Row], ours: list[Row]) -> tuple[list[Row], list[Row]]:
    """A NUL hides a line end from the server's own counting of lines, but not from ours."""
    plain = [[(file, 0, state, fields) for file, _line, state, fields in rows] for rows in (theirs, ours)]
    return plain[0], plain[1]
