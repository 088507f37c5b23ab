# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Would OpenSSL, GnuTLS and libpq accept what a CA signs? Judged before it is adopted, and before it signs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from .compat import UnsupportedAlgorithm, ec, ed25519, find_extension, is_self_signed, not_after, not_before, rsa, x509
from .der import inside, key_of_certificate, subject_of_certificate
from .errors import PkiError
from .identity import render_name
from .keys import key_type_of
from .name_constraints import certificate_violations, kinds_not_understood
from .profiles import path_length_of
from .validity import render_time

_RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")  # RFC 4055 section 1.2: 1.2.840.113549.1.1.10
# OpenSSL's security level 2, which distributions have made the default: 112 bits.
_SHORTEST_RSA, _WEAK_DIGESTS = 2048, ("md5", "sha1")
# Those that OpenSSL and GnuTLS both know.
_CURVES = ("secp224r1", "secp256r1", "secp384r1", "secp521r1")
# Extensions that both OpenSSL and GnuTLS understand: keyUsage, subjectAltName, basicConstraints, nameConstraints,
# certificatePolicies, extKeyUsage (RFC 5280 section 4.2.1).
_UNDERSTOOD = ("2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.32", "2.5.29.37")


def check_adoptable(chain: Sequence[x509.Certificate], path: str, now: datetime) -> None:
    """Refuse to adopt a CA that clients would not accept.

    :param chain: its own certificate and those above it, the root last; ``path`` is their file.
    :raises PkiError: with everything that they would not accept, in one sentence.
    """
    said = [*_chain_faults(chain), *_date_faults(chain, now)]
    if said:
        raise PkiError(f"{path}: no client would accept what this CA signs: {'; '.join(said)}; adopt another CA")


def check_key_kinds(found: Sequence[x509.Certificate], path: str) -> None:
    """Say what is wrong with a CA whose private key this library cannot even read.

    :raises PkiError: for a certificate of a kind of key with which nothing is signed here.
    """
    said = [fault for certificate in found for fault in _unusable_key(certificate)]
    if said:
        raise PkiError(f"{path}: no client would accept what this CA signs: {'; '.join(said)}; adopt another CA")


def check_accepted(chain: Sequence[x509.Certificate], whose: str) -> None:
    """Refuse to sign with a CA that clients do not accept.

    :raises PkiError: as above.
    """
    said = list(_chain_faults(chain))
    if said:
        raise PkiError(f"{whose}: no client would accept what it signs: {'; '.join(said)}; use another CA")


def _chain_faults(chain: Sequence[x509.Certificate]) -> Iterator[str]:
    yield from _unusable_key(chain[0])
    if subject_of_certificate(chain[0]) != inside(chain[0].subject.public_bytes()):
        yield (
            f"the name {render_name(chain[0].subject)} is written in an encoding that this version of cryptography cannot repeat, "
            "so nobody would find this CA as the issuer (have its certificate made again with UTF-8 strings)"
        )
    for below, certificate in enumerate(chain):
        name = f"the CA {render_name(certificate.subject)}"
        yield from (f"{name} {fault}" for fault in _own_faults(certificate))
        limit = path_length_of(certificate)
        between = sum(one.subject != one.issuer for one in chain[:below])
        if limit is not None and limit < between:
            yield f"{name} allows {limit} CAs below it (path length), but there are {between}"
        if certificate.subject != certificate.issuer:  # a CA that renewed itself is ignored (section 6.1.3)
            yield from certificate_violations(certificate, chain[below + 1 :])


def _unusable_key(certificate: x509.Certificate) -> Iterator[str]:
    if inside(key_of_certificate(certificate)).startswith(_RSASSA_PSS):
        yield (
            f"the key of {render_name(certificate.subject)} is for RSASSA-PSS alone, with which nothing is signed here "
            "(have its certificate made with a plain RSA key, or ECDSA)"
        )


def _own_faults(certificate: x509.Certificate) -> Iterator[str]:
    yield from _key_faults(certificate.public_key())
    if not is_self_signed(certificate) and _digest(certificate) in _WEAK_DIGESTS:
        yield f"is signed with {_digest(certificate).upper()}, which is too weak"
    for kind in kinds_not_understood(certificate):
        yield f"has name constraints of the kind {kind}, which GnuTLS takes for violated"
    for extension in certificate.extensions:
        oid = extension.oid.dotted_string
        if extension.critical and oid not in _UNDERSTOOD:
            yield f"has the critical extension {oid}, which verifiers do not understand"


def _key_faults(key: Any) -> Iterator[str]:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SHORTEST_RSA:
            yield f"has an RSA key of {key.key_size} bits, but {_SHORTEST_RSA} are needed"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            yield f"has a key on the curve {key.curve.name}, but only {', '.join(_CURVES)} are accepted"
    elif not isinstance(key, ed25519.Ed25519PublicKey):
        yield f"has a key of the kind {key_type_of(key)}, but only RSA, ECDSA and Ed25519 are accepted"


def _digest(certificate: x509.Certificate) -> str:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "an unknown digest"
    return digest.name if digest is not None else ""


def _date_faults(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    for certificate in chain:
        name = f"the CA {render_name(certificate.subject)}"
        if not_after(certificate) < now:
            yield f"{name} expired on {render_time(not_after(certificate))}"
        if not_before(certificate) > now:
            yield f"{name} is not valid before {render_time(not_before(certificate))}"


def strictness(certificate: x509.Certificate) -> list[str]:
    """What RFC 5280 wants of a CA's certificate and strict verifiers insist on, as OpenSSL's -x509_strict does."""
    extensions = {type(one.value): one for one in certificate.extensions}
    found = []
    if x509.KeyUsage not in extensions:
        found.append("has no keyUsage (RFC 5280 section 4.2.1.3)")
    if x509.SubjectKeyIdentifier not in extensions:
        found.append("has no subjectKeyIdentifier (RFC 5280 section 4.2.1.2)")
    if x509.BasicConstraints in extensions and not extensions[x509.BasicConstraints].critical:
        found.append("has basicConstraints that are not critical (RFC 5280 section 4.2.1.9)")
    return found


def may_sign_lists(certificate: x509.Certificate) -> bool:
    """Whether its key usage (where present) lets a CA sign CRLs."""
    usage = find_extension(certificate, x509.KeyUsage)
    return usage is None or usage.crl_sign
