# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_behind
short_description: Find the hosts that have not reported
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of inventory hosts and returns those that have not reported, in a registered result of this run, what they should.
positional: hostvars, register, report
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
  register:
    description: The name of the registered result, whose C(msg) is the report.
    type: str
    required: true
  report:
    description: What it must be.
    type: str
    required: true
  present:
    description: The hosts that have not failed since; C(ansible_play_hosts). All of them when it is not given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Check that every server has reported
  ansible.builtin.assert:
    that: groups['postgres_servers'] | pgtls.postgresql.hosts_behind(hostvars, 'my_report', 'phase 2') | length == 0
"""

RETURN = r"""
_value:
  description: The hosts that have not reported, in the same order.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any


def hosts_behind(
    hosts: Sequence[str],
    hostvars: Mapping[str, Any],
    register: str,
    report: str,
    present: Sequence[str] | None = None,
) -> list[str]:
    """The hosts that failed, or did not report; see the documentation of the filter."""

    def has_reported(host: str) -> bool:
        variables: Mapping[str, Any] = hostvars.get(host, {})
        result = variables.get(register, {})
        return isinstance(result, Mapping) and result.get("msg") == report

    return [host for host in hosts if not has_reported(host) or (present is not None and host not in present)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"hosts_behind": hosts_behind}
