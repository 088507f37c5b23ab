# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_with_certificates
short_description: Leave out the hosts that wait for their first certificates
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of inventory hosts and returns those without the ones for which a CA elsewhere has not answered, as far as this run knows,
    and which have no certificate until it does.
  - A host that this run did not visit counts as one that has its certificates.
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
  - plugin: pgtls.postgresql.issued_certificates
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show which servers can be tried
  ansible.builtin.debug:
    msg: "{{ groups['postgres_servers'] | pgtls.postgresql.hosts_with_certificates(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The hosts that wait for nothing, in the same order.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .issued_certificates import issued_certificates


def hosts_with_certificates(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    """The hosts that have what they need; see the documentation of the filter."""

    def waits(host: str) -> bool:
        issued = issued_certificates(hostvars.get(host) or {})
        return bool(issued["waiting"]) and any(one.get("serial_number") is None for one in issued["certificates"])

    return [host for host in hosts if not waits(host)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"hosts_with_certificates": hosts_with_certificates}
