# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders to a CA: what shall be signed, read and checked completely before the first signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .authority import Authority, check_names, nested_validity, sign_leaf
from .certificates import summarise_wish
from .compat import x509
from .errors import PkiError
from .identity import Identity, parse_dns_name, parse_ip_address
from .keys import key_type_of
from .limits import Limits, check_limits
from .profiles import parse_usages
from .requests import check_file_name, parse_request, request_key, request_subject
from .validity import Lifetime, Validity, lifetime_of

if TYPE_CHECKING:
    from .compat import PublicKey


@dataclass(frozen=True)
class Order:
    """One certificate that a CA has agreed to sign."""

    name: str
    identity: Identity
    usages: tuple[str, ...]
    public_key: PublicKey
    lifetime: Lifetime
    validity: Validity

    def sign(self, authority: Authority, now: datetime) -> x509.Certificate:
        """The certificate."""
        return sign_leaf(authority, self.identity, self.usages, self.public_key, self.lifetime, now)

    def summary(self, authority: Authority | None) -> str:
        """What a diff shows of it."""
        issuer = None if authority is None else authority.name
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
    return Order(request["name"], identity, usages, request_key(csr), lifetime, validity)
