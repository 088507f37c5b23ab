# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server before a transaction, and the same server after its files were put back: running, loaded, proven."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

from ..errors import ModuleError
from ..files.writer import Writer
from ..server.clusters import Cluster, find_cluster
from ..server.database import Login
from ..server.reload import (
    check_log,
    is_newer,
    login_at,
    reload_reasons,
    session_if_any,
    tell_to_load,
    try_login,
    waiting_settings,
)
from ..server.running_servers import running_postmaster
from ..server.served_certificates import Listener, expected_fingerprints, served_certificates, served_fingerprint
from ..server.service import find_log, output_of, restart, start, wait_until_ready
from ..server.views import conf_load_time, file_errors, setting
from .journal import Journal, ServerBefore, UndoOptions, beside, digest, journal_path
from .restore_files import restore
from .snapshot import Transaction, close, find_open, written_through
from .waiting_values import WaitingValue, WayBack, read_waiting_values

# What a client meets, and what decides which files the server reads.
_TELLING_SETTINGS = (
    "config_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "port",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_file",
    "ssl_key_file",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
)
_SETTLE_SECONDS = 2
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Recovered:
    """What was done to a server, and what it uses now; served_fingerprint is None where it serves no certificate."""

    reloaded: bool = False
    started: bool = False
    restarted: bool = False
    served_fingerprint: str | None = None
    pending_restart: tuple[str, ...] = ()


def read_base(cluster: Cluster, login: Login) -> ServerBefore:
    """Return how a server is before a transaction; without a login only what can be seen from outside."""
    if not cluster.running:
        return ServerBefore()
    base = ServerBefore(running=True, served_fingerprint=served_fingerprint(cluster), output=output_of(cluster.pid))
    with session_if_any(login) as connection:
        if connection is None:
            return base
        # Settings that were edited and not loaded yet will be loaded by the reload that undoes the transaction.
        is_loaded = not _is_due(cluster, connection, False)
        settings = {name: setting(connection, name) for name in _TELLING_SETTINGS} if is_loaded else {}
        complaints = tuple(digest(complaint) for complaint in file_errors(connection))
        values = read_waiting_values(connection)
        waiting, defaults = (
            {name: one.value for name, one in values.items() if one.is_default is is_default}
            for is_default in (False, True)
        )
        return replace(base, settings=settings, complaints=complaints, waiting=waiting, waiting_defaults=defaults)


def undo(transaction: Transaction, login: Login, options: UndoOptions) -> tuple[list[str], Recovered]:
    """Put back what a transaction changed, and the server with it; returns the paths put back. Without one: nothing.

    :raises ModuleError: that says what is restored and what is not; what was remembered stays then.
    """
    journal = find_open(transaction)
    if journal is None:
        return [], Recovered()
    restored, problems = restore(transaction, journal)
    if transaction.writer.check_mode:
        return restored, Recovered()
    for path in written_through(transaction.cluster, journal):
        transaction.writer.warn(f"somebody wrote to {path} in place during the transaction, which could not be undone")
    if problems:
        raise ModuleError(f"not restored: {'; '.join(problems)}; {_what_is_left(transaction, journal, restored)}")
    try:
        recovered = bring_back(
            transaction.writer, transaction.cluster.data_directory, login, journal, options, bool(restored)
        )
    except ModuleError as error:
        left = _what_is_left(transaction, journal, restored)
        raise ModuleError(f"the files are as before, but not the server: {error}; {left}") from error
    close(transaction)
    return restored, recovered


def _what_is_left(transaction: Transaction, journal: Journal, restored: list[str]) -> str:
    hidden = [beside(one.target, transaction.cluster) for one in journal.files if one.existed]
    kept = ", ".join(path for path in hidden if os.path.lexists(path))
    done = f"restored: {', '.join(restored)}" if restored else "no file had to be restored"
    return (
        f"{done}; the saved files stay in {kept} and the journal in {journal_path(transaction.cluster)}, so fix the "
        "cause and run pg_server again, which undoes the rest first"
    )


def bring_back(
    writer: Writer, data_directory: str, login: Login, journal: Journal, options: UndoOptions, files_changed: bool
) -> Recovered:
    """Let a server use the files that were put back, and prove that it is as it was.

    :raises ModuleError: when it does not start, refuses its files, or is not as it was.
    """
    cluster, base, timeout_seconds = find_cluster(data_directory), journal.base, options.timeout_seconds
    if not base.running and not cluster.running:
        return Recovered()
    started = not cluster.running
    restarted = options.may_restart and _came_up_closed(cluster, login_at(cluster, login), journal)
    if restarted:
        restart(cluster, login_at(cluster, login), timeout_seconds)
        cluster = find_cluster(data_directory)
    elif started:
        _start(writer, cluster, login_at(cluster, login), base, timeout_seconds)
        cluster = find_cluster(data_directory)
    else:
        wait_until_ready(cluster, login_at(cluster, login), timeout_seconds, find_log(cluster))
    reloaded = (
        False
        if started or restarted
        else _reload(cluster, login_at(cluster, login), journal, files_changed, timeout_seconds)
    )
    waiting = waiting_settings(login_at(cluster, login))
    if waiting and options.may_restart and _was_restarted(cluster, journal):
        restart(cluster, login_at(cluster, login), timeout_seconds)
        cluster, restarted = find_cluster(data_directory), True
        waiting = waiting_settings(login_at(cluster, login))
    _prove(cluster, login_at(cluster, login), base, waiting)
    return Recovered(reloaded, started, restarted, served_fingerprint(cluster), tuple(waiting))


def _start(writer: Writer, cluster: Cluster, login: Login, base: ServerBefore, timeout_seconds: int) -> None:
    """Start a server; where settings of others, which waited for a restart, keep it from that, with what it used of them."""
    try:
        start(cluster, login, timeout_seconds, base.output)
    except ModuleError as error:
        values = {name: WaitingValue(value, False) for name, value in base.waiting.items()}
        values.update((name, WaitingValue(value, True)) for name, value in base.waiting_defaults.items())
        put_back = WayBack(writer, cluster, login, timeout_seconds, values, base.output).take(error)
        writer.warn(
            f"{error}; it runs again with the values that it used before, which were put back ({put_back}); correct what asks "
            "for other ones"
        )


def _was_restarted(cluster: Cluster, journal: Journal) -> bool:
    """Whether the server was started since the transaction began; one that was not still uses what only a restart can change."""
    server = running_postmaster(cluster.data_directory)
    return server is not None and server.started_at >= int(journal.begun_at)


def _came_up_closed(cluster: Cluster, login: Login, journal: Journal) -> bool:
    """Whether the server was restarted since it began and does not let us in, as it did before: no reload fixes that."""
    if not _was_restarted(cluster, journal) or not journal.base.settings:
        return False
    with session_if_any(login) as connection:
        return connection is None


def _reload(cluster: Cluster, login: Login, journal: Journal, files_changed: bool, timeout_seconds: int) -> bool:
    base = journal.base
    with session_if_any(login) as connection:
        errors = file_errors(connection) if connection is not None else []
        new = [error for error in errors if digest(error) not in base.complaints]
        if new:
            raise ModuleError(f"the server refuses its files, which it did not before: {'; '.join(new)}")
        # What nobody has loaded since the start is in nobody's way, and a reload would load what others left unloaded.
        if connection is not None and not is_newer(conf_load_time(connection), journal.begun_at):
            return False
        if not _is_due(cluster, connection, files_changed):
            return False
        log = tell_to_load(cluster, login, connection, timeout_seconds)
        if not base.complaints:
            check_log(cluster, log, _SETTLE_SECONDS)
        return True


def _is_due(cluster: Cluster, connection: Any, files_changed: bool) -> bool:
    """Whether the server does not use its files yet; one whose certificate file is broken uses none of them."""
    try:
        return bool(reload_reasons(cluster, connection, files_changed))
    except ModuleError:
        return True


def _prove(cluster: Cluster, login: Login, base: ServerBefore, waiting: list[str]) -> None:
    """See the old certificate served everywhere, and the old settings in force (save those that wait for a restart)."""
    if base.running:
        end = monotonic() + _SETTLE_SECONDS
        wrong = _wrong(cluster, base)
        while wrong and monotonic() < end:
            sleep(_POLL_SECONDS)
            wrong = _wrong(cluster, base)
        if wrong:
            raise ModuleError(f"the server serves {wrong[0]}, not the certificate {base.served_fingerprint} as before")
    connection, problem = try_login(login)
    if connection is None:
        if base.settings:
            raise ModuleError(f"the login worked before and does not any more: {problem}")
        return
    try:
        for name, value in base.settings.items():
            now = setting(connection, name)
            if now != value and name not in waiting:
                raise ModuleError(f"the server uses {name} = {now!r}, not {value!r} as before")
    finally:
        connection.close()


def _wrong(cluster: Cluster, base: ServerBefore) -> list[Listener]:
    """Where neither the certificate of before is served nor that of the files (which may not have been loaded before)."""
    try:
        expected = expected_fingerprints(cluster)
    except ModuleError:  # the files were no better before
        expected = {}
    served = served_certificates(cluster, list(expected) or [None])
    return [one for one in served if one.fingerprint not in (base.served_fingerprint, expected.get(one.server_name))]
