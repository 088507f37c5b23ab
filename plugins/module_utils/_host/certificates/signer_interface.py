# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every signer takes and gives: the inventory's entries, the requests of the hosts, and the signed certificates.

The documentation fragment ``requests`` is kept in step with REQUESTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..._pki.certificates import render_pem, serial_hex
from ..._pki.compat import not_after
from ..._pki.identity import render_name
from ..._pki.validity import render_time
from ..option_specs import Spec
from .entry_options import IDENTITY_OPTIONS

if TYPE_CHECKING:
    from ..._pki.compat import x509
    from ..._pki.orders import SigningOrder

REQUESTS: Spec = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {**IDENTITY_OPTIONS, "host": {"type": "str", "default": ""}},
    },
    "requests": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "default": ""},
            "csr_pem": {"type": "str", "required": True},
            "reasons": {"type": "list", "elements": "dict"},
        },
    },
    "allowed_dns_domains": {"type": "list", "elements": "str", "default": []},
}


def signed_item(
    order: SigningOrder, leaf: x509.Certificate | None, chain: Sequence[x509.Certificate]
) -> dict[str, Any]:
    """One element of the result ``certificates``.

    :param leaf: None where check mode only promises it; chain is then what is known of its chain, maybe nothing.
    """
    return {
        "name": order.name,
        "host": order.entry.host,
        "certificate_pem": None if leaf is None else render_pem([leaf]),
        "chain_pem": render_pem(chain) or None,
        "serial_number": None if leaf is None else serial_hex(leaf),
        "not_after": render_time(order.validity.not_after if leaf is None else not_after(leaf)),
        "issuer": render_name(chain[0].subject) if chain else None,
    }
