# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: alike_hosts
short_description: Find the hosts that have the same variables as another one
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of inventory hosts and returns those whose variables of these names have the same values as those of one host. A variable that
    neither of two hosts has is the same for both.
  - With it, hosts can share work that each of them plans by itself, because all of those that it returns come to the same plan.
positional: hostvars, host, variables
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  host:
    description: The host that the others are compared with; it is like itself.
    type: str
    required: true
  variables:
    description: Names of variables of the inventory.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show who proves the same servers
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | pgtls.postgresql.alike_hosts(hostvars, inventory_hostname, ['pgtls_verify_servers']) }}"
"""

RETURN = r"""
_value:
  description: The hosts that are alike, in the same order.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

_NOT_SET = object()


def alike_hosts(hosts: Sequence[str], hostvars: Mapping[str, Any], host: str, variables: Sequence[str]) -> list[str]:
    """The hosts that have the same values as one of them; see the documentation of the filter."""

    def values(name: str) -> list[Any]:
        known: Mapping[str, Any] = hostvars.get(name, {})
        return [known.get(variable, _NOT_SET) for variable in variables]

    mine = values(host)
    return [name for name in hosts if name == host or (name in hostvars and values(name) == mine)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"alike_hosts": alike_hosts}
