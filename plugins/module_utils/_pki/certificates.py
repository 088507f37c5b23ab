# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates: read them, put chains in order, and describe them for results, diffs and people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from .compat import (
    find_extension,
    hashes,
    is_issued_by,
    is_self_signed,
    not_after,
    not_before,
    serialization,
    signature_algorithm,
    split_pem,
    x509,
)
from .der import subject_of_certificate
from .errors import PkiError, UnreadableError
from .identity import identity_of, render_name
from .keys import key_type_of
from .names import Identity
from .postgresql_dn import postgresql_dn
from .profiles import is_authority, usages_of
from .readable import readable
from .validity import Lifetime, render_time, whole_days


def load_certificates(data: bytes, path: str, any_key: bool = False) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM text, at least one; ``path`` names it in messages, ``any_key`` takes keys of unknown kinds.

    :raises UnreadableError: when there is none, or a damaged one.
    """
    try:
        found = split_pem(data)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}; restore it") from error
    if not found:
        raise UnreadableError(f"{path} holds no certificate in PEM; restore it or choose another path")
    for number, one in enumerate(found, start=1):
        with readable(f"{path}: certificate {number}"):
            _read_fields(one)
            if not any_key:
                one.public_key()
    return tuple(found)


def _read_fields(certificate: x509.Certificate) -> tuple[Any, ...]:
    """What every use of a certificate reads, and the library parses no sooner: Latin-1 in a T61String is no text for it."""
    names = certificate.subject, certificate.issuer
    return *names, not_before(certificate), not_after(certificate), list(certificate.extensions)


def load_der(data: bytes, source: str) -> x509.Certificate:
    """One certificate as a TLS server sends it.

    :raises UnreadableError: when it is none.
    """
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise UnreadableError(f"{source} sent something that is not a certificate") from error


def render_pem(certificates: Iterable[x509.Certificate]) -> str:
    """PEM texts one after the other."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode("ascii") for one in certificates)


def links(chain: Sequence[x509.Certificate]) -> bool:
    """Whether each certificate is issued by the CA that follows it."""
    return all(is_issued_by(one, issuer) and is_authority(issuer) for one, issuer in zip(chain, chain[1:]))


def without_root(chain: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The part of a chain that a server sends: the other side has the root, or does not trust it."""
    return tuple(one for one in chain if not is_self_signed(one))


def check_chain(leaf: x509.Certificate, chain: Sequence[x509.Certificate], whose: str) -> None:
    """Refuse a chain (issuing CA first, root last) that does not carry the certificate.

    :raises PkiError: with what is wrong.
    """
    if not chain or not links((leaf, *chain)) or not is_self_signed(chain[-1]):
        raise PkiError(f"{whose}: chain_pem does not lead from the certificate to a root; sign it again")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as openssl prints it."""
    return _colons(certificate.fingerprint(hashes.SHA256()))


def render_serial(serial: int) -> str:
    """A serial number as ``openssl x509 -serial`` prints it (whole octets, capital digits)."""
    digits = f"{serial:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def serial_hex(certificate: x509.Certificate) -> str:
    """The serial number of a certificate as openssl prints it."""
    return render_serial(certificate.serial_number)


def describe(certificate: x509.Certificate, now: datetime) -> dict[str, Any]:
    """The facts of a certificate, ready for a module's result."""
    identity = identity_of(certificate)
    end = not_after(certificate)
    return {
        "subject": identity.subject_text,
        "postgresql_dn": postgresql_dn(subject_of_certificate(certificate)),
        "common_name": identity.common_name,
        "issuer": render_name(certificate.issuer),
        "serial_number": serial_hex(certificate),
        "not_before": render_time(not_before(certificate)),
        "not_after": render_time(end),
        "days_left": whole_days(end - now),
        "dns_names": list(identity.dns_names),
        "ip_addresses": list(identity.ip_addresses),
        "usages": list(usages_of(certificate)),
        "is_ca": is_authority(certificate),
        "key_type": key_type_of(certificate.public_key()),
        "signature_algorithm": signature_algorithm(certificate),
        "fingerprint_sha256": fingerprint(certificate),
        "subject_key_identifier": _key_identifier(certificate, x509.SubjectKeyIdentifier, "digest"),
        "authority_key_identifier": _key_identifier(certificate, x509.AuthorityKeyIdentifier, "key_identifier"),
    }


@lru_cache(maxsize=64)  # many certificates have one CA
def summarise(certificate: x509.Certificate, is_exact: bool = False) -> str:
    """What a diff shows of a certificate: the facts that were requested, and nothing random.

    :param is_exact: the end was given as a time, not as a lifetime.
    """
    identity = identity_of(certificate)
    issuer = render_name(certificate.issuer)
    if is_authority(certificate):
        return f"CA: {identity.subject_text}\nissuer: {issuer}\nsha256: {fingerprint(certificate)}\n"
    start, end = not_before(certificate), not_after(certificate)
    lifetime = Lifetime((end - start).days, None, end if is_exact else None)
    return summarise_wish(identity, usages_of(certificate), key_type_of(certificate.public_key()), lifetime, issuer)


def summarise_wish(
    identity: Identity, usages: Sequence[str], key_type: str, lifetime: Lifetime, issuer: str | None
) -> str:
    """The text of summarise for a certificate that is yet to be signed; an unknown issuer is None."""
    end = lifetime.not_after
    lines = {
        "subject": identity.subject_text,
        "dns_names": ", ".join(identity.dns_names),
        "ip_addresses": ", ".join(identity.ip_addresses),
        "usages": ", ".join(usages),
        "issuer": "(a CA that does not exist yet)" if issuer is None else issuer,
        "key_type": key_type,
        "lifetime": f"{lifetime.lifetime_days} days" if end is None else f"until {render_time(end)}",
    }
    return "".join(f"{field}: {value}\n" for field, value in lines.items() if value)


def _key_identifier(certificate: x509.Certificate, kind: Any, field: str) -> str | None:
    octets = getattr(find_extension(certificate, kind), field, None)
    return _colons(octets) if octets else None


def _colons(octets: bytes) -> str:
    return ":".join(f"{octet:02X}" for octet in octets)
