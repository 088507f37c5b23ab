# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pieces of argument specs that several modules share; each has a documentation fragment of the same name."""

from __future__ import annotations

from typing import Any

Spec = dict[str, dict[str, Any]]

FILE: Spec = {
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "backup": {"type": "bool", "default": False},
}

LOGIN: Spec = {
    "login_host": {"type": "str"},
    "login_port": {"type": "int", "default": 5432},
    "login_user": {"type": "str"},
    "login_db": {"type": "str", "default": "postgres"},
    "login_password": {"type": "str", "no_log": True},
    "login_unix_socket": {"type": "path"},
    "login_require_peer": {"type": "str"},
    "ssl_mode": {
        "type": "str",
        "default": "prefer",
        "choices": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    },
    "ca_cert": {"type": "path"},
    "ssl_cert": {"type": "path"},
    "ssl_key": {"type": "path"},
}

EDITOR: Spec = {
    "path": {"type": "path", "required": True},
    "create": {"type": "bool", "default": False},
    "server_version": {"type": "int"},
    "validate": {"type": "str", "choices": ["server", "syntax"]},
    "unsafe_writes": {"type": "bool", "default": False},
}
