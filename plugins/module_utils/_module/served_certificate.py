# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate that a cluster serves against the one in its files."""

from __future__ import annotations

import re
import ssl
from time import monotonic, sleep

from .clusters import Cluster
from .errors import ModuleError
from .files import read_text
from .postmasters import running_postmaster
from .tls_probe import ProbeError, fingerprint_sha256, probe

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_ANY_ADDRESS = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_ON = ("on", "true", "yes", "1", "t", "tr", "tru", "y", "ye")
_POLL_SECONDS = 0.1
_PROBE_SECONDS = 5


def tls_is_on(cluster: Cluster) -> bool:
    """Return whether the files say ssl = on."""
    return cluster.settings["ssl"].lower() in _ON


def expected_fingerprint(cluster: Cluster) -> str | None:
    """Return the SHA-256 fingerprint of the leaf in ssl_cert_file; None when TLS is off in the files.

    :raises ModuleError: when the file is missing or holds no certificate.
    """
    path = cluster.path("ssl_cert_file")
    if not tls_is_on(cluster) or path is None:
        return None
    found = _CERTIFICATE.search(read_text(path) or "")
    try:
        return fingerprint_sha256(ssl.PEM_cert_to_DER_cert(found.group())) if found else _no_certificate(path)
    except ValueError:
        return _no_certificate(path)


def check_key_pair(cluster: Cluster) -> None:
    """Load certificate and key as the server will (a key with a passphrase is left to the server).

    :raises ModuleError: with OpenSSL's words, when they do not belong together or cannot be read.
    """
    certificate, key = cluster.path("ssl_cert_file"), cluster.path("ssl_key_file")
    if not tls_is_on(cluster) or cluster.settings["ssl_passphrase_command"] or certificate is None:
        return
    try:
        # The password is a dummy: without one OpenSSL would ask the terminal for that of an encrypted key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="-")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        words = (getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)).replace("_", " ")
        raise ModuleError(
            f"ssl_cert_file {certificate} and ssl_key_file {key} cannot be used together ({words.lower()}); "
            "install a certificate and the key it was made for"
        ) from error


def served_fingerprint(cluster: Cluster) -> str | None:
    """Return the fingerprint of the certificate served over TCP; None when the cluster serves none.

    :raises ModuleError: when its port answers with something else than PostgreSQL's protocol.
    """
    server = running_postmaster(cluster.data_directory)
    if server is None or server.listen_addresses is None:
        return None
    host = _ANY_ADDRESS.get(server.listen_addresses, server.listen_addresses)
    try:
        return probe(host, server.port or cluster.port, timeout_seconds=_PROBE_SECONDS).fingerprint_sha256
    except ProbeError:
        return None


def listens_on_tcp(cluster: Cluster) -> bool:
    """Return whether the running server listens on any address."""
    server = running_postmaster(cluster.data_directory)
    return server is not None and server.listen_addresses is not None


def wait_for_fingerprint(cluster: Cluster, expected: str, timeout_seconds: float) -> str | None:
    """Wait until the certificate is served and return the fingerprint seen last, be it the expected one or not."""
    end = monotonic() + timeout_seconds
    while True:
        served = served_fingerprint(cluster)
        if served == expected or monotonic() > end:
            return served
        sleep(_POLL_SECONDS)


def _no_certificate(path: str) -> str:
    raise ModuleError(f"ssl_cert_file {path} holds no certificate; install one, or correct the setting")
