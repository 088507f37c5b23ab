# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that modules of a CA share; each has a documentation fragment of the same name."""

from __future__ import annotations

from ..._pki.policy import UNSPECIFIED
from ..._pki.revocation import REASONS
from ..option_specs import Spec

CRLS: Spec = {
    "revocations": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str"},
            "common_name": {"type": "str"},
            "host": {"type": "str"},
            "serial_number": {"type": "str"},
            "reason": {"type": "str", "choices": list(REASONS), "default": UNSPECIFIED},
            "state": {"type": "str", "choices": ["revoked", "released"], "default": "revoked"},
            "only_if_valid": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [(option, "serial_number") for option in ("name", "common_name", "host")],
        "required_one_of": [("name", "common_name", "host", "serial_number")],
    },
    "crl_lifetime_days": {"type": "int", "default": 30},
    "crl_renew_before_days": {"type": "int", "default": 10},
}
