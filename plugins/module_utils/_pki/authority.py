# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certification authority: make one, and sign with it; what it signs follows the profile of RFC 5280."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .acceptance import check_accepted
from .certificates import links, load_certificates
from .compat import find_extension, is_self_signed, not_after, not_before, same_public_key, x509
from .errors import PkiError
from .identity import build_alternative_names, build_name, render_name
from .keys import key_type_of, signing_hash
from .name_constraints import build_name_constraints, check_domains_nest, check_name_constraints
from .names import Identity
from .profiles import (
    CLIENT,
    SERVER,
    build_authority_key_usage,
    build_extended_key_usage,
    build_leaf_key_usage,
    check_usages_permitted,
    is_authority,
    path_length_of,
)
from .readable import readable
from .validity import Lifetime, Validity, render_time

if TYPE_CHECKING:
    from .compat import PrivateKey, PublicKey


@dataclass(frozen=True)
class IssuingLimits:
    """How far a CA may go: CAs below it (None is no limit), usages and DNS domains (empty is no limit)."""

    path_length: int | None = None
    usages: tuple[str, ...] = ()
    dns_domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Authority:
    """A CA that can sign; chain is its own certificate, then its issuers up to the root."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The CA's own certificate."""
        return self.chain[0]

    @property
    def name(self) -> str:
        """The CA's subject (RFC 4514)."""
        return render_name(self.certificate.subject)


def assemble_authority(key: PrivateKey, chain: Sequence[x509.Certificate], path: str) -> Authority:
    """Put a key and a chain together when they are a working CA; ``path`` names the certificate in messages.

    :raises PkiError: when they are not a pair, not a CA, or not a chain up to a root.
    """
    with readable(path):
        _check_assembled(key, chain, path)
    return Authority(key, tuple(chain))


def _check_assembled(key: PrivateKey, chain: Sequence[x509.Certificate], path: str) -> None:
    certificate = chain[0]
    if not same_public_key(certificate.public_key(), key.public_key()):
        raise PkiError(f"{path} does not belong to the CA's private key; restore the file that does")
    if not is_authority(certificate):
        raise PkiError(f"{path} is not the certificate of a CA (basicConstraints and keyUsage say so); use one that is")
    if not links(chain) or not is_self_signed(chain[-1]):
        raise PkiError(f"{path} does not lead to a root; append the certificates of the CAs above it, the root last")


def load_authority(key: PrivateKey, certificate: bytes, chain: bytes | None, directory: str) -> Authority:
    """Read a CA from its key and the bytes of its directory (ca.crt, chain.crt).

    :raises PkiError: when they are not one working CA.
    """
    own = load_certificates(certificate, f"{directory}/ca.crt")[:1]
    above = own if chain is None else load_certificates(chain, f"{directory}/chain.crt")
    if above[0] != own[0]:
        raise PkiError(f"{directory}/chain.crt does not start with the certificate in ca.crt; restore one of them")
    return assemble_authority(key, above, f"{directory}/ca.crt")


def create_root(
    identity: Identity, key: PrivateKey, validity: Validity, scope: IssuingLimits | int | None
) -> Authority:
    """A self-signed CA.

    :param scope: a number is a path length alone.
    """
    builder = _start(identity, build_name(identity), key.public_key(), validity)
    builder = _add_authority_extensions(builder, _scope(scope))
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    return Authority(key, (builder.sign(key, signing_hash(key)),))  # type: ignore[arg-type]


def create_intermediate(
    parent: Authority,
    identity: Identity,
    key: PrivateKey,
    lifetime: Lifetime,
    scope: IssuingLimits | int,
    now: datetime,
) -> Authority:
    """A CA below another one.

    :param scope: a number is a path length alone; without one, no CA may stand below.
    :raises PkiError: when the parent may not sign it, or would end before it.
    """
    scope, whose = _scope(scope), f"the CA {identity.common_name}"
    path_length = scope.path_length or 0
    _check_path_lengths(parent, path_length)
    check_accepted(parent.chain, f"the parent CA {parent.name}")
    check_usages_permitted(parent.chain, scope.usages, whose)
    check_domains_nest(parent.chain, scope.dns_domains, whose)
    validity = nested_validity(parent, lifetime, now, whose)
    builder = _start(identity, parent.certificate.subject, key.public_key(), validity)
    builder = _add_authority_extensions(builder, replace(scope, path_length=path_length))
    return Authority(key, (_sign(parent, builder), *parent.chain))


def _check_path_lengths(parent: Authority, path_length: int) -> None:
    """Every CA above the new one counts it, and those between."""
    for between, certificate in enumerate(parent.chain):
        limit, name = path_length_of(certificate), render_name(certificate.subject)
        if limit is None:
            continue
        if limit <= between:
            words = "may not have CAs below it" if not limit else f"may have {limit} CAs below it, and has them"
            raise PkiError(f"the parent CA {name} {words} (path_length {limit}); choose another parent")
        if path_length >= limit - between:
            raise PkiError(
                f"path_length is {path_length}, but the parent CA {name} allows at most {limit - 1 - between} below it"
            )


def sign_leaf(
    authority: Authority,
    identity: Identity,
    usages: Sequence[str],
    public_key: PublicKey,
    lifetime: Lifetime,
    now: datetime,
) -> x509.Certificate:
    """A certificate for a server or a client.

    :raises PkiError: when it would outlive the CA, its names do not fit its usages, or the CA may not sign it.
    """
    whose = f"the certificate {identity.common_name}"
    check_names(identity, usages, whose)
    check_scope(authority, identity, usages, whose)
    validity = nested_validity(authority, lifetime, now, whose)
    builder = _start(identity, authority.certificate.subject, public_key, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(build_leaf_key_usage(usages, key_type_of(public_key)), critical=True)
    builder = builder.add_extension(build_extended_key_usage(usages), critical=False)
    return _sign(authority, builder)


def check_names(identity: Identity, usages: Sequence[str], whose: str) -> None:
    """Refuse names that could not work.

    :raises PkiError: a server without a name to verify, or a client without a common name to log in by.
    """
    if SERVER in usages and not (identity.dns_names or identity.ip_addresses):
        raise PkiError(f"{whose}: a server certificate needs dns_names or ip_addresses, because clients verify these")
    if CLIENT in usages and not identity.common_name:
        raise PkiError(f"{whose}: a client certificate needs a common_name, because PostgreSQL logs clients in by it")


def check_scope(authority: Authority, identity: Identity, usages: Sequence[str], whose: str) -> None:
    """Refuse what no verifier would accept below this CA: names and usages beyond those of its chain.

    :raises PkiError: with what goes beyond.
    """
    check_usages_permitted(authority.chain, usages, whose)
    check_name_constraints(authority.chain, identity, whose)


def nested_validity(authority: Authority, lifetime: Lifetime, now: datetime, whose: str) -> Validity:
    """The validity of something signed now, inside that of the CA (an exact not_before may lie earlier).

    :raises PkiError: when it would end after the CA.
    """
    validity = lifetime.starting(now, earliest=not_before(authority.certificate))
    end = not_after(authority.certificate)
    if validity.not_after <= end:
        return validity
    days = (end - (lifetime.not_before or now)) // timedelta(days=1)
    fits = f"lifetime_days of at most {days} fits" if days > 0 else "renew the CA first"
    raise PkiError(
        f"{whose} would expire on {render_time(validity.not_after)}, after its CA {authority.name}, "
        f"which expires on {render_time(end)}: {fits}"
    )


def build_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """How certificates and CRLs name the key that signs them: as the CA's own certificate does."""
    own = find_extension(issuer, x509.SubjectKeyIdentifier)
    if own is not None:
        return x509.AuthorityKeyIdentifier(own.digest, None, None)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]


def _start(identity: Identity, issuer: x509.Name, public_key: PublicKey, validity: Validity) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(build_name(identity))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())  # 159 random bits: positive, at most 20 octets
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    names = build_alternative_names(identity)
    if names is None:
        return builder
    # RFC 5280 section 4.2.1.6: critical only where the subject is empty
    return builder.add_extension(names, critical=not identity.subject)


def _scope(scope: IssuingLimits | int | None) -> IssuingLimits:
    return scope if isinstance(scope, IssuingLimits) else IssuingLimits(scope)


def _add_authority_extensions(builder: x509.CertificateBuilder, scope: IssuingLimits) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=scope.path_length), critical=True)
    builder = builder.add_extension(build_authority_key_usage(), critical=True)
    if scope.usages:
        builder = builder.add_extension(build_extended_key_usage(scope.usages), critical=False)
    if scope.dns_domains:  # RFC 5280 section 4.2.1.10: must be critical
        builder = builder.add_extension(build_name_constraints(scope.dns_domains), critical=True)
    return builder


def _sign(authority: Authority, builder: x509.CertificateBuilder) -> x509.Certificate:
    builder = builder.add_extension(build_key_identifier(authority.certificate), critical=False)
    return builder.sign(authority.key, signing_hash(authority.key))  # type: ignore[arg-type]
