# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every signer takes and gives: the list ``requests`` with its limits, and the elements of ``certificates``.

The documentation fragment ``requests`` is the twin of REQUESTS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._pki.certificates import render_pem, serial_hex
from .._pki.compat import not_after
from .._pki.identity import render_name
from .._pki.limits import Limits
from .._pki.profiles import CLIENT, SERVER
from .._pki.validity import render_time
from .arguments import Spec

if TYPE_CHECKING:
    from .._pki.compat import x509
    from .._pki.orders import Order

REQUESTS: Spec = {
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


def limits_of(params: Mapping[str, Any], max_lifetime_days: int, usages: Sequence[str] = (SERVER, CLIENT)) -> Limits:
    """The limits in the parameters of a signer, and those that not every signer has."""
    names, domains = params["allowed_common_names"], params["allowed_dns_domains"]
    return Limits(max_lifetime_days, tuple(usages), tuple(names), tuple(domains))


def signed_item(order: Order, leaf: x509.Certificate | None, chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    """One element of the result ``certificates``.

    :param leaf: None where check mode only promises it; chain is then what is known of its chain, maybe nothing.
    """
    return {
        "name": order.name,
        "certificate_pem": None if leaf is None else render_pem([leaf]),
        "chain_pem": render_pem(chain) or None,
        "serial_number": None if leaf is None else serial_hex(leaf),
        "not_after": render_time(order.validity.not_after if leaf is None else not_after(leaf)),
        "issuer": render_name(chain[0].subject) if chain else None,
    }
