# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a server uses the values that a task relies on; where it does not, what says so, and the way out.

A value comes from the first of these that has one: a role or database (ALTER ROLE ... SET), the server's command line,
postgresql.auto.conf, the last line of postgresql.conf and what it includes (manual, section 20.1).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._pgconf.setting_kind import Kind
from ..._pgconf.settings.included_settings import read_conf
from ..._pgconf.settings.postgresql_conf import AUTO_CONF, Assignment, ensure_settings, parse_conf
from ..._pgconf.settings.values import canonical_name, needs_restart, parse_boolean, quote_value, read_kinds, same_value
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..errors import ModuleError
from ..files.writer import read_text
from .clusters import Cluster
from .configuration_files import files_with
from .database import fetch
from .running_servers import read_start_command
from .served_certificates import Listener
from .views import pending_restarts

# Their values name files, so that one may be written in several ways.
_FILES = frozenset(
    {"config_file", "data_directory", "hba_file", "hosts_file", "ident_file"}
    | {"ssl_ca_file", "ssl_cert_file", "ssl_crl_dir", "ssl_crl_file", "ssl_dh_params_file", "ssl_key_file"}
)
_COMMAND_LINE = "the server's command line"
# What pg_settings.source says of a value that no file gives, for people.
_SOURCES = {
    "command line": _COMMAND_LINE,
    "environment variable": "the environment of the server",
    "configuration file": "a configuration file that this login may not see",
    "database": "ALTER DATABASE ... SET",
    "user": "ALTER ROLE ... SET",
    "database user": "ALTER ROLE ... IN DATABASE ... SET",
}
_NOWHERE = ""


@dataclass(frozen=True)
class _Given:
    """A value, and what gives it: a file (with its line), or something else in words."""

    value: str
    place: str
    file: str | None = None


@dataclass(frozen=True)
class Relied:
    """The values that a task relies on, by the name of the setting (None: the server's own default), and whose they are."""

    wanted: Mapping[str, str | None]
    cluster: Cluster

    @property
    def version(self) -> int:
        """The version whose names and rules hold for the settings."""
        return min(self.cluster.version, NEWEST_VERSION)

    def check_files(self, is_edited: bool) -> None:
        """Find, before a reload, what will give another value than the files that were edited for it.

        is_edited: the caller will give the main file these values (check mode); otherwise it is judged as it is.

        :raises ModuleError: one sentence for each setting.
        """
        given = _given_on_disk(self.cluster, self.version, self.wanted if is_edited else {})
        problems = []
        for name, wanted in self.wanted.items():
            found = given.get(canonical_name(name, self.version))
            if found is not None and (wanted is None or not self._same(name, found.value, wanted, None)):
                problems.append(self._sentence("would use", name, wanted, found))
        _fail(problems)

    def check_server(self, connection: Any, restarts_only: bool = False) -> None:
        """Ask the running server for what it uses, in a session that began after it loaded its files.

        restarts_only: look only at settings that a reload cannot change.

        :raises ModuleError: one sentence for each setting whose value is another one, or waits for a restart.
        """
        rows, waiting = _ask(connection) if self.wanted else ({}, [])
        kinds = read_kinds(rows)
        problems = []
        for name, wanted in self.wanted.items():
            canonical = canonical_name(name, self.version)
            row = rows.get(canonical)
            if row is None:
                problems.append(
                    f"the server shows no setting {name} to this login; correct the name, or log in as a superuser"
                )
            elif not restarts_only or needs_restart(canonical, kinds[canonical]):
                waits = restarts_only or canonical in waiting
                problems += self._problems(name, wanted, row, kinds[canonical], waits)
        _fail(problems)

    def _problems(self, name: str, wanted: str | None, row: Mapping[str, Any], kind: Kind, waits: bool) -> list[str]:
        expected = row["boot_val"] or "" if wanted is None else wanted
        if self._same(name, row["setting"], expected, kind):
            return []
        if waits:
            return [
                f"the server still uses {name} = {quote_value(row['shown'])} and not {quote_value(expected)}, which "
                "waits for a restart; restart the server, or allow it by the option restart"
            ]
        return [self._sentence("uses", name, wanted, _given_in_force(row))]

    def check_handshakes(self, listeners: Sequence[Listener]) -> None:
        """See TLS offered wherever the server listens when ssl must be on, and nowhere when it must be off.

        listeners: what is served where.

        :raises ModuleError: that names the address.
        """
        wanted = next((value for name, value in self.wanted.items() if name.lower() == "ssl"), None)
        is_on = parse_boolean(wanted) if wanted is not None else None
        for one in listeners if is_on is not None else ():
            if (one.fingerprint is not None) != is_on:
                raise ModuleError(
                    f"the server of {self.cluster.data_directory} serves {one}, although it must use ssl = "
                    f"{quote_value(str(wanted))}; its log says why"
                )

    def _same(self, name: str, one: str, other: str, kind: Kind | None) -> bool:
        if name.lower() in _FILES and one and other:
            paths = (os.path.join(self.cluster.data_directory, path) for path in (one, other))
            return len({os.path.realpath(path) for path in paths}) == 1
        return same_value(canonical_name(name, self.version), one, other, kind)

    def _sentence(self, verb: str, name: str, wanted: str | None, given: _Given) -> str:
        instead = "its default" if wanted is None else quote_value(wanted)
        cause = "no configuration file sets it" if given.place == _NOWHERE else f"{given.place} says so"
        return (
            f"the server {verb} {name} = {quote_value(given.value)} and not {instead}, because {cause}; "
            f"{self._way_out(name, given)}"
        )

    def _way_out(self, name: str, given: _Given) -> str:
        if given.place == _NOWHERE:
            return f"set it in {self.cluster.config_file}"
        if given.file is None:
            return "remove it there"
        if os.path.basename(given.file) == AUTO_CONF:
            return f"use ALTER SYSTEM RESET {name}"
        return "remove or correct that line"


def _given_on_disk(cluster: Cluster, version: int, edits: Mapping[str, str | None]) -> dict[str, _Given]:
    """What a server would read now, by canonical name; edits: what the main file will say by then."""
    text = ensure_settings(parse_conf(read_text(cluster.config_file) or "", version), edits).render()
    main, files = files_with(cluster.config_file, cluster.config_file, text)
    found = {}
    for line in read_conf(main, version, files, os.path.join(cluster.data_directory, AUTO_CONF)):
        if isinstance(line.entry, Assignment):
            given = _Given(line.entry.value, f"{line.file} line {line.number}", line.file)
            found[canonical_name(line.entry.name, version)] = given
    for name, value in read_start_command(cluster.data_directory).settings.items():
        if name != "data_directory":  # -D names where the main file is
            found[canonical_name(name, version)] = _Given(value, _COMMAND_LINE)
    return found


def _given_in_force(row: Mapping[str, Any]) -> _Given:
    if row["sourcefile"]:
        return _Given(row["shown"], f"{row['sourcefile']} line {row['sourceline']}", row["sourcefile"])
    return _Given(row["shown"], _SOURCES.get(row["source"], _NOWHERE))


def _ask(connection: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the server's settings by lower-case name, and those that wait for a restart."""
    columns = (
        "setting, current_setting(name) AS shown, boot_val, vartype, unit, context, source, sourcefile, sourceline"
    )
    rows = fetch(connection, f"SELECT lower(name) AS name, {columns} FROM pg_catalog.pg_settings")
    return {row["name"]: row for row in rows}, pending_restarts(connection)


def _fail(problems: list[str]) -> None:
    if problems:
        raise ModuleError("; ".join(problems))
