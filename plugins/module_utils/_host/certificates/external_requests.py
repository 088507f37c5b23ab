# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that somebody else's CA shall sign. It signs what a request itself says, so that must be what the entry says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._pki.exact_requests import exact_request
from ..._pki.limits import SigningPolicy
from ..._pki.orders import SigningOrder, read_orders

_NO_LIMIT_DAYS = 10_000 * 366


@dataclass(frozen=True)
class ExternalRequest:
    """A checked request, read and in PEM."""

    order: SigningOrder
    csr_pem: str

    @property
    def name(self) -> str:
        """The name of the certificate."""
        return self.order.name


def read_requests(params: Mapping[str, Any], now: datetime) -> list[ExternalRequest]:
    """Check all requests before anything is done with the first of them.

    :raises PkiError: for the first request that no CA shall be asked for.
    """
    limits = SigningPolicy(_NO_LIMIT_DAYS, dns_domains=tuple(params["allowed_dns_domains"]))
    orders = read_orders(params["certificates"], params["requests"], None, limits, now)
    return [
        ExternalRequest(order, exact_request(item["csr_pem"], order)) for order, item in zip(orders, params["requests"])
    ]
