# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the module ca: what a CA is, which those below it have as well, and what lies in its home."""

from __future__ import annotations

from typing import Any

from ..._pki.keys import KEY_TYPES
from ..._pki.profiles import CLIENT, SERVER

PROPERTIES: dict[str, dict[str, Any]] = {
    "common_name": {"type": "str"},
    "subject": {"type": "dict"},
    "key_type": {"type": "str", "choices": list(KEY_TYPES)},
    "lifetime_days": {"type": "int"},
    "passphrase": {"type": "str", "no_log": True},
    "path_length": {"type": "int"},
    "usages": {"type": "list", "elements": "str", "choices": [SERVER, CLIENT]},
    "permitted_dns_domains": {"type": "list", "elements": "str"},
}

HOME: dict[str, dict[str, Any]] = {
    "directory": {"type": "path", "required": True},
    "adopt": {
        "type": "dict",
        "options": {
            "certificate": {"type": "path", "required": True},
            "private_key": {"type": "path", "required": True, "no_log": False},
            "crl": {"type": "path"},
        },
    },
    "intermediates": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, **PROPERTIES},
    },
    "crl": {"type": "bool"},
    "crls_above": {"type": "list", "elements": "path", "default": []},
}
