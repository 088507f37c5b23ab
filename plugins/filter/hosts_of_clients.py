# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_of_clients
short_description: Find the hosts that hold client certificates
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the list C(pgtls_clients) and returns the hosts for which P(pgtls.postgresql.clients_of_host#filter) finds some.
positional: groups
options:
  _input:
    description: The list C(pgtls_clients).
    type: list
    elements: dict
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check that every host with a client certificate is in the group
  ansible.builtin.assert:
    that: pgtls_clients | pgtls.postgresql.hosts_of_clients(groups) | difference(groups['postgres_clients']) | length == 0
"""

RETURN = r"""
_value:
  description: Their names, in the order of the inventory.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.site_clients import hosts_holding


def hosts_of_clients(clients: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts that hold client certificates; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry that has no list of hosts.
    """
    return hosts_holding(clients, groups)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"hosts_of_clients": hosts_of_clients}
