# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a running server use the files on disk, and proving that it does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from time import monotonic, sleep
from typing import Any

from ..._pgconf.settings.postgresql_conf import AUTO_CONF
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..errors import DatabaseError, LoginRefused, ModuleError
from .clusters import Cluster, find_cluster
from .configuration_files import files_read, read_configuration
from .crl_coverage import check_crls, find_uncovered
from .database import Login, connect, fetch
from .login_paths import after_restart, check_ways_in, find_ways_in
from .served_certificates import (
    Listener,
    expected_fingerprints,
    listens_on_tcp,
    wait_for_certificates,
    wrong_listeners,
)
from .service import LogFile, describe_log, find_log, restart, signal_reload
from .tls_files import check_tls_files, find_pairs, hosts_file, tls_is_on
from .views import (
    CONF,
    HBA,
    IDENT,
    conf_load_time,
    file_errors,
    pending_restarts,
    reader_of,
    server_version_of,
    setting,
)

LOG, VIEWS = "log", "views"
_POLL_SECONDS = 0.1
# Once a new connection shows the new load time, the TLS files were loaded or refused before it, and the log says so.
_SETTLE_SECONDS = 2
_COLLECTOR_SECONDS = 0.3
# Files are stamped with the time of the kernel's last tick, so one that is written after a load may look older.
_TICK_SECONDS = 0.01
_TLS_FILES = ("ssl_cert_file", "ssl_ca_file", "ssl_crl_file")
# What every language of the server's messages leaves as it is, and what a server in English says of a refusal
# (postmaster.c, guc-file.c). Settings that wait for a restart end in "unaffected changes were applied".
_HEARD = re.compile(r"\bSIGHUP\b")
_REFUSED = re.compile(r"was not reloaded|contains errors; no changes were applied")


@dataclass(frozen=True)
class ReloadReason:
    """Why a reload is due, as a code for machines and a sentence for people."""

    code: str
    sentence: str


def login_at(cluster: Cluster, login: Login) -> Login:
    """Return the login for a cluster, where it listens now."""
    return login.at(cluster.port, cluster.socket_directory, cluster.owner)


def try_login(login: Login) -> tuple[Any, str | None]:
    """Return a connection, or None and the sentence that says why there is none."""
    try:
        return connect(login), None
    except DatabaseError as error:
        return None, str(error)


@contextmanager
def session_if_any(login: Login, connection: Any = None) -> Iterator[Any]:
    """Yield the connection that is there already, or a new one that ends with the context; None where no login works."""
    if connection is not None:
        yield connection
        return
    made, _problem = try_login(login)
    try:
        yield made
    finally:
        if made is not None:
            made.close()


def waiting_settings(login: Login, connection: Any = None) -> list[str]:
    """Return the settings that wait for a restart, as a session sees them that began after the last load.

    connection: such a session, where there is one; without a login there are none.
    """
    with session_if_any(login, connection) as asked:
        return [] if asked is None else pending_restarts(asked)


def reload_reasons(
    cluster: Cluster, connection: Any, files_changed: bool, listeners: Sequence[Listener] | None = None
) -> list[ReloadReason]:
    """Return why the server does not use the files on disk yet; none when it does, as far as can be seen.

    listeners: what is served where, when that is known.
    """
    reasons = [ReloadReason("files_changed", "the caller changed files")] if files_changed else []
    if connection is not None:
        loaded = conf_load_time(connection)
        changed = {**{path: _changed_at(path) for path in _files(cluster, connection)}, **_keys_written_at(cluster)}
        for path, moment in changed.items():
            if is_newer(moment, loaded):
                reasons.append(ReloadReason("file_newer", f"{path} changed after the server loaded its files"))
    if listens_on_tcp(cluster) and not files_changed:
        expected = expected_fingerprints(cluster)
        for one in wrong_listeners(cluster, expected, listeners):
            sentence = f"the server serves {one}, not {expected[one.server_name]} of its files"
            reasons.append(ReloadReason("certificate_not_served", sentence))
    return reasons


def is_newer(stamp: float, loaded: float) -> bool:
    """Whether a file with this time stamp may have changed after the server loaded its files (both seconds since 1970)."""
    return stamp > loaded - _TICK_SECONDS


def check_files(cluster: Cluster, connection: Any) -> list[str]:
    """Ask before a reload whether the server would take its files; returns warnings.

    :raises ModuleError: with the server's words, file and line of each refused one, or the file that it would refuse.
    """
    errors = []
    if connection is not None:
        for kind in (CONF, HBA, IDENT):
            _check_there(kind.setting, setting(connection, kind.setting))
        errors = file_errors(connection)
    if errors:
        raise ModuleError(f"the server was not reloaded, because it refuses its files: {'; '.join(errors)}; fix them")
    check_tls_files(cluster)
    from .tls_rule_warnings import check_rules  # only a reload that is due needs all that judges rules

    return check_rules(cluster)


def _check_there(name: str, path: str) -> None:
    """See that a file is there and is one: of a directory some servers read nothing, and do not complain."""
    if not os.path.isfile(path):
        fault = "is not a regular file" if os.path.lexists(path) else "does not exist"
        raise ModuleError(
            f"the server was not reloaded, because its {name} {path} {fault}; put the file back or correct the setting"
        )


def check_clients(cluster: Cluster, is_edited: bool) -> list[str]:
    """Find, whether a reload is due or not, CRLs that keep the holders of certificates out; returns warnings.

    is_edited: the caller would change files (check mode), and these may be among them, so that nothing is certain.

    :raises ModuleError: one sentence for each CA without a current CRL.
    """
    now = datetime.now(timezone.utc)
    if is_edited:
        return [f"{problem} (unless this run does)" for problem in find_uncovered(cluster, now)]
    return check_crls(cluster, now)


def reload(cluster: Cluster, login: Login, connection: Any, timeout_seconds: int) -> str | None:
    """Tell the server to load its files and wait for the proof that it did.

    Returns what proves that rules and maps are in force: its log, its views (which show the files), or None.

    :raises ModuleError: when it did not within the time, kept something old, or lets us in no more.
    """
    ways_in = find_ways_in(cluster, login) if connection is not None else []
    log = tell_to_load(cluster, login, connection, timeout_seconds)
    heard = check_log(cluster, log, timeout_seconds if connection is None else _SETTLE_SECONDS)
    try:
        prove_certificate(cluster, timeout_seconds if connection is None else _SETTLE_SECONDS)
    except ModuleError as error:
        said = log.new_words()
        logged = f" (it logged: {said})" if said else ""
        raise ModuleError(f"{error}{logged}; look into {describe_log(cluster, log)}") from error
    check_ways_in(ways_in, "the reload")
    return LOG if heard else VIEWS if connection is not None else None


def restart_proven(cluster: Cluster, login: Login, timeout_seconds: int) -> None:
    """Restart a server, and see that it serves its certificates and lets in whom it let in before.

    :raises ModuleError: when it does not come back, or not as it should; the log's words are in the sentence.
    """
    ways_in = find_ways_in(cluster, login)
    restart(cluster, login, timeout_seconds)
    restarted = find_cluster(cluster.data_directory)
    prove_certificate(restarted, timeout_seconds)
    check_ways_in(after_restart(ways_in, restarted, login), "the restart")


def tell_to_load(cluster: Cluster, login: Login, connection: Any, timeout_seconds: int) -> LogFile:
    """Tell the server to load its files and, with a login, wait until it has; returns its log as it was before.

    :raises ModuleError: when it did not within the time.
    """
    log = find_log(cluster)
    if connection is None:
        signal_reload(cluster)
    else:
        before = conf_load_time(connection)
        fetch(connection, "SELECT pg_catalog.pg_reload_conf()")
        _wait_for_load(login, before, timeout_seconds)
    return log


def check_log(cluster: Cluster, log: LogFile, timeout_seconds: float) -> bool:
    """Wait until the log tells of the reload; False where it cannot be read or tells nothing.

    :raises ModuleError: with the server's words, when it says that something was not loaded.
    """
    end = monotonic() + timeout_seconds
    while not any(_HEARD.search(line) for line in log.new_lines()):
        if log.path is None or monotonic() > end:
            return False
        sleep(_POLL_SECONDS)
    if log.is_collected:  # the collector writes what the server said a moment before
        sleep(_COLLECTOR_SECONDS)
    refused = [line for line in log.new_lines() if _REFUSED.search(line)]
    if refused:
        raise ModuleError(
            f"the server of {cluster.data_directory} read its files and did not load them all ({log.new_words()}); fix "
            f"what it names and reload again; its log is {log.path}"
        )
    return True


def prove_certificate(cluster: Cluster, timeout_seconds: float) -> None:
    """See the certificates of the files served at every address, where the files say ssl = on.

    :raises ModuleError: when another one, or none, is served anywhere.
    """
    expected = expected_fingerprints(cluster)
    if not expected or not listens_on_tcp(cluster):
        return
    for one in wait_for_certificates(cluster, expected, timeout_seconds):
        pair = next(pair for pair in find_pairs(cluster) if pair.server_name == one.server_name)
        raise ModuleError(
            f"the server of {cluster.data_directory} serves {one}, not {expected[one.server_name]} "
            f"of {pair.certificate_setting} {pair.certificate}"
        )


def _wait_for_load(login: Login, before: float, timeout_seconds: int) -> None:
    """Wait until two connections in a row show the new load time.

    The first may be older than the reload and have read the settings by itself; the second was accepted after the
    server's main process was done with all its files.
    """
    end = monotonic() + timeout_seconds
    seen = 0
    while True:
        try:
            connection = connect(login)
        except LoginRefused as error:
            raise ModuleError(f"the login worked before the reload and does not any more: {error}") from error
        try:
            seen += conf_load_time(connection) > before
        finally:
            connection.close()
        if seen == 2:
            return
        if monotonic() > end:
            raise ModuleError(f"the server did not load its files within {timeout_seconds} seconds; look into its log")
        if not seen:
            sleep(_POLL_SECONDS)


def _files(cluster: Cluster, connection: Any) -> Iterator[str]:
    version = min(server_version_of(connection), NEWEST_VERSION)
    yield os.path.join(cluster.data_directory, AUTO_CONF)
    for kind, path in ((CONF, cluster.config_file), (HBA, cluster.hba_file), (IDENT, cluster.ident_file)):
        yield path
        with suppress(ModuleError):  # the server, which can read it, is asked before it reloads
            yield from files_read(reader_of(kind, version), *read_configuration(path))
    if tls_is_on(cluster):
        yield from (path for path in (cluster.path(name) for name in _TLS_FILES) if path)
        yield from (path for path in (hosts_file(cluster),) if path)
        for pair in find_pairs(cluster):
            yield from (path for path in (pair.certificate, pair.ca) if path)


def _changed_at(path: str) -> float:
    """When a file last changed, by content, name or mode: one that was moved here counts too."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _keys_written_at(cluster: Cluster) -> dict[str, float]:
    """When each key was written: a transaction links to keys, which looks like a change of the file itself."""
    found = {}
    for pair in find_pairs(cluster):
        try:
            found[pair.key] = os.stat(pair.key).st_mtime
        except OSError:
            continue
    return found
