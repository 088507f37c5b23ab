# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PostgreSQL server serves over TLS, seen by a handshake alone: no login, no verification, stdlib only.

The protocol: docs of PostgreSQL, "Message Flow", section "SSL Session Encryption"; from 17 on it may start with TLS at once.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

from ..errors import ModuleError

# Int32 length 8, Int32 request code 1234.5679; the server answers with one byte, S or N.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_ALPN = "postgresql"
_PROTOCOLS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
LEGACY_PROTOCOLS = ("TLSv1", "TLSv1.1")
PROTOCOLS = tuple(_PROTOCOLS)
# The filters of warnings belong to the whole process: two threads that change them leave them changed.
_WARNING_FILTERS = Lock()


class ProbeError(ModuleError):
    """No certificate could be had.

    answered: whether a server was there and declined. alert: its own words, as OpenSSL spells them.
    """

    def __init__(self, sentence: str, answered: bool = False, alert: str | None = None) -> None:
        super().__init__(sentence)
        self.answered = answered
        self.alert = alert


@dataclass(frozen=True)
class ServedCertificates:
    """A finished handshake.

    der: certificates as served, leaf first; the leaf alone where Python tells no more (before 3.13).
    protocol: what ALPN agreed on; None without it.
    """

    der: list[bytes]
    tls_version: str
    cipher: str
    protocol: str | None = None

    @property
    def fingerprint_sha256(self) -> str:
        """Fingerprint of the leaf: upper-case hexadecimal bytes with colons, as openssl writes it."""
        return fingerprint_sha256(self.der[0])


def fingerprint_sha256(der: bytes) -> str:
    """Return the SHA-256 fingerprint of a DER certificate, such as "AB:CD:..."."""
    digest = sha256(der).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def probe(
    host: str,
    port: int,
    server_name: str | None = None,
    timeout_seconds: float = 10,
    minimum_version: str | None = None,
    maximum_version: str | None = None,
) -> ServedCertificates:
    """Shake hands with the PostgreSQL server at host:port and return what it serves, trusting nothing.

    server_name: name for SNI; none is sent when it is None. minimum_version and maximum_version are protocol names
    of PostgreSQL ("TLSv1.2"). A maximum below TLSv1.2 is offered with every cipher, so that a refusal is the server's.

    :raises ProbeError: when nobody answers, TLS is not offered, or the handshake is refused.
    """
    context = _context(minimum_version, maximum_version)
    with _refusals(host, port), socket.create_connection((host, port), timeout_seconds) as plain:
        plain.sendall(_SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise ProbeError(f"the server at {host}:{port} does not offer TLS; turn ssl on and check its log", True)
        return _shake_hands(plain, context, server_name)


def probe_directly(
    host: str,
    port: int,
    server_name: str | None = None,
    timeout_seconds: float = 10,
    minimum_version: str | None = None,
    maximum_version: str | None = None,
) -> ServedCertificates:
    """Like probe, but with TLS from the first byte on, as sslnegotiation=direct does (PostgreSQL 17 and newer)."""
    context = _context(minimum_version, maximum_version)
    context.set_alpn_protocols([_ALPN])
    with _refusals(host, port), socket.create_connection((host, port), timeout_seconds) as plain:
        try:
            served = _shake_hands(plain, context, server_name)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as error:
            raise ProbeError(
                f"the server at {host}:{port} ends the connection when it starts with TLS; "
                "that needs PostgreSQL 17 or newer with ssl on, so leave out direct",
                True,
            ) from error
    if served.protocol != _ALPN:
        raise ProbeError(
            f"the server at {host}:{port} speaks TLS, but is not PostgreSQL (ALPN); correct host and port", True
        )
    return served


@contextmanager
def _refusals(host: str, port: int) -> Iterator[None]:
    """All that can go wrong becomes a ProbeError."""
    where = f"{host}:{port}"
    if host.startswith("/"):
        raise ProbeError(f"{host} is a Unix socket, where PostgreSQL never uses TLS; name a host or an address")
    try:
        yield
    except ssl.SSLError as error:
        alert = _words(error)
        raise ProbeError(f"the server at {where} refused the TLS handshake: {alert}", True, alert) from error
    except OSError as error:
        words = error.strerror or str(error)
        raise ProbeError(f"nobody answers at {where} ({words}); start the server or correct host and port") from error
    except (ValueError, OverflowError) as error:  # what can be neither a name nor a port
        words = " ".join(str(error).split())
        raise ProbeError(f"nobody can be asked at {where} ({words}); correct host, port or server_name") from error


def _shake_hands(plain: socket.socket, context: ssl.SSLContext, server_name: str | None) -> ServedCertificates:
    # else the end of the connection waits for the server's delayed acknowledgement
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(plain, server_hostname=server_name) as secured:
        cipher = secured.cipher()
        served = ServedCertificates(
            _chain(secured), secured.version() or "", cipher[0] if cipher else "", secured.selected_alpn_protocol()
        )
        with suppress(OSError):  # a polite end leaves no complaint in the server's log
            secured.unwrap()
        return served


def _context(minimum_version: str | None, maximum_version: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old protocols are offered to see them refused
        if maximum_version in LEGACY_PROTOCOLS:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
        if minimum_version is not None:
            context.minimum_version = _PROTOCOLS[minimum_version]
        if maximum_version is not None:
            context.maximum_version = _PROTOCOLS[maximum_version]
    return context


def _chain(secured: ssl.SSLSocket) -> list[bytes]:
    read_chain = getattr(secured, "get_unverified_chain", None)
    chain = list(read_chain()) if read_chain else []
    return chain or [secured.getpeercert(binary_form=True) or b""]


def _words(error: ssl.SSLError) -> str:
    """OpenSSL's words without Python's wrapping "[SSL: NAME] words (_ssl.c:1000)"."""
    text = re.sub(r"^\[[^\]]*\]\s*", "", error.strerror or str(error))
    return re.sub(r"\s*\(_ssl\.c:\d+\)$", "", text)
