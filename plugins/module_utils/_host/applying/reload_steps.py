# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reload from beginning to end: what is due, what speaks against it, the reload, the restart, and the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ModuleError
from ..files.writer import Writer
from ..server.clusters import Cluster, find_cluster
from ..server.database import Login
from ..server.reload import (
    ReloadReason,
    check_clients,
    check_files,
    reload,
    reload_reasons,
    restart_proven,
    try_login,
    waiting_settings,
)
from ..server.restart_checks import check_restart
from ..server.service import not_running
from ..server.settings_in_force import Relied
from ..transaction.journal import show_sign_of_life


@dataclass(frozen=True)
class ReloadOptions:
    """What a task says about a reload.

    files_changed: the caller changed files (in check mode, would). restart: never, if_pending or always. settings: what
    the server must use then, None for its own default.
    """

    data_directory: str
    login: Login
    files_changed: bool = False
    restart: str = "never"
    settings: Mapping[str, str | None] = field(default_factory=dict)
    timeout_seconds: int = 60


@dataclass(frozen=True)
class Reloaded:
    """What was done to a server (in check mode, would be), why, and what waits for a restart still."""

    cluster: Cluster
    reasons: list[ReloadReason]
    restarted: bool
    pending_restart: list[str]
    evidence: str | None


def bring_up_to_date(writer: Writer, options: ReloadOptions) -> Reloaded:
    """Reload and restart as due, and prove it.

    :raises ModuleError: when something speaks against it, or the proof fails.
    """
    cluster, login = _find_server(options)
    reasons, evidence = _reload(writer, options, cluster, login)
    waiting = waiting_settings(login)
    restart_due = bool((options.restart == "always" and reasons) or (options.restart == "if_pending" and waiting))
    if restart_due and not writer.check_mode:
        restart_proven(cluster, login, options.timeout_seconds)
        cluster, login = _find_server(options)
        waiting = waiting_settings(login)
    elif restart_due and not options.files_changed:
        check_restart(cluster)
    _prove(writer, options, Relied(options.settings, cluster), login, bool(reasons or restart_due))
    return Reloaded(cluster, reasons, restart_due, waiting, evidence)


def _find_server(options: ReloadOptions) -> tuple[Cluster, Login]:
    """Return the running cluster and the login for it."""
    cluster = find_cluster(options.data_directory)
    if not cluster.running:
        raise ModuleError(not_running(cluster))
    return cluster, options.login.at(cluster.port, cluster.socket_directory)


def _reload(
    writer: Writer, options: ReloadOptions, cluster: Cluster, login: Login
) -> tuple[list[ReloadReason], str | None]:
    """Look at the files and let the server load them where that is due; returns the reasons and the evidence."""
    is_edited = writer.check_mode and options.files_changed
    connection, problem = try_login(login)
    try:
        reasons = reload_reasons(cluster, connection, options.files_changed)
        warnings = check_files(cluster, connection) if reasons and not writer.check_mode else []
        Relied(options.settings, cluster).check_files(is_edited)
        doubts = check_clients(cluster, is_edited)
        if problem:
            writer.warn(f"No login, so the server is signalled and only its certificate can be proven: {problem}")
        for warning in (*warnings, *doubts):
            writer.warn(warning)
        if not reasons or writer.check_mode:
            return reasons, None
        show_sign_of_life(cluster)
        return reasons, reload(cluster, login, connection, options.timeout_seconds)
    finally:
        if connection is not None:
            connection.close()


def _prove(writer: Writer, options: ReloadOptions, relied: Relied, login: Login, is_due: bool) -> None:
    """Ask the server what it uses; in check mode only for what nothing that is due would change."""
    if not relied.wanted:
        return
    connection, problem = try_login(login)
    if connection is not None:
        connection.close()
    restarts_only = writer.check_mode and is_due
    if problem is None and not (restarts_only and options.restart != "never"):
        relied.check_server(login, restarts_only)
    if not restarts_only:
        relied.check_handshakes()
