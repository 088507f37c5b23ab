# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values that a server uses until its next restart, and the way back to them when it does not start with the new ones.

Only a start finds that a library, an address or the memory for a setting is not there. All other settings are loaded by then, so
these are what the server differs in from the one that ran.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._pgconf.errors import ConfigError
from ..._pgconf.settings.included_settings import read_conf
from ..._pgconf.settings.postgresql_conf import AUTO_CONF, Assignment, ensure_settings, parse_conf
from ..._pgconf.settings.values import canonical_name, quote_value
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..errors import ModuleError
from ..files.writer import DesiredFile, ExpectedContent, Writer, read_text, write_files
from ..server.clusters import Cluster
from ..server.configuration_files import files_with
from ..server.database import Login, fetch
from ..server.running_servers import running_postmaster
from ..server.service import output_of, start
from ..server.views import pending_restarts, setting

# They say which cluster it is; a restart that would leave it is refused.
_OF_THE_CLUSTER = frozenset({"config_file", "data_directory"})


@dataclass(frozen=True)
class WaitingValue:
    """What a server uses of a setting until its restart; is_default: nothing gave it that value."""

    value: str
    is_default: bool


def read_waiting_values(connection: Any) -> dict[str, WaitingValue]:
    """Return the settings that wait for a restart, each with the value that the server uses until then."""
    waiting = [name for name in pending_restarts(connection) if name not in _OF_THE_CLUSTER]
    rows = fetch(connection, "SELECT name FROM pg_catalog.pg_settings WHERE source = 'default'") if waiting else []
    defaults = {row["name"].lower() for row in rows}
    return {name: WaitingValue(setting(connection, name), name.lower() in defaults) for name in waiting}


@dataclass(frozen=True)
class WayBack:
    """How a running server is started again should a restart leave it down.

    values: what it uses of the settings that wait for the restart. output: where it writes its messages to.
    """

    writer: Writer
    cluster: Cluster
    login: Login
    timeout_seconds: int
    values: Mapping[str, WaitingValue]
    output: str | None

    @classmethod
    def of(cls, writer: Writer, cluster: Cluster, login: Login, timeout_seconds: int, connection: Any) -> WayBack:
        """See how a server is; without a login nothing is known of its values."""
        values = {} if connection is None else read_waiting_values(connection)
        return cls(writer, cluster, login, timeout_seconds, values, output_of(cluster.pid))

    def take(self, error: ModuleError) -> str:
        """Give the settings their old values and start the server; returns which, and where.

        :raises ModuleError: the given one, where nothing is known to put back, or with why it did not help.
        """
        if not self.values or running_postmaster(self.cluster.data_directory) is not None:
            raise error
        try:
            edits = _find_edits(self.cluster, self.values)
            write_files(self.writer, [one.desired(one.after, one.before) for one in edits])
        except (ModuleError, ConfigError, OSError) as problem:
            raise ModuleError(f"{error} (the values that it used before could not be put back: {problem})") from error
        try:
            start(self.cluster, self.login, self.timeout_seconds, self.output)
        except ModuleError as problem:
            write_files(self.writer, [one.desired(one.before, one.after) for one in edits])
            raise ModuleError(
                f"{error} (it did not start with the values that it used before either: {problem})"
            ) from error
        return "; ".join(
            f"{name} = {quote_value(self.values[name].value)} in {one.path}" for one in edits for name in one.names
        )


@dataclass(frozen=True)
class _Edit:
    """A file of settings as it is, and as it is with the old values of those that it names last."""

    path: str
    names: tuple[str, ...]
    before: str
    after: str

    def desired(self, text: str, seen: str) -> DesiredFile:
        content = text.encode("utf-8", "surrogateescape")
        return DesiredFile(self.path, content, seen=ExpectedContent.text(seen))


def _find_edits(cluster: Cluster, values: Mapping[str, WaitingValue]) -> list[_Edit]:
    """What gives these settings these values again, each in the file that decides about it now.

    :raises ModuleError: when the owner of the cluster names such a file of somebody else: root would write there for him.
    """
    version, main = min(cluster.version, NEWEST_VERSION), cluster.config_file
    text, files = files_with(main, main, read_text(main) or "")
    deciding = {
        canonical_name(line.entry.name, version): line.file
        for line in read_conf(text, version, files, os.path.join(cluster.data_directory, AUTO_CONF))
        if isinstance(line.entry, Assignment)
    }
    places: dict[str, list[str]] = {}
    for name, one in values.items():
        path = deciding.get(canonical_name(name, version))
        if path is not None or not one.is_default:
            places.setdefault(path or main, []).append(name)
    edits = []
    for path, names in places.items():
        if path != main and os.stat(path).st_uid != os.stat(cluster.data_directory).st_uid:
            raise ModuleError(
                f"{path}, which decides about {', '.join(names)}, does not belong to {cluster.owner}, the owner of the cluster; "
                "mend the value there"
            )
        before = read_text(path) or ""
        after = ensure_settings(parse_conf(before, version), {name: values[name].value for name in names}).render()
        edits.append(_Edit(path, tuple(names), before, after))
    return edits
