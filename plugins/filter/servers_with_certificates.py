# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: servers_with_certificates
short_description: Leave out the servers that wait for their first certificates
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of inventory hosts and returns those whose variable C(pgtls_server_result), which the role C(server) sets, does not say that an
    external CA has not answered and nothing was done.
  - A host that this run did not visit counts as one that has its certificate.
positional: hostvars
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
seealso:
  - module: pgtls.postgresql.pg_server
"""

EXAMPLES = r"""
- name: Show which servers can be tried
  ansible.builtin.debug:
    msg: "{{ groups['postgres_servers'] | pgtls.postgresql.servers_with_certificates(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The hosts that wait for nothing, in the same order.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any


def servers_with_certificates(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    """The servers that have what they need; see the documentation of the filter."""

    def waits(host: str) -> bool:
        result = (hostvars.get(host) or {}).get("pgtls_server_result")
        return isinstance(result, Mapping) and result.get("waiting") is True

    return [host for host in hosts if not waits(host)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"servers_with_certificates": servers_with_certificates}
