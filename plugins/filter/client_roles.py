# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_roles
short_description: Work out which roles of a server the clients need, and which they no longer need
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_clients) and returns O(pgtls.postgresql.pg_server#module:roles),
    O(pgtls.postgresql.pg_server#module:replication_roles) and O(pgtls.postgresql.pg_server#module:nologin_roles).
  - A role is no longer needed when all clients that log in as it are absent, and none of them has C(keep_login).
options:
  _input:
    description: The clients, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the roles that may no longer log in
  ansible.builtin.debug:
    msg: "{{ (pgtls_clients | pgtls.postgresql.client_roles).nologin }}"
"""

RETURN = r"""
_value:
  description: The roles.
  type: dict
  contains:
    login:
      description: Those that must exist and log in.
      type: list
      elements: str
    replication:
      description: Those among them that may begin replication.
      type: list
      elements: str
    nologin:
      description: Those that lose LOGIN.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.site_clients import absent, present, replicates, roles_of


def client_roles(clients: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The roles of all kinds; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without a role.
    """
    login = dict.fromkeys(role for client in present(clients) for role in roles_of(client))
    gone = [client for client in absent(clients) if "database_role" in client]
    kept = {role for client in gone if boolean(client.get("keep_login") or False) for role in roles_of(client)}
    nologin = dict.fromkeys(role for client in gone for role in roles_of(client))
    standbys = dict.fromkeys(role for client in present(clients) if replicates(client) for role in roles_of(client))
    return {
        "login": list(login),
        "replication": list(standbys),
        "nologin": [role for role in nologin if role not in login and role not in kept],
    }


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_roles": client_roles}
