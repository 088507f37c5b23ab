# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a running server use the files on disk, and proving that it does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from .clusters import Cluster
from .database import DatabaseError, Login, connect, fetch
from .errors import ModuleError
from .served_certificate import (
    check_key_pair,
    expected_fingerprint,
    listens_on_tcp,
    served_fingerprint,
    tls_is_on,
    wait_for_fingerprint,
)
from .server_views import CONF, conf_load_time, file_errors, files_of, server_version_of
from .service import describe_log, find_log, signal_reload

_POLL_SECONDS = 0.1
# Once a new connection shows the new load time, the TLS files were loaded or refused before it.
_SETTLE_SECONDS = 2
_TLS_FILES = ("ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file")


@dataclass(frozen=True)
class Reason:
    """Why a reload is due, as a code for machines and a sentence for people."""

    code: str
    sentence: str


def try_login(login: Login) -> tuple[Any, str | None]:
    """Return a connection, or None and the sentence that says why there is none."""
    try:
        return connect(login), None
    except DatabaseError as error:
        return None, str(error)


def reload_reasons(cluster: Cluster, connection: Any, files_changed: bool) -> list[Reason]:
    """Return why the server does not use the files on disk yet; none when it does, as far as can be seen."""
    reasons = [Reason("files_changed", "the caller changed files")] if files_changed else []
    if connection is not None:
        loaded = conf_load_time(connection)
        for path in dict.fromkeys(_files(cluster, connection)):
            if _changed_at(path) > loaded:
                reasons.append(Reason("file_newer", f"{path} changed after the server loaded its files"))
    if listens_on_tcp(cluster) and not files_changed:
        expected, served = expected_fingerprint(cluster), served_fingerprint(cluster)
        if expected is not None and served != expected:
            sentence = f"the server serves {_name(served)}, not {expected} of ssl_cert_file"
            reasons.append(Reason("certificate_not_served", sentence))
    return reasons


def check_files(cluster: Cluster, connection: Any) -> None:
    """Ask before a reload whether the server would take its files.

    :raises ModuleError: with the server's words, file and line of each refused one.
    """
    errors = file_errors(connection) if connection is not None else []
    if errors:
        raise ModuleError(f"the server was not reloaded, because it refuses its files: {'; '.join(errors)}; mend them")
    check_key_pair(cluster)


def reload(cluster: Cluster, login: Login, connection: Any, timeout_seconds: int) -> None:
    """Tell the server to load its files and wait for the proof that it did.

    :raises ModuleError: when it did not within the time, or kept its old certificate.
    """
    log = find_log(cluster)
    if connection is None:
        signal_reload(cluster)
    else:
        before = conf_load_time(connection)
        fetch(connection, "SELECT pg_catalog.pg_reload_conf()")
        _wait_for_load(login, before, timeout_seconds)
    said = log.new_words()
    try:
        prove_certificate(cluster, timeout_seconds if connection is None else min(timeout_seconds, _SETTLE_SECONDS))
    except ModuleError as error:
        said = said or log.new_words()
        logged = f" (it logged: {said})" if said else ""
        raise ModuleError(f"{error}{logged}; look into {describe_log(cluster, log)}") from error


def prove_certificate(cluster: Cluster, timeout_seconds: float) -> None:
    """See the certificate of ssl_cert_file served, where the server listens on TCP and the files say ssl = on.

    :raises ModuleError: when another one, or none, is served.
    """
    expected = expected_fingerprint(cluster)
    if expected is None or not listens_on_tcp(cluster):
        return
    served = wait_for_fingerprint(cluster, expected, timeout_seconds)
    if served != expected:
        raise ModuleError(
            f"the server of {cluster.data_directory} serves {_name(served)} on port {cluster.port}, "
            f"not {expected} of ssl_cert_file {cluster.path('ssl_cert_file')}"
        )


def _wait_for_load(login: Login, before: float, timeout_seconds: int) -> None:
    end = monotonic() + timeout_seconds
    while True:
        connection = connect(login)
        try:
            if conf_load_time(connection) > before:
                return
        finally:
            connection.close()
        if monotonic() > end:
            raise ModuleError(f"the server did not load its files within {timeout_seconds} seconds; look into its log")
        sleep(_POLL_SECONDS)


def _files(cluster: Cluster, connection: Any) -> Iterator[str]:
    yield from files_of(connection, CONF, server_version_of(connection))
    yield from (cluster.config_file, cluster.hba_file, cluster.ident_file)
    if tls_is_on(cluster):
        yield from (path for path in (cluster.path(name) for name in _TLS_FILES) if path)


def _changed_at(path: str) -> float:
    """When a file last changed, by content, name or mode: a key with a mended mode needs a reload too."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _name(served: str | None) -> str:
    return f"the certificate {served}" if served else "no certificate"
