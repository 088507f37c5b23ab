# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key and its certificate in the shapes that Java wants: PKCS#12 (RFC 7292) and PKCS#8 in DER (RFC 5958).

Salts are random, so bytes never tell whether a file is as requested: it is read, and what it holds is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .compat import (
    CRYPTOGRAPHY_VERSION,
    UnsupportedAlgorithm,
    is_self_signed,
    pkcs12,
    same_public_key,
    serialization,
    x509,
)
from .errors import PkiError, UnreadableError
from .keys import key_type_of, load_private_key_der

if TYPE_CHECKING:
    from .compat import PrivateKey

FRIENDLY_NAME = "user"  # pgjdbc looks for this alias alone


@dataclass(frozen=True)
class KeyBundle:
    """What a program needs to present itself.

    chain: the issuing CA and those above it; the root may be missing where it is not known here.
    """

    key: PrivateKey
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


def check_store_passphrase(passphrase: str | None, option: str) -> None:
    """Refuse a passphrase for PKCS#12 with which Java opens none.

    :raises PkiError: for one that is not ASCII.
    """
    if passphrase is not None and not passphrase.isascii():
        raise PkiError(
            f"{option} holds a character beyond ASCII, with which Java and so pgjdbc opens no PKCS#12; choose another one"
        )


def pkcs12_bytes(delivery: KeyBundle, passphrase: str | None, whose: str) -> bytes:
    """A PKCS#12 store, encrypted as strongly as the library can when there is a passphrase.

    :raises PkiError: for a kind of key that this library cannot put into one.
    """
    encryption: Any = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    try:
        return pkcs12.serialize_key_and_certificates(
            FRIENDLY_NAME.encode(), delivery.key, delivery.leaf, list(delivery.chain) or None, encryption
        )
    except (TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(
            f"{whose}: pkcs12 cannot hold a key of type {key_type_of(delivery.key)} with cryptography "
            f"{CRYPTOGRAPHY_VERSION}; choose another key_type, or leave out pkcs12"
        ) from error


def holds_pkcs12(content: bytes, passphrase: str | None, delivery: KeyBundle) -> bool:
    """Whether a PKCS#12 store opens with the passphrase and holds the same key, certificate and chain."""
    password = passphrase.encode() if passphrase else None
    try:
        key, leaf, others = pkcs12.load_key_and_certificates(content, password)
        name = _friendly_name(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    if key is None or leaf != delivery.leaf or name not in (None, FRIENDLY_NAME.encode()):
        return False
    return same_public_key(key.public_key(), delivery.key.public_key()) and _same_chain(others, delivery.chain)


def _friendly_name(content: bytes, password: bytes | None) -> bytes | None:
    """The name of the certificate; before cryptography 36 it cannot be read."""
    if not hasattr(pkcs12, "load_pkcs12"):
        return None
    own = pkcs12.load_pkcs12(content, password).cert
    return b"" if own is None else own.friendly_name or b""


def _same_chain(found: list[x509.Certificate], wanted: tuple[x509.Certificate, ...]) -> bool:
    """Old libraries read the certificates backwards, so their order tells nothing."""
    if not any(is_self_signed(one) for one in wanted):
        found = [one for one in found if not is_self_signed(one)]
    return len(found) == len(wanted) and all(one in found for one in wanted)


def holds_pkcs8(content: bytes, key: PrivateKey) -> bool:
    """Whether this is the same key in PKCS#8 DER, and not encrypted."""
    try:
        found = load_private_key_der(content)
    except UnreadableError:
        return False
    return same_public_key(found.public_key(), key.public_key())
