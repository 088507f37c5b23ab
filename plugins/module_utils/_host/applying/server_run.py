# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of pg_server from beginning to end: find, undo what a killed run left, work out, request or apply, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from time import time
from typing import Any

from ..._pki.published_crls import first_end
from ..._pki.validity import render_time
from ..certificates.due import Examined, examine, hold_warnings, rehearsed_files, requested
from ..certificates.holder_files import Holding, read_holding
from ..certificates.installation import Installation, plan_installation
from ..certificates.key_generation import ensure_keys
from ..certificates.removed_certificates import removal_warnings
from ..errors import DatabaseError, ModuleError
from ..files.writer import DesiredFile, Writer, merge_written
from ..server.clusters import DEFAULT_PORT, Cluster, choose_cluster, find_cluster, find_clusters
from ..server.database import Login, connect
from ..server.patroni import refuse_patroni, sign_of_patroni
from ..server.reload import login_at, waiting_settings
from ..server.served_certificates import expected_names, served_certificates
from ..server.service import not_running
from ..transaction.journal import UndoOptions
from .desired_server import DesiredServer
from .planned_names import PlannedNames
from .reload_steps import LiveServer
from .runs_before import server_alone, undo_killed_run
from .server_change import Applied, ServerChange
from .server_plan import ServerPlan, plan_server

# How much older a file may look than what was done to it: files are stamped with the time of the kernel's last tick.
_TICK_SECONDS = 1.0
_MOST_CHANGES = 3


@dataclass(frozen=True)
class _Run:
    """What is known before anything is changed."""

    writer: Writer
    live: LiveServer
    login: Login
    desired: DesiredServer
    now: datetime
    undone: bool


def run_server(writer: Writer, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Bring a server up to date, or return the requests for the certificates that are due; returns the results.

    :raises ModuleError: , ConfigError and PkiError: the first thing that is wrong; the server is as it was then.
    """
    started_at, cluster = time(), _find(params)
    timeout_seconds, login = params["timeout_seconds"], Login.of(params)
    with server_alone(writer, cluster, timeout_seconds) as changed_at:
        options = UndoOptions(params["restart"] != "never", timeout_seconds)
        undone = undo_killed_run(writer, cluster, login, options)
        if undone or changed_at > started_at - _TICK_SECONDS:
            cluster = _find(params)  # again: where it listens may have changed since
        if not cluster.running:
            raise ModuleError(not_running(cluster))
        files = (cluster.config_file, cluster.hba_file, cluster.ident_file)
        refuse_patroni(f"the server of {cluster.data_directory}", None, sign_of_patroni(cluster.data_directory, files))
        desired = DesiredServer.of(params, cluster)
        with closing(_log_in(cluster, login)) as connection:
            live = LiveServer(cluster, connection)
            run = _Run(writer, live, login_at(cluster, login), desired, now, undone)
            return _request_or_apply(run, plan_server(writer, live, run.login, desired))


def _find(params: Mapping[str, Any]) -> Cluster:
    directory = params["data_directory"]
    return find_cluster(directory) if directory else choose_cluster(find_clusters(), None, params["port"])


def _log_in(cluster: Cluster, login: Login) -> Any:
    try:
        return connect(login_at(cluster, login))
    except DatabaseError as error:
        raise ModuleError(f"{error}; nothing was written") from error


def _request_or_apply(run: _Run, plan: ServerPlan) -> dict[str, Any]:
    desired, writer = run.desired, run.writer
    holdings = [read_holding(place, desired.site) for place in desired.places]

    def others() -> list[DesiredFile]:
        return [file for holding in holdings for file in rehearsed_files(holding)]

    holdings, keys, keys_made = ensure_keys(writer, holdings, others)
    made = merge_written(keys)
    examined = [] if desired.signed else [examine(holding, run.now) for holding in holdings]
    requests = requested(examined)
    restart_due = desired.restarts_later and bool(
        plan.restart_settings or waiting_settings(run.login, run.live.connection)
    )
    if restart_due or (requests and _must_wait(desired, holdings)):
        report = _report_of_nothing_done(run, plan, examined, made, requests)
        return {**report, "restart_due": restart_due, "keys_made": keys_made}
    params = {"crl_pem": desired.params["crl_pem"], "trusted_files": []}
    installation = plan_installation(holdings, desired.signed, params, desired.site, run.now, writer.check_mode)
    for warning in plan.warnings:
        writer.warn(warning)
    for holding in holdings:
        for warning in hold_warnings(holding):
            writer.warn(warning)
    # check mode has not revoked yet what a run would have revoked by now
    for warning in () if writer.check_mode else removal_warnings(plan.names.removed, desired.site, run.now):
        writer.warn(warning)
    applied = ServerChange(writer, run.live, run.login, desired, installation, plan).apply()
    applied.changed = applied.changed or made["changed"]
    applied.diff = [*made["diff"], *applied.diff]
    return {**_report(run, plan, installation, applied), "keys_made": keys_made}


def _must_wait(desired: DesiredServer, holdings: Sequence[Holding]) -> bool:
    """Whether the run ends here: nobody was asked yet, or there is nothing installed to go on with."""
    return not desired.signing_pending or any(holding.leaf is None for holding in holdings)


def _report_of_nothing_done(
    run: _Run, plan: ServerPlan, examined: Sequence[Examined], made: dict[str, Any], requests: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is returned where only private keys were made, because something must be signed or the restart is due."""
    names = ", ".join(request["name"] for request in requests)
    waits = bool(requests) and run.desired.signing_pending
    due = f"{names} {'waits for its CA' if waits else 'must be signed'}" if requests else "must be restarted"
    summary = f"{run.live.cluster}: {due}; the server is as it was"
    applied = Applied(run.live, run.live.cluster, bool(made["changed"]) or not waits)
    applied.diff = [*made["diff"], *(one.diff() for one in examined if one.reasons)]
    nothing = Installation((), [one.described(run.now) for one in examined], frozenset())
    reports = {**plan.reports, "access_changes": [], "locked_out": []}
    report = _report(
        run, ServerPlan(plan.conf, plan.ident, plan.hba, PlannedNames(), reports=reports), nothing, applied
    )
    return {**report, "requests": requests, "waiting": waits, "summary": summary}


def _report(run: _Run, plan: ServerPlan, installation: Installation, applied: Applied) -> dict[str, Any]:
    cluster = applied.cluster
    listeners = applied.listeners
    if listeners is None:
        listeners = served_certificates(cluster, expected_names(cluster))
    return {
        "changed": applied.changed or run.undone,
        "diff": applied.diff,
        "requests": [],
        "waiting": False,
        "restart_due": run.desired.restarts_later and bool(applied.pending_restart),
        "certificates": list(installation.certificates),
        "removed": [one.described() for one in plan.names.removed],
        "undone": run.undone,
        "data_directory": cluster.data_directory,
        "version": cluster.version,
        "port": cluster.port,
        "socket_directory": cluster.socket_directory,
        "hba_file": cluster.hba_file,
        "ident_file": cluster.ident_file,
        "config_file": cluster.config_file,
        **plan.reports,
        "reloaded": bool(applied.reasons),
        "restarted": applied.restarted,
        "restart_settings": list(plan.restart_settings),
        "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in applied.reasons],
        "pending_restart": list(applied.pending_restart),
        "roles_created": applied.roles_created,
        "roles_altered": applied.roles_altered,
        "roles_locked": list(applied.roles_locked),
        "backup_files": applied.backup_files,
        "served_fingerprint": listeners[0].fingerprint if listeners else None,
        "listeners": [listener.described() for listener in listeners],
        "rules_evidence": applied.evidence,
        "summary": _summary(run, plan, installation, applied),
    }


def _summary(run: _Run, plan: ServerPlan, installation: Installation, applied: Applied) -> str:
    """One sentence for people: what was done, what is served until when, who gained or lost access."""
    would = "would be " if run.writer.check_mode else ""
    settings = f" for {', '.join(plan.restart_settings)}" if plan.restart_settings else ""
    done = f"{would}restarted{settings}" if applied.restarted else f"{would}reloaded" if applied.reasons else ""
    words = [done or (f"{would}changed" if applied.changed else "nothing to do")]
    for one in installation.certificates:
        state = "installed" if one["installed"] else "kept"
        until = f", serial {one['serial_number']}, until {one['not_after']}" if one["serial_number"] else ""
        words.append(f"certificate {one['name']} {would if one['installed'] else ''}{state}{until}")
    changes = [one["sentence"] for one in plan.reports["access_changes"]]
    if changes:
        more = f", and {len(changes) - _MOST_CHANGES} more" if len(changes) > _MOST_CHANGES else ""
        words.append(f"access {would}changed ({', '.join(changes[:_MOST_CHANGES])}{more})")
    if applied.roles_locked:
        words.append(f"LOGIN {would}taken from {', '.join(applied.roles_locked)}")
    crls_end = first_end(run.desired.params["crl_pem"] or "")
    if crls_end is not None:
        words.append(f"CRLs until {render_time(crls_end)}")
    return f"{_where_it_listens_then(run, plan, applied)}: {'; '.join(words)}"


def _where_it_listens_then(run: _Run, plan: ServerPlan, applied: Applied) -> Cluster:
    """The cluster after the run, in check mode with the port that a restart would give it."""
    if not (run.writer.check_mode and applied.restarted and "port" in plan.restart_settings):
        return applied.cluster
    port = {name.lower(): value for name, value in run.desired.settings.items()}.get("port")
    return replace(applied.cluster, port=int(port or DEFAULT_PORT))
