# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list ``requests`` of the modules that let somebody else's CA sign, and the list that they return.

The documentation fragment ``external_requests`` is its twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._pki.answers import Answer, check_request
from .._pki.certificates import render_pem, serial_hex, summarise_wish
from .._pki.compat import not_after
from .._pki.identity import render_subject, subject_pairs
from .._pki.keys import key_type_of
from .._pki.limits import Limits
from .._pki.orders import Order, read_orders
from .._pki.profiles import CLIENT, SERVER
from .._pki.validity import render_time
from .arguments import Spec

if TYPE_CHECKING:
    from .._pki.compat import x509

EXTERNAL_REQUESTS: Spec = {
    "requests": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "csr_pem": {"type": "str", "required": True},
            "usages": {"type": "list", "elements": "str", "choices": [SERVER, CLIENT], "required": True},
            "dns_names": {"type": "list", "elements": "str", "default": []},
            "ip_addresses": {"type": "list", "elements": "str", "default": []},
            "lifetime_days": {"type": "int", "default": 365},
            "not_before": {"type": "str"},
            "not_after": {"type": "str"},
            "replaces": {"type": "str"},
            "reasons": {"type": "list", "elements": "dict"},
        },
    },
    "allowed_common_names": {"type": "list", "elements": "str", "default": []},
    "allowed_dns_domains": {"type": "list", "elements": "str", "default": []},
}
_NO_LIMIT_DAYS = 10_000 * 366


@dataclass(frozen=True)
class ExternalRequest:
    """A checked request, read and as it was handed in."""

    order: Order
    csr_pem: str

    @property
    def name(self) -> str:
        """The name of the certificate."""
        return self.order.name

    def summary(self, issuer: str) -> str:
        """What a diff shows of it."""
        order = self.order
        return summarise_wish(order.identity, order.usages, key_type_of(order.public_key), order.lifetime, issuer)


def read_requests(params: Mapping[str, Any], now: datetime) -> list[ExternalRequest]:
    """Check all requests before anything is done with the first of them.

    :raises PkiError: for the first request that no CA shall be asked for.
    """
    domains = tuple(domain.lower().strip(".") for domain in params["allowed_dns_domains"])
    limits = Limits(_NO_LIMIT_DAYS, common_names=tuple(params["allowed_common_names"]), dns_domains=domains)
    orders = read_orders(params["requests"], None, limits, now)
    requests = [ExternalRequest(order, item["csr_pem"]) for order, item in zip(orders, params["requests"])]
    for request in requests:
        check_request(request.csr_pem, request.order)
    return requests


def signed_item(request: ExternalRequest, answer: Answer) -> dict[str, Any]:
    """One element of the result ``certificates``, in the shape of certificate_sign's."""
    return {
        "name": request.name,
        "certificate_pem": render_pem([answer.leaf]),
        "chain_pem": render_pem(answer.chain),
        "serial_number": serial_hex(answer.leaf),
        "not_after": render_time(not_after(answer.leaf)),
        "issuer": render_subject(subject_pairs(answer.leaf.issuer)),
    }


def predicted_item(request: ExternalRequest, chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    """The same for a certificate that would be signed; chain is what is known of its chain, maybe nothing."""
    return {
        "name": request.name,
        "certificate_pem": None,
        "chain_pem": render_pem(chain) or None,
        "serial_number": None,
        "not_after": render_time(request.order.validity.not_after),
        "issuer": render_subject(subject_pairs(chain[0].subject)) if chain else None,
    }
