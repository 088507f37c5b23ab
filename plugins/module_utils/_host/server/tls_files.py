# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS files that a cluster's settings name, judged before a reload by the rules the server itself goes by.

The rules are those of be-secure-common.c (check_ssl_key_file_permissions) and be-secure-openssl.c (be_tls_init); the
files are opened as the server's own user.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from stat import S_IMODE, S_ISREG
from typing import TYPE_CHECKING

from ..._pgconf.vocabulary import HOSTS_SINCE
from ..errors import ModuleError
from ..files.links import acting_as
from ..files.reading import open_regular
from ..files.writer import read_text
from .clusters import Cluster
from .settings_on_disk import read_settings
from .tls_probe import fingerprint_sha256

if TYPE_CHECKING:
    from ..._pgconf.maps.hosts import HostLine

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_ON = ("on", "true", "yes", "1", "t", "tr", "tru", "y", "ye")
_PROTOCOLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# A name that no line of pg_hosts.conf has: reserved by RFC 2606.
_UNKNOWN_NAME = "unknown.invalid"


@dataclass(frozen=True)
class ServedKeyPair:
    """A certificate and its key, where they are named, and the name that a client asks for to get them (SNI)."""

    server_name: str | None
    certificate: str
    key: str
    certificate_setting: str = "ssl_cert_file"
    key_setting: str = "ssl_key_file"
    ca: str | None = None
    asks_passphrase: bool = False


def tls_is_on(cluster: Cluster) -> bool:
    """Return whether the files say ssl = on."""
    return cluster.settings["ssl"].lower() in _ON


def find_pairs(cluster: Cluster) -> list[ServedKeyPair]:
    """Return the certificates that the server serves by its files; none when they say ssl = off.

    With ssl_sni and a pg_hosts.conf that is not empty (PostgreSQL 19) ssl_cert_file is not used at all.
    """
    certificate, key = cluster.path("ssl_cert_file"), cluster.path("ssl_key_file")
    if not tls_is_on(cluster) or certificate is None or key is None:
        return []
    by_name = _pairs_by_name(cluster) if cluster.version >= HOSTS_SINCE else []
    return by_name or [
        ServedKeyPair(None, certificate, key, asks_passphrase=bool(cluster.settings["ssl_passphrase_command"]))
    ]


def hosts_file(cluster: Cluster) -> str | None:
    """Return the path of pg_hosts.conf; None before PostgreSQL 19."""
    if cluster.version < HOSTS_SINCE:
        return None
    named = read_settings(cluster.config_file, cluster.data_directory).get("hosts_file")
    directory = os.path.dirname(cluster.config_file)
    return os.path.join(directory, named or "pg_hosts.conf")


def fingerprint_of(cluster: Cluster, pair: ServedKeyPair) -> str:
    """Return the SHA-256 fingerprint of the first certificate of a file, which is read as the server would read it.

    :raises ModuleError: when it is missing or holds no certificate.
    """
    with acting_as_owner(cluster):
        found = _CERTIFICATE.search(read_text(pair.certificate) or "")
    try:
        if found:
            return fingerprint_sha256(ssl.PEM_cert_to_DER_cert(found.group()))
    except ValueError:
        pass
    raise ModuleError(
        f"{pair.certificate_setting} {pair.certificate} holds no certificate; install one, or correct the setting"
    )


def check_tls_files(cluster: Cluster) -> None:
    """Find what would make the server refuse its TLS files.

    :raises ModuleError: one sentence that names the setting and the file.
    """
    if not tls_is_on(cluster):
        return
    _check_protocols(cluster)
    for pair in find_pairs(cluster):
        fingerprint_of(cluster, pair)
        _check_key_file(cluster, pair)
        with acting_as_owner(cluster):
            _check_pair(cluster, pair)
        if pair.ca:
            _check_loads(cluster, f"the CA that belongs to {pair.certificate_setting}", pair.ca, "certificate")
    for setting, what in (("ssl_ca_file", "certificate"), ("ssl_crl_file", "revocation list")):
        path = cluster.path(setting)
        if path is not None:
            _check_loads(cluster, setting, path, what)


@contextmanager
def acting_as_owner(cluster: Cluster) -> Iterator[None]:
    """Open files as the server would, where the process may; it always becomes again what it was."""
    owner = os.stat(cluster.data_directory)
    with acting_as(owner.st_uid, owner.st_gid):
        yield


def _pairs_by_name(cluster: Cluster) -> list[ServedKeyPair]:
    settings = read_settings(cluster.config_file, cluster.data_directory)
    path = hosts_file(cluster)
    if settings.get("ssl_sni", "off").lower() not in _ON or path is None:
        return []
    from ..._pgconf.maps.hosts import HostLine, parse_hosts  # few servers have such a file

    with acting_as_owner(cluster):
        text = read_text(path) or ""
    lines = [line.entry for line in parse_hosts(text, cluster.version).lines]
    return [pair for line in lines if isinstance(line, HostLine) for pair in _pairs_of_line(cluster, path, line)]


def _pairs_of_line(cluster: Cluster, path: str, line: HostLine) -> Iterator[ServedKeyPair]:
    from ..._pgconf.maps.hosts import DEFAULT_HOST, NO_NAME_HOST

    for host in line.hosts:
        name = {DEFAULT_HOST: _UNKNOWN_NAME, NO_NAME_HOST: None}.get(host, host)
        yield ServedKeyPair(
            name,
            os.path.join(cluster.data_directory, line.certificate),
            os.path.join(cluster.data_directory, line.key),
            f"the certificate for {host} in {path}",
            f"the key for {host} in {path}",
            os.path.join(cluster.data_directory, line.ca) if line.ca else None,
            bool(line.passphrase_command),
        )


def _check_protocols(cluster: Cluster) -> None:
    low, high = cluster.settings["ssl_min_protocol_version"], cluster.settings["ssl_max_protocol_version"]
    ranks = {name.lower(): rank for rank, name in enumerate(_PROTOCOLS)}
    if ranks.get(low.lower(), 0) > ranks.get(high.lower(), len(_PROTOCOLS)):
        raise ModuleError(
            f"ssl_min_protocol_version {low} is above ssl_max_protocol_version {high}, so no client could connect; "
            "raise the maximum or lower the minimum"
        )


def _check_key_file(cluster: Cluster, pair: ServedKeyPair) -> None:
    where = f"{pair.key_setting} {pair.key}"
    try:
        status = os.stat(pair.key)
    except OSError as error:
        raise ModuleError(
            f"{where} cannot be used ({error.strerror}); install the key or correct the setting"
        ) from error
    if not S_ISREG(status.st_mode):
        raise ModuleError(f"{where} is not a regular file, and PostgreSQL accepts nothing else; correct the setting")
    owner = os.stat(cluster.data_directory).st_uid
    if status.st_uid not in (0, owner):
        raise ModuleError(
            f"{where} belongs to uid {status.st_uid}, but PostgreSQL accepts only a key of {cluster.owner} or root; "
            f"make {cluster.owner} its owner"
        )
    forbidden, fit = (0o077, "0600") if status.st_uid == owner else (0o037, "0640")
    if S_IMODE(status.st_mode) & forbidden:
        raise ModuleError(
            f"{where} has mode {S_IMODE(status.st_mode):04o}, which gives its group or others more than PostgreSQL "
            f"allows (group or world access); give it mode {fit}"
        )


def _check_pair(cluster: Cluster, pair: ServedKeyPair) -> None:
    """Load certificate and key as the server will (a key with a passphrase is left to the server)."""
    with (
        _opened(cluster, pair.certificate_setting, pair.certificate) as certificate,
        _opened(cluster, pair.key_setting, pair.key) as key,
    ):
        if pair.asks_passphrase:
            return
        try:
            # The password is a dummy: without one OpenSSL would ask the terminal for that of an encrypted key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="-")
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise ModuleError(
                f"{pair.certificate_setting} {pair.certificate} and {pair.key_setting} {pair.key} cannot be used together "
                f"({_words(error)}); install a certificate and the key it was made for"
            ) from error


@contextmanager
def _opened(cluster: Cluster, setting: str, path: str) -> Iterator[str]:
    """Open a file as the server's own user; yields the path of the open file, which nobody can swap for a pipe."""
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(open_regular(path))
        except OSError as error:
            raise ModuleError(
                f"{setting} {path} cannot be read by {cluster.owner} ({error.strerror}); install it, or fix the owner and "
                "mode of it and of its directories"
            ) from error
        yield f"/proc/self/fd/{handle}"


def _check_loads(cluster: Cluster, setting: str, path: str, what: str) -> None:
    with acting_as_owner(cluster), _opened(cluster, setting, path) as opened:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(opened)
        except (OSError, ValueError) as error:
            raise ModuleError(
                f"{setting} {path} holds no {what} that can be loaded ({_words(error)}); install one, or correct the setting"
            ) from error


def _words(error: Exception) -> str:
    """OpenSSL's or the system's words for an error."""
    words = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return str(words).replace("_", " ").lower()
