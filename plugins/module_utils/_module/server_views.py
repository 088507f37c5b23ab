# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running server says about its files: those on disk (the views of files), and those it has loaded."""

from __future__ import annotations

from typing import Any

from .database import fetch

_FILE_SETTINGS = """
SELECT f.sourcefile, f.sourceline, f.name, f.error, s.context
FROM pg_catalog.pg_file_settings f LEFT JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(f.name)
ORDER BY f.seqno
"""
# The view says this of a bad value, and of a good one that only a restart can apply.
_NOT_APPLIED = "setting could not be applied"


def configuration_files(connection: Any) -> list[str]:
    """Return every file of settings that the server would read now, those that are included too."""
    rows = fetch(connection, "SELECT DISTINCT sourcefile FROM pg_catalog.pg_file_settings ORDER BY 1")
    return [row["sourcefile"] for row in rows if row["sourcefile"]]


def conf_load_time(connection: Any) -> float:
    """Return when the server last loaded its settings, in seconds since the epoch.

    A new connection inherits the time of the server's main process, which loads rules, maps and TLS files before
    it accepts anybody again.
    """
    rows = fetch(connection, "SELECT extract(epoch FROM pg_catalog.pg_conf_load_time())::float8 AS loaded")
    return float(rows[0]["loaded"])


def pending_restarts(connection: Any) -> list[str]:
    """Return the settings that wait for a restart: those the server knows, and those a reload would find."""
    rows = fetch(connection, "SELECT name FROM pg_catalog.pg_settings WHERE pending_restart")
    found = {row["name"] for row in rows}
    found.update(row["name"].lower() for row in fetch(connection, _FILE_SETTINGS) if _waits_for_restart(row))
    return sorted(found)


def file_errors(connection: Any) -> list[str]:
    """Return, for each line that would stop the files from being loaded, its place and the server's words."""
    settings = [row for row in fetch(connection, _FILE_SETTINGS) if row["error"] and not _waits_for_restart(row)]
    errors = [_place(row["sourcefile"], row["sourceline"], row["error"], row["name"]) for row in settings]
    names = fetch(connection, "SELECT current_setting('hba_file') AS hba, current_setting('ident_file') AS ident")[0]
    rules = fetch(connection, "SELECT * FROM pg_catalog.pg_hba_file_rules")
    if not rules:
        errors.append(f"{names['hba']}: the file holds no rule")
    # A rejected line has no type. An error beside a type is a remark: "hostssl" while TLS is off is loaded all the same.
    errors += [_row(row, names["hba"]) for row in rules if row["type"] is None]
    view = "SELECT to_regclass('pg_catalog.pg_ident_file_mappings') IS NOT NULL AS there"
    if fetch(connection, view)[0]["there"]:  # since version 15
        maps = fetch(connection, "SELECT * FROM pg_catalog.pg_ident_file_mappings WHERE error IS NOT NULL")
        errors += [_row(row, names["ident"]) for row in maps]
    return errors


def _waits_for_restart(row: dict[str, Any]) -> bool:
    return bool(row["error"] == _NOT_APPLIED and row["context"] == "postmaster")


def _row(row: dict[str, Any], main_file: str) -> str:
    return _place(row.get("file_name") or main_file, row["line_number"], row["error"] or "the line is refused", None)


def _place(path: str | None, line: int | None, words: str, name: str | None) -> str:
    return f"{path} line {line}: {name + ': ' if name else ''}{words}"
