# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running server says about its files: those on disk (the views of files), and those it has loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..._pgconf.environment import Files
from ..._pgconf.settings.included_settings import read_conf
from ..._pgconf.text.token_lines import read_token_lines
from ..errors import DatabaseError, ModuleError
from ..files.writer import read_text
from .database import execute, fetch, raw, read_raw

# The server loads such a line; it only can never be met while TLS (or GSSAPI) is off.
_HARMLESS = "cannot match because"
# The view says this of a bad value, and of a good one that only a restart can apply.
_NOT_APPLIED = "setting could not be applied"
# It says this of a setting that left the files, in a row without name and file. No server translates either.
_LEFT = re.compile(r'parameter "(.+)" cannot be changed without restarting the server')


@dataclass(frozen=True)
class FileKind:
    """How a server is asked about one kind of file: the setting that names it, the view, and since which version."""

    setting: str
    view: str
    since: int
    columns: str
    columns_16: str


def _columns(file: str, key: str) -> str:
    """The columns of a view of lines; its key column is null where the line was rejected."""
    where = f"{raw(file)} AS file, line_number AS line, {raw('error')} AS error"
    return f"{where}, {key} IS NULL AS rejected, NULL AS name, NULL AS context"


def _line_view(file_setting: str, view: str, since: int, key: str) -> FileKind:
    main_file = f"current_setting('{file_setting}')"
    return FileKind(file_setting, view, since, _columns(main_file, key), _columns("file_name", key))


HBA = _line_view("hba_file", "pg_hba_file_rules", 13, "type")
IDENT = _line_view("ident_file", "pg_ident_file_mappings", 15, "map_name")
_SETTINGS = (
    f"{raw('sourcefile')} AS file, sourceline AS line, {raw('error')} AS error, false AS rejected, {raw('name')} AS name,"
    " (SELECT context FROM pg_settings WHERE lower(pg_settings.name) = lower(pg_file_settings.name)) AS context"
)
CONF = FileKind("config_file", "pg_file_settings", 13, _SETTINGS, _SETTINGS)


@dataclass(frozen=True)
class Complaint:
    """One error a server reports: where, its words, and the text of the line, which identifies it when lines move."""

    file: str
    line_number: int
    words: str
    line: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when other lines come or go."""
        return (self.file, self.words, self.line)


def setting(connection: Any, name: str) -> str:
    """Return the value of a setting as SHOW prints it."""
    return str(read_raw(fetch(connection, f"SELECT {raw('current_setting(%s)')} AS value", (name,))[0]["value"]))


def server_version_of(connection: Any) -> int:
    """Return the server's major version."""
    return int(setting(connection, "server_version_num")) // 10000


def _query(kind: FileKind, version: int) -> str:
    return f"SELECT {kind.columns_16 if version >= 16 else kind.columns} FROM pg_catalog.{kind.view}"


def _rows(connection: Any, kind: FileKind, version: int) -> list[dict[str, Any]]:
    """The rows of a view, with the words of the files as the modules read them."""
    rows = fetch(connection, _query(kind, version))
    return [{**row, **{column: read_raw(row[column]) for column in ("file", "error", "name")}} for row in rows]


def reader_of(kind: FileKind, version: int) -> Callable[[str, Files], object]:
    """Return what reads such a file, and all that it includes, as the server does."""
    if kind is CONF:
        return lambda text, files: read_conf(text, version, files)
    return lambda text, files: list(read_token_lines(text, version, files))


def complaints(connection: Any, kind: FileKind, version: int) -> list[Complaint]:
    """Return each line for which the server would not load the files of a kind as they are on disk now."""
    with suppress(DatabaseError):  # the words are compared, so they should not be translated; needs a superuser
        execute(connection, "SET lc_messages TO 'C'")
    rows = _rows(connection, kind, version)
    with suppress(DatabaseError):
        execute(connection, "RESET lc_messages")
    found = []
    lines: dict[str, list[str]] = {}
    for row in rows:
        words = row["error"]
        harmless = words is None or _HARMLESS in words or _waiting_setting(row) is not None
        if harmless and not row["rejected"]:
            continue
        file, number = row["file"] or "", row["line"] or 0
        if file not in lines:
            lines[file] = _read_lines(file)
        text = lines[file]
        line = text[number - 1].strip() if 0 < number <= len(text) else ""
        words = f"{row['name']}: {words}" if row["name"] else words
        found.append(Complaint(file, number, words or "the line is invalid", line))
    return found


def _read_lines(path: str) -> list[str]:
    """The lines of a file that a server names, none where it cannot be read; it may be why the server complains."""
    try:
        return (read_text(path) or "").split("\n") if path else []
    except (ModuleError, OSError):
        return []


def file_errors(connection: Any) -> list[str]:
    """Return, for each line that would stop the files from being loaded, its place and the server's words."""
    version = server_version_of(connection)
    kinds = [kind for kind in (CONF, HBA, IDENT) if version >= kind.since]
    errors = [f"{one.file} line {one.line_number}: {one.words}" for one in _of_all(connection, kinds, version)]
    if fetch(connection, "SELECT count(*) AS rules FROM pg_catalog.pg_hba_file_rules")[0]["rules"] == 0:
        errors.append(f"{setting(connection, HBA.setting)}: the file holds no rule")
    return errors


def _of_all(connection: Any, kinds: list[FileKind], version: int) -> Iterator[Complaint]:
    for kind in kinds:
        yield from complaints(connection, kind, version)


def conf_load_time(connection: Any) -> float:
    """Return when the server last loaded its settings, in seconds since the epoch.

    A new connection inherits the time of the server's main process, which loads rules, maps and TLS files before
    it accepts anybody again.
    """
    rows = fetch(connection, "SELECT extract(epoch FROM pg_catalog.pg_conf_load_time())::float8 AS loaded")
    return float(rows[0]["loaded"])


def pending_restarts(connection: Any) -> list[str]:
    """Return the settings that wait for a restart: those the server knows, and those a reload would find."""
    rows = fetch(connection, f"SELECT {raw('name')} AS name FROM pg_catalog.pg_settings WHERE pending_restart")
    found = {str(read_raw(row["name"])) for row in rows}
    waiting = map(_waiting_setting, _rows(connection, CONF, CONF.since))
    return sorted(found.union(name for name in waiting if name is not None))


def _waiting_setting(row: Mapping[str, Any]) -> str | None:
    """The setting whose row says no more than that a restart will apply it; None for any other row.

    The server reloads in spite of it, whether the setting has another value or left the files, and lets it wait.
    """
    left = _LEFT.fullmatch(row["error"] or "")
    if left is not None and row["name"] is None:
        return left.group(1).lower()
    return str(row["name"]).lower() if row["error"] == _NOT_APPLIED and row["context"] == "postmaster" else None
