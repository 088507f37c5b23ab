# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that a cluster serves, on every address where it listens, against those in its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import monotonic, sleep
from typing import Any

from .clusters import Cluster
from .running_servers import listening_addresses, running_postmaster
from .tls_files import find_pairs, fingerprint_of
from .tls_probe import ProbeError, probe

_ANY_ADDRESS = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_POLL_SECONDS = 0.1
_PROBE_SECONDS = 5


@dataclass(frozen=True)
class Listener:
    """What is served at one address to a client that asks for one name (None: for no name)."""

    address: str
    port: int
    server_name: str | None
    fingerprint: str | None

    def described(self) -> dict[str, Any]:
        """Return it as modules report it."""
        return asdict(self)

    def __str__(self) -> str:
        served = f"the certificate {self.fingerprint}" if self.fingerprint else "no certificate"
        name = f" to {self.server_name}" if self.server_name else ""
        return f"{served} on {self.address}:{self.port}{name}"


def expected_fingerprints(cluster: Cluster) -> dict[str | None, str]:
    """Return the fingerprint of each certificate in the files, by the name it is served to; none when TLS is off there.

    :raises ModuleError: when a file is missing or holds no certificate.
    """
    return {pair.server_name: fingerprint_of(cluster, pair) for pair in find_pairs(cluster)}


def served_certificates(cluster: Cluster, names: list[str | None]) -> list[Listener]:
    """Ask every address of a running cluster for its certificate, once for each name.

    :raises ModuleError: when a port answers with something else than PostgreSQL's protocol.
    """
    server = running_postmaster(cluster.data_directory)
    if server is None or server.listen_addresses is None:
        return []
    port = server.port or cluster.port
    addresses = listening_addresses(server)
    return [Listener(address, port, name, _fingerprint(address, port, name)) for address in addresses for name in names]


def served_fingerprint(cluster: Cluster) -> str | None:
    """Return the fingerprint of the certificate at the first address; None when the cluster serves none."""
    names = list(expected_names(cluster))
    return next((one.fingerprint for one in served_certificates(cluster, names[:1])), None)


def expected_names(cluster: Cluster) -> list[str | None]:
    """Return the names that the certificates in the files are served to; no name alone when TLS is off there."""
    return [pair.server_name for pair in find_pairs(cluster)] or [None]


def listens_on_tcp(cluster: Cluster) -> bool:
    """Return whether the running server listens on any address."""
    server = running_postmaster(cluster.data_directory)
    return server is not None and server.listen_addresses is not None


def wrong_listeners(
    cluster: Cluster, expected: dict[str | None, str], listeners: Sequence[Listener] | None = None
) -> list[Listener]:
    """Return each address and name where another certificate than the expected one, or none, is served.

    listeners: what is served where, when that is known.
    """
    served = served_certificates(cluster, list(expected)) if listeners is None else listeners
    return [one for one in served if one.server_name in expected and one.fingerprint != expected[one.server_name]]


def wait_for_certificates(cluster: Cluster, expected: dict[str | None, str], timeout_seconds: float) -> list[Listener]:
    """Wait until the certificates are served everywhere; returns where they are not when the time is over."""
    end = monotonic() + timeout_seconds
    while True:
        wrong = wrong_listeners(cluster, expected)
        if not wrong or monotonic() > end:
            return wrong
        sleep(_POLL_SECONDS)


def _fingerprint(address: str, port: int, server_name: str | None) -> str | None:
    try:
        host = _ANY_ADDRESS.get(address, address)
        return probe(host, port, server_name=server_name, timeout_seconds=_PROBE_SECONDS).fingerprint_sha256
    except ProbeError:
        return None
