# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a standby reaches its primary: tried before it is written, and seen to stream after it.

primary_conninfo lies in postgresql.auto.conf, where pg_basebackup -R puts it and what stands elsewhere is overruled. Since
PostgreSQL 13 a reload is enough; the server then begins its stream anew (manual, section 20.6.3). The text may hold a password, so
that only names of parameters, and values that the task itself gives, are ever shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModuleError
from ..server.clusters import Cluster
from ..server.connection_attempts import SECRETS
from ..server.conninfo import physical_replication, read_conninfo, render_conninfo
from ..server.database import (
    CONNECT_TIMEOUT_SECONDS,
    Login,
    ServerAccount,
    execute,
    fetch,
    in_one_line,
    load_driver,
    quiet_environment,
    session,
)
from ..server.login_roles import is_standby

_SETTING = "primary_conninfo"
_LOGIN = {
    "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
    "replication": "true",
    "application_name": "pgtls.postgresql",
}
# No matter to whom the standby logs in, or by which name it counts among the synchronous ones (synchronous_standby_names).
_NOT_TRIED = frozenset({"application_name", "dbname", "replication", "service", "servicefile"})
_STREAM = (
    "SELECT current_setting('primary_conninfo') AS conninfo, (SELECT status FROM pg_catalog.pg_stat_wal_receiver) AS status,"
    " (SELECT conninfo FROM pg_catalog.pg_stat_wal_receiver) AS used"
)


@dataclass(frozen=True)
class PrimaryConnection:
    """primary_conninfo as it is and as it shall be, by parameter; names: those that the task gives."""

    cluster: Cluster
    before: Mapping[str, str]
    after: Mapping[str, str]
    names: tuple[str, ...]

    def diff(self) -> dict[str, str]:
        """The parameters that the task gives, before and after."""
        header = f"{_SETTING} of {self.cluster.data_directory}"
        return {
            "before_header": header,
            "after_header": header,
            "before": self._shown(self.before),
            "after": self._shown(self.after),
        }

    def try_it(self) -> None:
        """Log in for replication as the server would, with its account's view of the files.

        :raises ModuleError: with the words of the primary, or of libpq.
        """
        driver = load_driver()
        keywords = {**_LOGIN, **{name: value for name, value in self.after.items() if name not in _NOT_TRIED}}
        if not keywords.get("sslkey", "/").startswith("/"):  # an engine of OpenSSL's, whose code would be loaded here
            del keywords["sslkey"]
        try:
            with ServerAccount.of(os.stat(self.cluster.data_directory)).assumed(), quiet_environment():
                driver.connect(**keywords, **physical_replication(driver)).close()
        except driver.Error as error:
            raise ModuleError(
                f"{_SETTING}: the standby in {self.cluster.data_directory} would not reach its primary so ({in_one_line(error)}); "
                f"correct that, or who the primary is; {_SETTING} is left as it is"
            ) from error

    def write(self, connection: Any) -> None:
        """Give the setting its value, which the next reload uses.

        :raises DatabaseError: when the login may not do that.
        """
        query = "SELECT pg_catalog.quote_literal(%s::text) AS literal"
        quoted = fetch(connection, query, (render_conninfo(self.after),))[0]["literal"]
        execute(connection, f"ALTER SYSTEM SET {_SETTING} = {quoted}")

    def see_streaming(self, login: Login, timeout_seconds: int) -> None:
        """Wait until the server streams by this connection.

        :raises ModuleError: when it does not.
        """
        deadline = time.monotonic() + timeout_seconds
        with session(login) as connection:
            while problem := self._why_not_streaming(connection):
                if time.monotonic() > deadline:
                    raise ModuleError(
                        f"{_SETTING}: the standby in {self.cluster.data_directory} does not stream from its primary within "
                        f"{timeout_seconds} seconds ({problem}); its log says why"
                    )
                time.sleep(0.2)

    def _why_not_streaming(self, connection: Any) -> str | None:
        row = fetch(connection, _STREAM)[0]
        if row["conninfo"] != render_conninfo(self.after):
            return f"something else than ALTER SYSTEM sets {_SETTING}"
        if row["status"] != "streaming":
            return f"its WAL receiver is {row['status']}" if row["status"] else "it has no WAL receiver"
        return None if self._is_used(row["used"]) else "its WAL receiver still uses the old connection"

    def _is_used(self, conninfo: str | None) -> bool:
        """Whether the receiver's own words, in which passwords are masked, name what the task gives."""
        used = read_conninfo(conninfo or "")
        return all(used.get(name) == self.after[name] for name in self.names if name in self.after)

    def _shown(self, parameters: Mapping[str, str]) -> str:
        return "".join(
            f"{name}={parameters[name]}\n" for name in self.names if name in parameters and name not in SECRETS
        )


def plan_primary_connection(
    cluster: Cluster, connection: Any, wanted: Mapping[str, Any]
) -> tuple[PrimaryConnection | None, list[str]]:
    """Work out the change of primary_conninfo, None for none, and what to warn of.

    wanted: value by parameter, None for a parameter that goes; others stay as they are.

    :raises ModuleError: for a parameter that libpq does not know.
    :raises DatabaseError: when the login may not see the setting.
    """
    if not wanted:
        return None, []
    if not is_standby(connection):
        return None, [
            f"the server of {cluster.data_directory} is no standby, so {_SETTING} is left as it is; correct who is the primary"
        ]
    before = _read(fetch(connection, f"SELECT pg_catalog.current_setting('{_SETTING}') AS value")[0]["value"])
    given = {str(name): str(value) for name, value in wanted.items() if value is not None}
    _check_parameters(given)
    after = {**{name: value for name, value in before.items() if name not in wanted}, **given}
    if after == before:
        return None, []
    return PrimaryConnection(cluster, before, after, tuple(sorted(map(str, wanted)))), []


def _read(text: str) -> dict[str, str]:
    """The server lets a broken string stand, and does not stream; what is there is not repeated, for it may hold a password."""
    try:
        return read_conninfo(text)
    except ModuleError:
        return {}


def _check_parameters(given: Mapping[str, str]) -> None:
    for secret in SECRETS.keys() & given.keys():
        raise ModuleError(
            f"{_SETTING}: {secret} would be kept where everybody with the rights to see settings reads it; name a passfile, or a "
            "certificate by sslcert and sslkey"
        )
    try:
        render_conninfo(given)
    except ModuleError as error:
        raise ModuleError(f"{_SETTING}: libpq refuses it ({error}); correct the parameter") from error
