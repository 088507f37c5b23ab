# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that somebody else's CA shall sign. It signs what a request itself says, so that must be what is wished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._pki.answers import check_request
from .._pki.orders import Order, read_orders
from .signing_requests import limits_of

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


def read_requests(params: Mapping[str, Any], now: datetime) -> list[ExternalRequest]:
    """Check all requests before anything is done with the first of them.

    :raises PkiError: for the first request that no CA shall be asked for.
    """
    orders = read_orders(params["requests"], None, limits_of(params, _NO_LIMIT_DAYS), now)
    requests = [ExternalRequest(order, item["csr_pem"]) for order, item in zip(orders, params["requests"])]
    for request in requests:
        check_request(request.csr_pem, request.order)
    return requests
