# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a signer takes: the entries of the inventory, and beside them what hosts ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OF_THE_INVENTORY = (
    "name",
    "host",
    "common_name",
    "subject",
    "distinguished_name",
    "dns_names",
    "ip_addresses",
    "usages",
    "lifetime_days",
)
OF_THE_INVENTORY += ("not_before", "not_after", "renew_before_days", "renew_before_percent")
# What the role client makes of its variables for its filters.
CLIENT_SETTINGS = {
    "directory": "/etc/pgtls/client",
    "owner": "",
    "group": "",
    "key_type": "ecdsa-p256",
    "lifetime_days": 365,
    "renew_before_days": 30,
    "renew_before_percent": 0,
}
OF_THE_HOST = ("name", "host", "csr_pem")


def entries_of(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The part of a holder's list that its signer knows."""
    return [{option: item[option] for option in OF_THE_INVENTORY if option in item} for item in items]


def asked(*wishes: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Both options of a signer: each wish is an entry and, by its ``csr_pem``, the request for it."""
    requests = [{option: wish[option] for option in OF_THE_HOST if option in wish} for wish in wishes]
    return {"certificates": entries_of({"common_name": wish["name"], **wish} for wish in wishes), "requests": requests}
