# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: clients_of_host
short_description: Find the clients whose certificates a host holds
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the list C(pgtls_clients) and returns the entries whose C(hosts) name a host or one of its groups.
  - The group C(all) counts as little as in the variable C(group_names).
positional: host, groups, state
options:
  _input:
    description: The list C(pgtls_clients).
    type: list
    elements: dict
    required: true
  host:
    description: The name of the host in the inventory.
    type: str
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  state:
    description: Which clients are meant; those that may log in, or those that no longer may.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Show who is on this host
  ansible.builtin.debug:
    msg: "{{ pgtls_clients | pgtls.postgresql.clients_of_host(inventory_hostname, groups) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The entries of these clients, in the same order, each once.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.site_clients import PRESENT, clients_held, is_present


def clients_of_host(
    clients: Sequence[Mapping[str, Any]], host: str, groups: Mapping[str, Sequence[str]], state: str = PRESENT
) -> list[Mapping[str, Any]]:
    """The clients of a host; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry that has no list of hosts.
    """
    return [client for client in clients_held(clients, host, groups) if is_present(client) == (state == PRESENT)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"clients_of_host": clients_of_host}
