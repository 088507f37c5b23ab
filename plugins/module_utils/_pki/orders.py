# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders to a CA: what shall be signed, read and checked completely before the first signature."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .acceptance import check_accepted
from .authority import Authority, check_scope, nested_validity, sign_leaf
from .certificates import summarise_wish
from .compat import is_issued_by, not_after, not_before, same_public_key, x509
from .entries import Entry, entries_of
from .errors import PkiError
from .identity import identity_of
from .keys import key_type_of
from .limits import SigningPolicy, check_limits
from .names import Identity
from .policy import renewal_due
from .profiles import usages_of
from .requests import parse_request, request_key
from .validity import BACKDATE, Lifetime, Validity, render_time

if TYPE_CHECKING:
    from .compat import PublicKey

# The clock of a holder may be ahead of the CA's: what is due there within this time is due here.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True)
class SigningOrder:
    """One certificate that a CA has agreed to sign: an entry of the inventory, and the key of the request for it."""

    entry: Entry
    public_key: PublicKey
    validity: Validity

    @property
    def key(self) -> tuple[str, str]:
        """Host and name, which together are unique."""
        return self.entry.key

    @property
    def name(self) -> str:
        """The name of the certificate."""
        return self.entry.name

    @property
    def identity(self) -> Identity:
        """Who it is for."""
        return self.entry.identity

    @property
    def usages(self) -> tuple[str, ...]:
        """What it is for."""
        return self.entry.usages

    @property
    def lifetime(self) -> Lifetime:
        """How long it is valid."""
        return self.entry.lifetime

    def sign(self, authority: Authority, now: datetime) -> x509.Certificate:
        """The certificate."""
        return sign_leaf(authority, self.identity, self.usages, self.public_key, self.lifetime, now)

    def answer(
        self, issued: Sequence[x509.Certificate], authority: Authority, revoked: Container[int], now: datetime
    ) -> x509.Certificate | None:
        """The certificate among those issued under the name that a new one would only repeat: never one that is due."""
        found = [
            one
            for one in issued
            if one.serial_number not in revoked
            and same_public_key(one.public_key(), self.public_key)
            and self.is_alike(one, authority)
            and self._is_still_good(one, authority, now)
        ]
        return max(found, key=not_after, default=None)

    def is_alike(self, one: x509.Certificate, authority: Authority) -> bool:
        """Whether this CA issued a certificate that says what the entry says, whatever its key and its dates."""
        identity = identity_of(one)
        return (
            identity.has_subject_of(self.identity)
            and sorted(identity.dns_names) == sorted(self.identity.dns_names)
            and sorted(identity.ip_addresses) == sorted(self.identity.ip_addresses)
            and usages_of(one) == self.usages
            and is_issued_by(one, authority.certificate)
        )

    def _is_still_good(self, one: x509.Certificate, authority: Authority, now: datetime) -> bool:
        """Whether its dates are those of the entry, and its renewal is not due soon."""
        return (
            self._has_the_dates(one, now)
            and not_after(one) <= not_after(authority.certificate)
            and renewal_due(one, self.entry, now + _CLOCKS_DIFFER) is None
        )

    def _has_the_dates(self, one: x509.Certificate, now: datetime) -> bool:
        start, end, lifetime = not_before(one), not_after(one), self.lifetime
        if lifetime.not_before is None and start > now or lifetime.not_before not in (None, start):
            return False
        if lifetime.not_after is not None:
            return end == lifetime.not_after
        wanted = self.validity.not_after - self.validity.not_before
        return abs(end - start - wanted) <= BACKDATE  # a CA that was just made leaves no room for the whole of it

    def summary(self, issuer: str | None) -> str:
        """What a diff shows of it; the CA that shall issue it is None when it does not exist yet."""
        return summarise_wish(self.identity, self.usages, key_type_of(self.public_key), self.lifetime, issuer)


def read_orders(
    certificates: Sequence[Mapping[str, Any]],
    requests: Sequence[Mapping[str, Any]],
    authority: Authority | None,
    limits: SigningPolicy,
    now: datetime,
) -> list[SigningOrder]:
    """Check all requests against the entries of the inventory (the dicts of a signer's options of these names).

    :param authority: None when the CA is yet to be made; then the end of its life is ignored.
    :raises PkiError: for the first request that cannot be signed.
    """
    entries = entries_of(certificates, requests)
    if authority is not None and entries:
        check_accepted(authority.chain, f"the CA {authority.name}")
    return [_read_order(entry, request["csr_pem"], authority, limits, now) for entry, request in zip(entries, requests)]


def _read_order(
    entry: Entry, csr_pem: str, authority: Authority | None, limits: SigningPolicy, now: datetime
) -> SigningOrder:
    csr, lifetime, whose = parse_request(csr_pem, entry.whose), entry.lifetime, entry.whose
    validity = lifetime.starting(now) if authority is None else nested_validity(authority, lifetime, now, whose)
    check_limits(limits, entry.identity, entry.usages, validity, whose)
    if authority is not None:
        check_scope(authority, entry.identity, entry.usages, whose)
    due = entry.renewal_from(validity.not_before, validity.not_after)
    if due is not None and due <= now:
        raise PkiError(
            f"{whose} would be due for renewal at once, because it would expire on {render_time(validity.not_after)}; "
            "correct not_before, lifetime_days or the time of renewal"
        )
    return SigningOrder(entry, request_key(csr), validity)
