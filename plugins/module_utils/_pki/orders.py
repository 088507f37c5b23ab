# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders to a CA: what shall be signed, read and checked completely before the first signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .authority import Authority, check_names, check_scope, nested_validity, sign_leaf
from .certificates import serial_hex, summarise_wish
from .compat import is_issued_by, not_after, not_before, same_public_key, x509
from .errors import PkiError
from .identity import Identity, identity_of, parse_dns_name, parse_ip_address
from .keys import key_type_of
from .limits import Limits, check_limits
from .profiles import parse_usages, usages_of
from .requests import check_file_name, parse_request, request_key, request_subject
from .validity import Lifetime, Validity, lifetime_of

if TYPE_CHECKING:
    from .compat import PublicKey

# How much earlier (or later) than a new certificate's end that of an answer may be: a run that was killed is
# repeated within a day.
_SAME_END = timedelta(days=1)


@dataclass(frozen=True)
class Order:
    """One certificate that a CA has agreed to sign; replaces is the serial number of the one in use, or None."""

    name: str
    identity: Identity
    usages: tuple[str, ...]
    public_key: PublicKey
    lifetime: Lifetime
    validity: Validity
    replaces: str | None = None

    def sign(self, authority: Authority, now: datetime) -> x509.Certificate:
        """The certificate."""
        return sign_leaf(authority, self.identity, self.usages, self.public_key, self.lifetime, now)

    def answer(
        self, issued: Sequence[x509.Certificate], authority: Authority, revoked: Container[int]
    ) -> x509.Certificate | None:
        """The certificate among those issued under the name that a new one would only repeat."""
        found = [
            one
            for one in issued
            if one.serial_number not in revoked
            and serial_hex(one) != self.replaces
            and self._is_same(one)
            and is_issued_by(one, authority.certificate)
        ]
        return max(found, key=not_after, default=None)

    def _is_same(self, one: x509.Certificate) -> bool:
        identity, lifetime = identity_of(one), self.lifetime
        same_end = timedelta(0) if lifetime.is_exact else _SAME_END
        return (
            abs(not_after(one) - self.validity.not_after) <= same_end
            and (lifetime.not_before is None or lifetime.not_before == not_before(one))
            and identity.subject == self.identity.subject
            and sorted(identity.dns_names) == sorted(self.identity.dns_names)
            and sorted(identity.ip_addresses) == sorted(self.identity.ip_addresses)
            and usages_of(one) == self.usages
            and same_public_key(one.public_key(), self.public_key)
        )

    def summary(self, issuer: str | None) -> str:
        """What a diff shows of it; the CA that shall issue it is None when it does not exist yet."""
        return summarise_wish(self.identity, self.usages, key_type_of(self.public_key), self.lifetime, issuer)


def read_orders(
    requests: Sequence[Mapping[str, Any]], authority: Authority | None, limits: Limits, now: datetime
) -> list[Order]:
    """Check all requests (the dicts of certificate_sign's option of that name).

    :param authority: None when the CA is yet to be made; then the end of its life is not looked at.
    :raises PkiError: for the first request that cannot be signed.
    """
    for name, times in Counter(request["name"] for request in requests).items():
        if times > 1:
            raise PkiError(f"requests holds the name {name} twice; every certificate needs its own")
    return [_read_order(request, authority, limits, now) for request in requests]


def _read_order(request: Mapping[str, Any], authority: Authority | None, limits: Limits, now: datetime) -> Order:
    check_file_name(request["name"], "name of a request")
    whose = f"the certificate {request['name']}"
    csr = parse_request(request["csr_pem"], whose)
    identity = request_subject(csr, whose).with_names(
        tuple(dict.fromkeys(parse_dns_name(name, whose) for name in request["dns_names"])),
        tuple(dict.fromkeys(parse_ip_address(address, whose) for address in request["ip_addresses"])),
    )
    usages = parse_usages(request["usages"], whose)
    check_names(identity, usages, whose)
    lifetime = lifetime_of(request["lifetime_days"], request["not_before"], request["not_after"], whose)
    validity = lifetime.starting(now) if authority is None else nested_validity(authority, lifetime, now, whose)
    check_limits(limits, identity, usages, validity, whose)
    if authority is not None:
        check_scope(authority, identity, usages, whose)
    replaces = (request.get("replaces") or "").upper() or None
    return Order(request["name"], identity, usages, request_key(csr), lifetime, validity, replaces)
