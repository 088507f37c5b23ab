# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CRLs (RFC 5280 section 5): read, judge and sign them, revoke and release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .acceptance import may_sign_lists
from .authority import Authority, build_key_identifier
from .certificates import render_serial
from .compat import (
    find_extension,
    is_crl_signed_with,
    last_update,
    next_update,
    revocation_date,
    serialization,
    split_crls,
    x509,
)
from .errors import PkiError, UnreadableError
from .identity import render_name
from .kept_entries import build_kept_since, kept_since
from .keys import signing_hash
from .policy import UNSPECIFIED, Reason, revocation_reason
from .validity import BACKDATE, render_time

HOLD = "certificateHold"
# RFC 5280 section 5.3.1, without those for CAs alone, for attributes, and for delta lists.
REASONS = (
    UNSPECIFIED,
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    HOLD,
    "privilegeWithdrawn",
)


@dataclass(frozen=True)
class CrlEntry:
    """One revoked certificate; invalidity is kept for lists that others made (RFC 5280 section 5.3.2)."""

    serial: int
    date: datetime
    reason: str = UNSPECIFIED
    invalidity: x509.InvalidityDate | None = None


@dataclass(frozen=True)
class RevocationList:
    """A signed list; number, next_update and kept_since are None where a list that others made has none.

    kept_since: entries of what has expired since then are there.
    """

    issuer: str
    entries: tuple[CrlEntry, ...]
    number: int | None
    this_update: datetime
    next_update: datetime | None
    names_key: bool
    pem: str
    kept_since: datetime | None = None


@dataclass(frozen=True)
class CrlSchedule:
    """How long a list is good, and how long before its end it is signed again."""

    lifetime_days: int
    renew_before_days: int

    def check(self) -> CrlSchedule:
        """Itself, when it makes sense.

        :raises PkiError: for times that would lock everybody out, or sign a new list at every run.
        """
        if not 1 <= self.lifetime_days <= 36500:
            raise PkiError(f"crl_lifetime_days is {self.lifetime_days}, but must be from 1 to 36500")
        if not 0 <= self.renew_before_days < self.lifetime_days:
            raise PkiError(
                f"crl_renew_before_days is {self.renew_before_days}, but must be from 0 to less than "
                f"crl_lifetime_days ({self.lifetime_days})"
            )
        return self


# A certificate by its list (any text that tells the CAs of a home apart) and its serial number.
Ledger = Mapping["tuple[str, int]", CrlEntry]


def parse_serial(text: str) -> int:
    """Read hexadecimal digits as openssl prints them, with or without colons.

    :raises PkiError: for anything that is not a serial number (RFC 5280 section 4.1.2.2: positive, at most 20 octets).
    """
    digits = text.strip().replace(":", "")
    serial = int(digits, 16) if re.fullmatch(r"(0[xX])?[0-9A-Fa-f]{1,64}", digits) else 0
    if serial < 1 or serial.bit_length() >= 160:
        raise PkiError(f"serial_number is {text!r}, but must be hexadecimal digits as openssl x509 -serial prints them")
    return serial


def render_crls(data: bytes, path: str) -> list[tuple[str, x509.Name]]:
    """Each CRL of a file, in PEM or DER, as PEM with its issuer; ``path`` names it in messages.

    :raises UnreadableError: when there is none, or a damaged one.
    """
    try:
        found = split_crls(data) or [x509.load_der_x509_crl(data)]
        return [(one.public_bytes(serialization.Encoding.PEM).decode("ascii"), one.issuer) for one in found]
    except (UnreadableError, ValueError) as error:
        raise UnreadableError(f"{path} holds no CRL that can be read, in PEM or DER; restore it") from error


def load_revocation_list(data: bytes, issuer: x509.Certificate, path: str) -> RevocationList:
    """The complete list of a CA; ``path`` names it in messages.

    :raises PkiError: when it is not the one list, signed by this CA, of all that it revoked.
    """
    try:
        found = split_crls(data)
        if len(found) != 1:
            raise UnreadableError(f"it holds {len(found)} CRLs in PEM, not one")
        entries = tuple(_entry(each) for each in found[0])
        critical = [each.oid.dotted_string for each in found[0].extensions if each.critical]
    except (UnreadableError, ValueError, x509.DuplicateExtension) as error:
        raise UnreadableError(f"{path} is not readable ({error}); restore it") from error
    crl, name = found[0], render_name(issuer.subject)
    if crl.issuer != issuer.subject or not is_crl_signed_with(crl, issuer.public_key()):
        raise PkiError(f"{path} was not signed by the CA {name}; restore the CRL that was, or move this one away")
    if critical:  # section 5.2: a delta, or a list of a part of the certificates, or of those of other CAs
        raise PkiError(f"{path} is not a complete CRL (critical extension {critical[0]}); put the complete one there")
    number, key_identifier = find_extension(crl, x509.CRLNumber), find_extension(crl, x509.AuthorityKeyIdentifier)
    return RevocationList(
        name,
        entries,
        None if number is None else number.crl_number,
        last_update(crl),
        next_update(crl),
        key_identifier is not None,
        crl.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        kept_since(crl),
    )


def _entry(revoked: x509.RevokedCertificate) -> CrlEntry:
    invalidity = find_extension(revoked, x509.InvalidityDate)
    return CrlEntry(revoked.serial_number, revocation_date(revoked), revocation_reason(revoked), invalidity)


def list_is_due(current: RevocationList | None, renew_before_days: int, now: datetime) -> Reason | None:
    """Why a list must be signed although nobody was revoked or released."""
    if current is None:
        return Reason("missing", "there is no CRL yet")
    if current.number is None or current.next_update is None or not current.names_key:
        return Reason("incomplete", "it lacks a number, an end or its key's identifier (RFC 5280 section 5)")
    if current.next_update - now < timedelta(days=renew_before_days):
        return Reason("renewal_due", f"it expires on {render_time(current.next_update)}")
    return None


def sign_revocation_list(
    authority: Authority,
    entries: Iterable[CrlEntry],
    previous: RevocationList | None,
    lifetime_days: int,
    now: datetime,
) -> RevocationList:
    """The next complete list of a CA.

    This_update lies a little in the past like the start of a certificate, because a server whose clock is slow
    would refuse everybody.
    """
    issuer, entries = authority.certificate, tuple(entries)
    if not may_sign_lists(issuer):
        raise PkiError(
            f"the CA {authority.name} may sign no CRL, because its keyUsage lacks cRLSign, and servers would refuse the CRL; "
            "have its certificate made with cRLSign"
        )
    number = 1 if previous is None or previous.number is None else previous.number + 1
    start, end = now.replace(microsecond=0) - BACKDATE, now.replace(microsecond=0) + timedelta(days=lifetime_days)
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(start).next_update(end)
    builder = builder.add_extension(build_key_identifier(issuer), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    since = start if previous is None or previous.kept_since is None else previous.kept_since
    builder = builder.add_extension(build_kept_since(since), critical=False)
    for entry in entries:
        builder = builder.add_revoked_certificate(_build(entry))
    crl = builder.sign(authority.key, signing_hash(authority.key))  # type: ignore[arg-type]
    pem = crl.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return RevocationList(authority.name, entries, number, start, end, True, pem, since)


def _build(entry: CrlEntry) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.date)
    if entry.reason != UNSPECIFIED:  # RFC 5280 section 5.3.1: absent rather than unspecified
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), critical=False)
    if entry.invalidity is not None:
        builder = builder.add_extension(entry.invalidity, critical=False)
    return builder.build()


def revoked_at(now: datetime) -> datetime:
    """The date of a revocation made now: that of the list which brings it."""
    return now.replace(microsecond=0) - BACKDATE


def revoke(
    ledger: Ledger, certificates: Sequence[tuple[str, int]], reason: str, date: datetime, whose: str
) -> tuple[dict[tuple[str, int], CrlEntry], list[str]]:
    """Revoke these certificates, and say which of them stay revoked for another reason.

    The date of a hold stays when it becomes final (X.509 section 9.5.3.2).

    :raises PkiError: when all of them are revoked for good and are to be on hold; a final reason is never changed.
    """
    changed = dict(ledger)
    kept = {key: ledger[key] for key in certificates if key in ledger and ledger[key].reason not in (reason, HOLD)}
    if reason == HOLD and kept and len(kept) == len(set(certificates)):
        raise PkiError(f"{whose}: {_are_revoked(kept.values())} already, which cannot be put on hold; leave it out")
    for key in certificates:
        if key not in ledger:
            changed[key] = CrlEntry(key[1], date, reason)
        elif key not in kept:
            changed[key] = replace(ledger[key], reason=reason)
    return changed, [f"{whose}: {_are_revoked([entry])} already, and stays so" for entry in kept.values()]


def release(ledger: Ledger, certificates: Sequence[tuple[str, int]], whose: str) -> dict[tuple[str, int], CrlEntry]:
    """Let those of these certificates that are on hold be good again.

    :raises PkiError: when all of them are revoked for good.
    """
    final = {key: ledger[key] for key in certificates if key in ledger and ledger[key].reason != HOLD}
    if final and len(final) == len(set(certificates)):
        raise PkiError(
            f"{whose}: {_are_revoked(final.values())}, and only {HOLD} can be released; issue a new certificate"
        )
    changed = dict(ledger)
    for key in certificates:
        if key not in final:
            changed.pop(key, None)
    return changed


def _are_revoked(entries: Iterable[CrlEntry]) -> str:
    return " and ".join(f"serial number {render_serial(each.serial)} is revoked for {each.reason}" for each in entries)


def summarise_list(issuer: str, entries: Iterable[CrlEntry], names: Mapping[int, str], state: str) -> str:
    """What a diff shows of a list: who is revoked and why, and nothing that differs between two runs."""
    lines = sorted(
        " ".join(filter(None, (render_serial(each.serial), each.reason, names.get(each.serial)))) for each in entries
    )
    return "".join(
        f"{line}\n" for line in (f"issuer: {issuer}", f"CRL: {state}", *(f"revoked: {one}" for one in lines))
    )
