# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying connections as libpq makes them, kept apart from everything that libpq would read behind the task's back."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from time import monotonic
from typing import Any

from ..._proof import attempts as proof
from ..errors import ModuleError
from .client_files import CLIENT_FILES, OpenedFiles, opened_files
from .conninfo import physical_replication, render_conninfo
from .database import fetch, in_one_line, load_driver, quiet_environment
from .fair_threads import in_threads
from .tls_probe import LEGACY_PROTOCOLS, ProbeError, probe

# Nothing can ever lie below a device, so libpq finds no file here, whoever it runs as.
_NO_FILE = "/dev/null/none"
_TRIES = 3
_CONNECT_TIMEOUT_SECONDS = 10
# The words of libpq for a physical replication connection (manual, section 34.1.2).
_PHYSICAL = ("true", "on", "yes", "1")
# Keywords that must not stand in a conninfo, and the options that take them.
SECRETS = {"password": "password", "sslpassword": "key_password"}

_EVIDENCE = """
SELECT s.version AS tls_version, s.cipher, s.client_dn, a.usename::text AS role, a.datname::text AS database, a.pid,
  host(a.client_addr) AS client_address, a.application_name, a.state,
  to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS backend_start,
  to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS state_change
FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_stat_ssl s USING (pid)
WHERE a.pid = pg_catalog.pg_backend_pid()
"""
EVIDENCE_NAMES = (
    "tls_version",
    "cipher",
    "client_dn",
    "role",
    "database",
    "pid",
    "client_address",
    "application_name",
    "backend_start",
    "state",
    "state_change",
)


@dataclass(frozen=True)
class Planned:
    """An attempt with its secrets, which nobody prints: password of the role, passphrase of the client's key.

    address_of: a name whose address is connected to, whatever the host of the conninfo is.
    """

    attempt: proof.Attempt
    address_of: str | None = None
    password: str | None = field(default=None, repr=False)
    key_password: str | None = field(default=None, repr=False)


def plan_attempts(given: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any] | None) -> list[Planned]:
    """Read the option attempts; each conninfo is laid over the defaults, and null or "" takes a default away.

    :raises ModuleError: for a secret in a conninfo and for a keyword that libpq does not know.
    """
    planned = []
    for one in given:
        merged = {**(defaults or {}), **(one["conninfo"] or {})}
        conninfo = {str(word): _text(value) for word, value in merged.items() if value not in (None, "")}
        _check_conninfo(one["name"], conninfo)
        attempt = proof.Attempt(
            one["name"], conninfo, one["expect"], one.get("reason"), one.get("claim"), one.get("server")
        )
        planned.append(Planned(attempt, one.get("address_of"), one.get("password"), one.get("key_password")))
    return planned


def check_parallel(parallel: int) -> None:
    """Refuse to make no attempt at a time.

    :raises ModuleError: which names the option.
    """
    if parallel < 1:
        raise ModuleError(f"parallel is {parallel}, but it must be at least 1")


def try_attempts(planned: Sequence[Planned], parallel: int) -> tuple[list[proof.Outcome], float]:
    """Make so many attempts at a time; return what came of each, in the same order, and the seconds that all of it took.

    The environment belongs to all threads, so it is quiet from before the first of them until after the last.
    """
    start = monotonic()
    with quiet_environment():
        outcomes = in_threads(planned, _try_and_time, parallel, _asked_server)
    return outcomes, monotonic() - start


def _try_and_time(planned: Planned) -> proof.Outcome:
    start = monotonic()
    outcome = _try(planned)
    return replace(outcome, seconds=monotonic() - start)


def _asked_server(planned: Planned) -> tuple[str, ...]:
    """Whom an attempt waits for."""
    conninfo = planned.attempt.conninfo
    where = conninfo.get("hostaddr") or planned.address_of or conninfo.get("host", "")
    return (planned.attempt.server or where, conninfo.get("port", ""))


def _try(planned: Planned) -> proof.Outcome:
    conninfo = dict(planned.attempt.conninfo)
    problem = _client_problem(conninfo)
    if problem:
        return proof.Outcome(proof.IMPOSSIBLE, problem)
    if planned.address_of:
        try:
            conninfo["hostaddr"] = str(socket.getaddrinfo(planned.address_of, None)[0][4][0])
        except (OSError, UnicodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not a host name"
            words = f"could not translate host name {planned.address_of!r} to an address: {said}"
            return proof.Outcome(proof.UNREACHABLE, words)
    if conninfo.get("ssl_max_protocol_version") in LEGACY_PROTOCOLS:
        return _try_legacy(conninfo)
    outcome = _try_login(planned, conninfo)
    for _again in range(_TRIES - 1):
        if outcome.error is None or not proof.is_wordless(outcome.error):
            break
        outcome = _try_login(planned, conninfo)
    return outcome


def _try_login(planned: Planned, conninfo: Mapping[str, str]) -> proof.Outcome:
    try:
        with opened_files(conninfo) as opened:
            return _log_in(planned, opened)
    except ModuleError as error:
        return proof.Outcome(proof.IMPOSSIBLE, str(error))


def _log_in(planned: Planned, opened: OpenedFiles) -> proof.Outcome:
    driver, conninfo = load_driver(), opened.conninfo
    keywords: dict[str, Any] = dict(conninfo)
    physical = conninfo.get("replication", "").lower() in _PHYSICAL
    if physical:
        keywords.update(physical_replication(driver))
    try:
        connection = driver.connect(**_isolated(planned, keywords, _libpq_version(driver)))
    except driver.Error as error:
        words = opened.in_words(in_one_line(error))
        return proof.Outcome(proof.classify_refusal(words), words)
    try:
        evidence = _physical_evidence(conninfo) if physical else fetch(connection, _EVIDENCE)[0]
        return proof.Outcome(proof.ACCEPTED, None, evidence)
    finally:
        connection.close()


def _physical_evidence(conninfo: Mapping[str, str]) -> dict[str, Any]:
    """A physical replication connection takes no SQL, so there is no more to tell than who was let in."""
    return {**dict.fromkeys(EVIDENCE_NAMES), "role": conninfo.get("user")}


def _try_legacy(conninfo: Mapping[str, str]) -> proof.Outcome:
    """Offer an old protocol with every cipher: libpq's own library would refuse before the server can."""
    host = conninfo.get("host", "")
    try:
        served = probe(
            conninfo.get("hostaddr") or host or "localhost",
            int(conninfo.get("port", 5432)),
            None if _is_address(host) else host,
            float(conninfo.get("connect_timeout", _CONNECT_TIMEOUT_SECONDS)),
            conninfo.get("ssl_min_protocol_version"),
            conninfo["ssl_max_protocol_version"],
        )
    except ProbeError as error:
        return proof.Outcome(proof.REFUSED if error.answered else proof.UNREACHABLE, str(error))
    evidence = {**dict.fromkeys(EVIDENCE_NAMES), "tls_version": served.tls_version, "cipher": served.cipher}
    return proof.Outcome(proof.ACCEPTED, None, evidence)


def _isolated(planned: Planned, conninfo: Mapping[str, str], libpq_version: int) -> dict[str, Any]:
    """The keywords of an attempt, with every file and default of the user's home pinned to nothing."""
    pinned: dict[str, Any] = {
        "sslcert": _NO_FILE,
        "sslrootcert": _NO_FILE,
        "sslcrl": _NO_FILE,
        "passfile": _NO_FILE,
        "gssencmode": "disable",
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "client_encoding": "UTF8",
        "application_name": "pgtls.postgresql connection_check",
    }
    if "sslcert" not in conninfo and libpq_version >= 160000:
        pinned["sslcertmode"] = "disable"
    if planned.password is not None:
        pinned["password"] = planned.password
    if "sslkey" in conninfo:  # without any passphrase libpq would ask the terminal for that of an encrypted key
        pinned["sslpassword"] = planned.key_password or "-"
    return {**pinned, **conninfo}


def _check_conninfo(name: str, conninfo: Mapping[str, str]) -> None:
    for word, option in SECRETS.items():
        if word in conninfo:
            raise ModuleError(f"attempt {name!r}: conninfo must not hold {word}, it would be shown; use {option}")
    load_driver()  # whose absence is no fault of the attempt
    try:
        render_conninfo(conninfo)
    except ModuleError as error:
        raise ModuleError(f"attempt {name!r}: libpq refuses its conninfo ({error}); correct it") from error


def _client_problem(conninfo: Mapping[str, str]) -> str | None:
    """What the client lacks, so that no refusal would prove anything."""
    for word in CLIENT_FILES:
        path = conninfo.get(word, "")
        if path.startswith(("/", "~", ".")) and not os.path.exists(path):
            return f"client file {path} of {word} does not exist; install it on this host"
    if conninfo.get("sslmode", "").startswith("verify-") and "sslrootcert" not in conninfo:
        return f"sslmode={conninfo['sslmode']} needs sslrootcert, the certificate of the authority to trust"
    if "sslcert" in conninfo and "sslkey" not in conninfo:
        return "sslcert needs sslkey, the private key of that certificate"
    return None


def _libpq_version(driver: Any) -> int:
    return int(driver.extensions.libpq_version() if driver.__name__ == "psycopg2" else driver.pq.version())


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host == ""
    return True


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
