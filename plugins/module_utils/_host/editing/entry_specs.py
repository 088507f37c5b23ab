# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says about one rule of pg_hba.conf, one mapping of pg_ident.conf and one line of pg_hosts.conf.

pg_hba, pg_ident and pg_hosts document it.
"""

from __future__ import annotations

from typing import Any

from ..._pgconf.vocabulary import INCLUDE_WORDS, TYPES

TYPE = {"type": "str", "required": True, "choices": list(TYPES)}
FIELDS: dict[str, dict[str, Any]] = {
    "type": TYPE,
    "database": {"type": "list", "elements": "str", "default": ["all"]},
    "user": {"type": "list", "elements": "str", "default": ["all"]},
    "address": {"type": "str"},
    "netmask": {"type": "str"},
}
RULE: dict[str, dict[str, Any]] = {
    **FIELDS,
    "type": {**TYPE, "required": False},
    "address": {"type": "list", "elements": "str"},
    **{word: {"type": "str"} for word in INCLUDE_WORDS},
    "method": {"type": "str"},
    "options": {"type": "dict"},
    "comment": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
_RULE_OR_INCLUDE = [("type", *INCLUDE_WORDS)]
RULES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": RULE,
    "required_one_of": _RULE_OR_INCLUDE,
    "mutually_exclusive": _RULE_OR_INCLUDE,
}
MAPPING: dict[str, dict[str, Any]] = {
    "map": {"type": "str", "required": True},
    "system_user": {"type": "str", "required": True},
    "database_user": {"type": "str", "required": True},
    "comment": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
MAPPINGS: dict[str, Any] = {"type": "list", "elements": "dict", "required": True, "options": MAPPING}
HOST: dict[str, dict[str, Any]] = {
    "host": {"type": "list", "elements": "str", "required": True},
    "cert": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "ca": {"type": "str"},
    "passphrase_command": {"type": "str", "no_log": False},
    "passphrase_reload": {"type": "bool", "default": False},
    "comment": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
HOSTS: dict[str, Any] = {"type": "list", "elements": "dict", "required": True, "options": HOST}
