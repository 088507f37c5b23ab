# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options about connections that an edit must not lock out, in step with the documentation fragment guard."""

from __future__ import annotations

from ..._pgconf.vocabulary import TYPES
from ..option_specs import Spec

_CONNECTION = {
    "type": {"type": "str", "required": True, "choices": list(TYPES)},
    "database": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "address": {"type": "str"},
    "certificate_common_name": {"type": "str"},
    "certificate_dn": {"type": "str"},
    "system_user": {"type": "str"},
}
GUARD: Spec = {
    "guard": {"type": "list", "elements": "dict", "default": [], "options": _CONNECTION},
    "guard_connected": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
}
