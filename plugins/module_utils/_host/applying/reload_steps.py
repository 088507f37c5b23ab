# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reload from beginning to end: what is due, what speaks against it, the reload, the restart, and the proof."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ModuleError, ServerDown
from ..files.writer import Writer
from ..server.clusters import Cluster, find_cluster
from ..server.database import Login
from ..server.reload import (
    ReloadReason,
    check_clients,
    check_files,
    login_at,
    reload,
    reload_reasons,
    restart_proven,
    session_if_any,
    try_login,
    waiting_settings,
)
from ..server.served_certificates import Listener, expected_names, served_certificates
from ..server.service import not_running
from ..server.settings_in_force import Relied


@dataclass(frozen=True)
class ReloadOptions:
    """What a task says about a reload.

    files_changed: the caller changed files (in check mode, would). restart: never, if_pending or always. settings: what
    the server must use then, None for its own default. puts_back: a server that does not come up from a restart gets the
    values of before; otherwise the caller brings it back.
    """

    data_directory: str
    login: Login
    files_changed: bool = False
    restart: str = "never"
    settings: Mapping[str, str | None] = field(default_factory=dict)
    timeout_seconds: int = 60
    puts_back: bool = False


@dataclass(frozen=True)
class LiveServer:
    """A running server as its files and processes are now, and a session that began after it loaded its files."""

    cluster: Cluster
    connection: Any


@dataclass(frozen=True)
class Reloaded:
    """What was done to a server (in check mode, would be), why, what waits for a restart still, and what is served."""

    cluster: Cluster
    reasons: list[ReloadReason]
    restarted: bool
    pending_restart: list[str]
    evidence: str | None
    listeners: list[Listener]


@dataclass(frozen=True)
class _SeenServer:
    """The server, the login for it, and what was seen since it changed last: a session, and what is served where."""

    cluster: Cluster
    login: Login
    connection: Any = None
    listeners: list[Listener] | None = None


def bring_up_to_date(writer: Writer, options: ReloadOptions, live: LiveServer | None = None) -> Reloaded:
    """Reload and restart as due, and prove it.

    live: the server, where the caller knows it and changed nothing since. Its session ends before a restart.

    :raises ModuleError: when something speaks against it, or the proof fails.
    """
    with ExitStack() as stack:
        seen = _find_server(options) if live is None else _see(options, live.cluster, live.connection)
        if live is None:
            seen = _log_in(writer, seen, stack)
        connection = seen.connection
        if writer.check_mode or not options.files_changed:
            seen = replace(seen, listeners=_served(seen.cluster))
        reasons, evidence = _reload(writer, options, seen)
        if reasons and not writer.check_mode:
            seen = replace(seen, connection=None, listeners=None)
        waiting = waiting_settings(seen.login, seen.connection)
        restart_due = bool((options.restart == "always" and reasons) or (options.restart == "if_pending" and waiting))
        if restart_due:
            seen, waiting = _restart(writer, options, seen, waiting, connection)
        listeners = _served(seen.cluster) if seen.listeners is None else seen.listeners
        _prove(writer, options, replace(seen, listeners=listeners), bool(reasons or restart_due))
    return Reloaded(seen.cluster, reasons, restart_due, waiting, evidence, listeners)


def _find_server(options: ReloadOptions) -> _SeenServer:
    """Return the running server and the login for it."""
    cluster = find_cluster(options.data_directory)
    if not cluster.running:
        raise ModuleError(not_running(cluster))
    return _see(options, cluster)


def _see(options: ReloadOptions, cluster: Cluster, connection: Any = None) -> _SeenServer:
    return _SeenServer(cluster, login_at(cluster, options.login), connection)


def _log_in(writer: Writer, seen: _SeenServer, stack: ExitStack) -> _SeenServer:
    connection, problem = try_login(seen.login)
    if connection is not None:
        stack.callback(connection.close)
    if problem:
        writer.warn(f"No login, so the server is signalled and only its certificate can be proven: {problem}")
    return replace(seen, connection=connection)


def _served(cluster: Cluster) -> list[Listener]:
    return served_certificates(cluster, expected_names(cluster))


def _reload(writer: Writer, options: ReloadOptions, seen: _SeenServer) -> tuple[list[ReloadReason], str | None]:
    """Look at the files and let the server load them where that is due; returns the reasons and the evidence."""
    cluster, connection = seen.cluster, seen.connection
    is_edited = writer.check_mode and options.files_changed
    reasons = reload_reasons(cluster, connection, options.files_changed, seen.listeners)
    warnings = check_files(cluster, connection) if reasons and not writer.check_mode else []
    Relied(options.settings, cluster).check_files(is_edited)
    for warning in (*warnings, *check_clients(cluster, is_edited)):
        writer.warn(warning)
    if not reasons or writer.check_mode:
        return reasons, None
    return reasons, reload(cluster, seen.login, connection, options.timeout_seconds)


def _restart(
    writer: Writer, options: ReloadOptions, seen: _SeenServer, waiting: list[str], connection: Any
) -> tuple[_SeenServer, list[str]]:
    """Restart the server and return it as it is then, with what waits still; in check mode see that it could be."""
    if writer.check_mode:
        if not options.files_changed:
            from ..server.restart_checks import check_restart  # only a restart needs all that judges rules and maps

            check_restart(seen.cluster)
        return seen, waiting
    way_back = None
    if options.puts_back:
        from ..transaction.waiting_values import WayBack

        with session_if_any(seen.login, seen.connection) as asked:
            way_back = WayBack.of(writer, seen.cluster, seen.login, options.timeout_seconds, asked)
    if connection is not None:
        connection.close()
    try:
        restart_proven(seen.cluster, seen.login, options.timeout_seconds)
    except ServerDown as error:
        if way_back is None:
            raise
        put_back = way_back.take(error)
        raise ModuleError(
            f"{error.cause}; it runs again with the values that it used before, which were put back ({put_back}); correct "
            f"what asks for other ones; {error.place}"
        ) from error
    restarted = _find_server(options)
    return restarted, waiting_settings(restarted.login)


def _prove(writer: Writer, options: ReloadOptions, seen: _SeenServer, is_due: bool) -> None:
    """Ask the server what it uses; in check mode only for what nothing that is due would change."""
    relied = Relied(options.settings, seen.cluster)
    if not relied.wanted:
        return
    restarts_only = writer.check_mode and is_due
    if not (restarts_only and options.restart != "never"):
        with session_if_any(seen.login, seen.connection) as connection:
            if connection is not None:
                relied.check_server(connection, restarts_only)
    if not restarts_only:
        relied.check_handshakes(seen.listeners or [])
