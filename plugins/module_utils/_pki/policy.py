# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When must a certificate be issued again? Each small check answers with a sentence, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Callable

from .certificates import links, serial_hex, without_root
from .compat import (
    find_extension,
    is_crl_signed_with,
    is_issued_by,
    is_self_signed,
    not_after,
    not_before,
    revocation_date,
    same_public_key,
    x509,
)
from .entries import Entry
from .errors import PkiError
from .identity import identity_of, render_name, subject_of
from .keys import DEFAULT_KEY_TYPE, key_type_of
from .profiles import usages_of
from .validity import render_time, whole_days

if TYPE_CHECKING:
    from .compat import PrivateKey

UNSPECIFIED = "unspecified"


@dataclass(frozen=True)
class Reason:
    """Why a certificate is due: a code for programs and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class WantedCertificate(Entry):
    """A certificate as its holder requests it: its entry, the kind of key, and the files beside it."""

    key_type: str = DEFAULT_KEY_TYPE
    wants_fullchain: bool = False
    wants_root: bool = False


@dataclass(frozen=True)
class InstalledCertificate:
    """What the holder's files hold: the leaf with its intermediates, the full chain file, and the root file.

    problem: why the certificate file cannot be read; fullchain and root are empty where missing or unreadable.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    problem: str | None = None
    fullchain: tuple[x509.Certificate, ...] = ()
    root: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class Authorities:
    """What is known of the CAs; what is empty is unknown.

    issuer: the CA that should have signed, then its issuers.
    trusted: all roots that are trusted now (two while a CA is rolled over); the root file holds exactly these.
    revocations: the lists that the CAs have signed.
    """

    issuer: tuple[x509.Certificate, ...] = ()
    trusted: tuple[x509.Certificate, ...] = ()
    revocations: tuple[x509.CertificateRevocationList, ...] = ()


@dataclass(frozen=True)
class Revocation:
    """That a certificate is in a list of its CA, since when, and why (a reason of RFC 5280)."""

    since: datetime
    reason: str

    @property
    def is_hold(self) -> bool:
        """Whether the CA may take it back."""
        return self.reason == "certificateHold"


@dataclass(frozen=True)
class _Case:
    leaf: x509.Certificate
    current: InstalledCertificate
    wanted: WantedCertificate
    authorities: Authorities
    key: PrivateKey
    now: datetime
    revocation: Revocation | None


def reissue_reasons(
    current: InstalledCertificate,
    wanted: WantedCertificate,
    authorities: Authorities,
    key: PrivateKey,
    now: datetime,
) -> list[Reason]:
    """All reasons to issue a certificate again, always in the same order; none means that it stays.

    :param key: the private key that the certificate must belong to.
    :param now: an aware UTC time.
    :raises PkiError: for a CRL of the certificate's CA that this CA has not signed.
    """
    if current.problem is not None:
        return [Reason("unreadable", current.problem)]
    if not current.certificates:
        return [Reason("missing", "there is no certificate yet")]
    revocation = revocation_of(current, authorities)
    if revocation is not None and revocation.is_hold:  # a new certificate would go around the hold
        revocation = None
    case = _Case(current.certificates[0], current, wanted, authorities, key, now, revocation)
    found = ((code, check(case)) for code, check in _CHECKS)
    return [Reason(code, sentence) for code, sentence in found if sentence is not None]


def revocation_of(current: InstalledCertificate, authorities: Authorities) -> Revocation | None:
    """The entry of the installed certificate in a list of its own CA; None where there is none.

    :raises PkiError: for a list under the name of that CA which no known CA of that name has signed.
    """
    if not current.certificates:
        return None
    leaf = current.certificates[0]
    known = (
        *current.certificates[1:],
        *current.root,
        *current.fullchain[1:],
        *authorities.issuer,
        *authorities.trusted,
    )
    namesakes = [one for one in dict.fromkeys(known) if one.subject == leaf.issuer]
    for revocations in authorities.revocations:
        if revocations.issuer != leaf.issuer:
            continue
        signers = [one for one in namesakes if is_crl_signed_with(revocations, one.public_key())]
        if not signers:
            raise PkiError(
                f"crl_pem: the CRL of {render_name(leaf.issuer)} was not signed by a CA of "
                "that name which is known here; give the crl_pem and the issuer_pem that the CA returns now"
            )
        entry = revocations.get_revoked_certificate_by_serial_number(leaf.serial_number)
        if entry is not None and any(is_issued_by(leaf, signer) for signer in signers):
            return Revocation(revocation_date(entry), revocation_reason(entry))
    return None


def revocation_reason(entry: x509.RevokedCertificate) -> str:
    """RFC 5280 section 5.3.1: absent rather than unspecified."""
    found = find_extension(entry, x509.CRLReason)
    return UNSPECIFIED if found is None else found.reason.value


def _key_type_changed(case: _Case) -> str | None:
    found = key_type_of(case.leaf.public_key())
    if found == case.wanted.key_type:
        return None
    return f"the key is {found}, but {case.wanted.key_type} is requested"


def _key_changed(case: _Case) -> str | None:
    if case.revocation is not None:  # then the new key is a consequence and no reason
        return None
    same_type = key_type_of(case.leaf.public_key()) == key_type_of(case.key)
    if not same_type or same_public_key(case.leaf.public_key(), case.key.public_key()):
        return None
    return "the certificate belongs to another private key"


def _names_changed(case: _Case) -> str | None:
    found, wanted = identity_of(case.leaf), case.wanted.identity
    before = {*found.dns_names, *found.ip_addresses}
    after = {*wanted.dns_names, *wanted.ip_addresses}
    return _difference("the names differ", before, after)


def _subject_changed(case: _Case) -> str | None:
    found, wanted = subject_of(case.leaf.subject), case.wanted.identity
    if found.has_subject_of(wanted):
        return None
    return f"the subject is {found.subject_text}, but {wanted.subject_text} is requested"


def _usage_changed(case: _Case) -> str | None:
    return _difference("the usages differ", usages_of(case.leaf), case.wanted.usages)


def _difference(what: str, before: Iterable[str], after: Iterable[str]) -> str | None:
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    if not added and not removed:
        return None
    parts = [f"{', '.join(names)} {verb}" for names, verb in ((added, "joins"), (removed, "leaves")) if names]
    return f"{what}: {'; '.join(parts)}"


def _issuer_changed(case: _Case) -> str | None:
    issuer = case.authorities.issuer
    if not issuer or is_issued_by(case.leaf, issuer[0]):
        return None
    found = render_name(case.leaf.issuer)
    if case.leaf.issuer == issuer[0].subject:
        return f"the CA {found} has a key that differs from the one that signed"
    return f"it was signed by {found}, but {render_name(issuer[0].subject)} is requested"


def _validity_changed(case: _Case) -> str | None:
    lifetime = case.wanted.lifetime
    if lifetime.not_after is not None and lifetime.not_after != not_after(case.leaf):
        return f"it expires on {render_time(not_after(case.leaf))}, but {render_time(lifetime.not_after)} is requested"
    if lifetime.not_before is not None and lifetime.not_before != not_before(case.leaf):
        return f"it starts on {render_time(not_before(case.leaf))}, but {render_time(lifetime.not_before)} is requested"
    return None


def renewal_due(leaf: x509.Certificate, wanted: Entry, now: datetime) -> str | None:
    """Why a certificate must be renewed by its entry's rule; an exact end is what the operator wants."""
    end = not_after(leaf)
    due = wanted.renewal_from(not_before(leaf), end)
    if due is None or now < due:
        return None
    left = whole_days(end - now)
    return f"it expires on {render_time(end)}, in {left} days" if left >= 0 else f"it expired on {render_time(end)}"


def _revoked(case: _Case) -> str | None:
    if case.revocation is None:
        return None
    since, why = render_time(case.revocation.since), case.revocation.reason
    return f"its CA has revoked it on {since} ({why}), serial number {serial_hex(case.leaf)}"


def _outlives_issuer(case: _Case) -> str | None:
    issuer = case.authorities.issuer
    if not issuer or not_after(case.leaf) <= not_after(issuer[0]):
        return None
    end = render_time(not_after(issuer[0]))
    return f"it expires on {render_time(not_after(case.leaf))}, after its CA, which expires on {end}"


def _chain_changed(case: _Case) -> str | None:
    current, wanted, issuer = case.current, case.wanted, case.authorities.issuer
    if not links(current.certificates):
        return "the certificates in the file are not a chain"
    if issuer and is_issued_by(case.leaf, issuer[0]) and current.certificates[1:] != without_root(issuer):
        return "the intermediate certificates are not those of the CA"
    return _root_changed(case) or _fullchain_changed(current, wanted, chain_root(current, case.authorities))


def _root_changed(case: _Case) -> str | None:
    """The root file is nothing to sign for when its content is known: then certificate_install writes it."""
    current, known = case.current, case.authorities
    roots = known.trusted or current.root
    if case.wanted.wants_root and not (roots and all(is_self_signed(root) for root in roots)):
        return "the file of the root certificate is missing or does not hold roots"
    candidates = roots or current.fullchain[-1:]
    if candidates and chain_root(current, known) is None:
        return "the chain ends in none of the root certificates"
    if candidates and known.issuer and is_self_signed(known.issuer[-1]) and known.issuer[-1] not in candidates:
        return "the root certificate is not that of the CA"
    return None


def chain_root(current: InstalledCertificate, authorities: Authorities) -> x509.Certificate | None:
    """The root that the installed chain ends in, among the trusted ones, else those of the files."""
    for root in authorities.trusted or current.root or current.fullchain[-1:]:
        if links((current.certificates[-1], root)):
            return root
    return None


def _fullchain_changed(
    current: InstalledCertificate, wanted: WantedCertificate, root: x509.Certificate | None
) -> str | None:
    whole = current.certificates if root is None else (*current.certificates, root)
    if wanted.wants_fullchain and current.fullchain != whole:
        return "the full chain file is missing or does not hold certificate, intermediates and root"
    return None


_CHECKS: tuple[tuple[str, Callable[[_Case], str | None]], ...] = (
    ("key_type_changed", _key_type_changed),
    ("key_changed", _key_changed),
    ("names_changed", _names_changed),
    ("subject_changed", _subject_changed),
    ("usage_changed", _usage_changed),
    ("issuer_changed", _issuer_changed),
    ("validity_changed", _validity_changed),
    ("renewal_due", lambda case: renewal_due(case.leaf, case.wanted, case.now)),
    ("revoked", _revoked),
    ("outlives_issuer", _outlives_issuer),
    ("chain_changed", _chain_changed),
)
