# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only file that imports cryptography, and the only one that knows how 3.3 differs from today's.

Where the library is missing, CRYPTOGRAPHY_ERROR holds the ImportError and every name is None: the module
that needs it says so in one sentence (``_host/requirements.py``) before any function of this package is called.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import PkiError, UnreadableError
from .name_comparison import is_same_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

CRYPTOGRAPHY_ERROR: ImportError | None = None
CRYPTOGRAPHY_VERSION = ""
try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import pkcs12
except ImportError as error:
    CRYPTOGRAPHY_ERROR = error
    x509 = hashes = serialization = pkcs12 = ec = ed25519 = padding = rsa = None  # type: ignore[assignment]
    InvalidSignature = UnsupportedAlgorithm = UnreadableError  # type: ignore[assignment, misc]
else:
    CRYPTOGRAPHY_VERSION = cryptography.__version__

if TYPE_CHECKING:
    PrivateKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey]
    PublicKey = Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey]

_Extension = TypeVar("_Extension", bound="x509.ExtensionType")

__all__ = [
    "CRYPTOGRAPHY_ERROR",
    "CRYPTOGRAPHY_VERSION",
    "UnsupportedAlgorithm",
    "ec",
    "ed25519",
    "find_extension",
    "hashes",
    "is_crl_signed_with",
    "is_issued_by",
    "is_self_signed",
    "last_update",
    "next_update",
    "not_after",
    "not_before",
    "pkcs12",
    "revocation_date",
    "rsa",
    "same_public_key",
    "serialization",
    "signature_algorithm",
    "spki_bytes",
    "split_crls",
    "split_pem",
    "x509",
]

_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----", re.DOTALL
)
_CRL = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


def not_before(certificate: x509.Certificate) -> datetime:
    """The start of validity as an aware UTC datetime (the naive properties are deprecated since 42)."""
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc
    return certificate.not_valid_before.replace(tzinfo=timezone.utc)


def not_after(certificate: x509.Certificate) -> datetime:
    """The end of validity as an aware UTC datetime."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)


def last_update(crl: x509.CertificateRevocationList) -> datetime:
    """When a CRL was signed (thisUpdate) as an aware UTC datetime."""
    if hasattr(crl, "last_update_utc"):
        return crl.last_update_utc
    return crl.last_update.replace(tzinfo=timezone.utc)


def next_update(crl: x509.CertificateRevocationList) -> datetime | None:
    """When a CRL runs out as an aware UTC datetime; None where it does not say."""
    if hasattr(crl, "next_update_utc"):
        return crl.next_update_utc
    return None if crl.next_update is None else crl.next_update.replace(tzinfo=timezone.utc)


def revocation_date(entry: x509.RevokedCertificate) -> datetime:
    """When a certificate was revoked as an aware UTC datetime."""
    if hasattr(entry, "revocation_date_utc"):
        return entry.revocation_date_utc
    return entry.revocation_date.replace(tzinfo=timezone.utc)


def find_extension(holder: Any, kind: type[_Extension]) -> _Extension | None:
    """What an extension of a certificate, a request, a CRL or one of its entries says; None without it."""
    try:
        found: _Extension = holder.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    return found


def spki_bytes(public_key: Any) -> bytes:
    """The DER SubjectPublicKeyInfo: the one encoding that makes equal keys equal bytes."""
    encoded: bytes = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def same_public_key(one: Any, other: Any) -> bool:
    """Before cryptography 41 public keys compare by identity, so compare their encodings."""
    return spki_bytes(one) == spki_bytes(other)


@lru_cache(maxsize=8192)  # a long list asks about the same few chains again and again
def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key fit (``verify_directly_issued_by`` exists since 40 only).

    :raises PkiError: when the issuer's kind of key or signature is not supported.
    """
    if not is_same_name(certificate.issuer, issuer.subject):
        return False
    if hasattr(certificate, "verify_directly_issued_by"):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            return _is_issued_in_other_words(certificate, issuer)
        return True
    return _is_signed_with(certificate, certificate.tbs_certificate_bytes, issuer.public_key())


def _is_issued_in_other_words(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the same name is written in other types of strings, or another case, as some CAs do below others."""
    if certificate.issuer.public_bytes() == issuer.subject.public_bytes():
        return False
    try:
        return _is_signed_with(certificate, certificate.tbs_certificate_bytes, issuer.public_key())
    except PkiError:
        return False


@lru_cache(maxsize=8192)
def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is signed with its own key, by whatever digest: nobody verifies that signature, as a root is trusted as it is."""
    if not is_same_name(certificate.subject, certificate.issuer):
        return False
    if is_issued_by(certificate, certificate):
        return True
    try:
        return _is_signed_with(certificate, certificate.tbs_certificate_bytes, certificate.public_key())
    except PkiError:  # a digest that the library does not know any more
        issuer, own = (
            find_extension(certificate, x509.AuthorityKeyIdentifier),
            find_extension(certificate, x509.SubjectKeyIdentifier),
        )
        return issuer is None or own is None or issuer.key_identifier in (None, own.digest)


def is_crl_signed_with(crl: x509.CertificateRevocationList, key: Any) -> bool:
    """Whether the key signed a CRL (``is_signature_valid`` knows Ed25519 since 40 only).

    :raises PkiError: when the kind of key or signature is not supported.
    """
    return _is_signed_with(crl, crl.tbs_certlist_bytes, key)


def _is_signed_with(signed_thing: Any, signed: bytes, key: Any) -> bool:
    signature, digest = signed_thing.signature, None
    try:
        digest = signed_thing.signature_hash_algorithm  # None for Ed25519
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(signature, signed, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            raise PkiError("the issuer's key type is not supported; use RSA, ECDSA or Ed25519")
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm as error:
        raise PkiError(f"the algorithm of a signature is not supported here: {error}") from error
    return True


def signature_algorithm(certificate: x509.Certificate) -> str:
    """The name openssl prints, such as ecdsa-with-SHA256; the dotted number where it has none."""
    oid = certificate.signature_algorithm_oid
    name = str(getattr(oid, "_name", "Unknown OID"))  # no public way to the name exists in any release
    if name == "ed25519":
        return "ED25519"
    return oid.dotted_string if name == "Unknown OID" else name


def split_pem(data: bytes) -> list[x509.Certificate]:
    """All certificates of a PEM text in their order (``load_pem_x509_certificates`` exists since 39 only).

    :raises UnreadableError: when one of them cannot be read; none at all is an empty list.
    """
    return list(_load_each(_CERTIFICATE.findall(data)))


def split_crls(data: bytes) -> list[x509.CertificateRevocationList]:
    """All CRLs of a PEM text in their order; none at all is an empty list.

    :raises UnreadableError: when one of them cannot be read.
    """
    crls = []
    for number, block in enumerate(_CRL.findall(data), start=1):
        try:
            crls.append(x509.load_pem_x509_crl(block))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnreadableError(f"CRL {number} is damaged") from error
    return crls


def _load_each(blocks: Iterable[bytes]) -> Iterable[x509.Certificate]:
    for number, block in enumerate(blocks, start=1):
        try:
            yield x509.load_pem_x509_certificate(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnreadableError(f"certificate {number} is damaged") from error
