# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holder and signer must know alike of a certificate: a part of both their lists ``certificates``."""

from __future__ import annotations

from typing import Any

USAGES = ("server", "client")

IDENTITY_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "common_name": {"type": "str", "required": True},
    "subject": {"type": "dict"},
    "distinguished_name": {"type": "str"},
    "dns_names": {"type": "list", "elements": "str", "default": []},
    "ip_addresses": {"type": "list", "elements": "str", "default": []},
    "usages": {"type": "list", "elements": "str", "choices": list(USAGES), "required": True},
    "lifetime_days": {"type": "int", "default": 365},
    "not_before": {"type": "str"},
    "not_after": {"type": "str"},
    "renew_before_days": {"type": "int"},
    "renew_before_percent": {"type": "int"},
}
