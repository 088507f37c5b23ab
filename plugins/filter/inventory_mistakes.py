# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory_mistakes
short_description: Find what an inventory says that cannot be
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes C(pgtls_clients) and returns a sentence for each mistake that would otherwise show up late or never.
positional: host, groups, settings
options:
  _input:
    description: Who may log in by certificate, as the role C(server) describes it.
    type: list
    elements: dict
    required: true
  host:
    description: The host for which this is asked.
    type: str
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  settings:
    description: The C(provider) of the CA, its C(ca_host), and the C(names) and addresses by which clients connect to the host.
    type: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.clients_of_host
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check the clients
  ansible.builtin.assert:
    that: not (pgtls_clients | pgtls.postgresql.inventory_mistakes(inventory_hostname, groups, site))
  vars:
    site: {provider: pgtls, ca_host: "{{ pgtls_ca_host }}", names: "{{ pgtls_server_dns_names }}"}
"""

RETURN = r"""
_value:
  description: The sentences; empty for an inventory without a mistake.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.inventory_mistakes import mistakes_of_host, mistakes_of_site


def inventory_mistakes(
    clients: Sequence[Mapping[str, Any]], host: str, groups: Mapping[str, Sequence[str]], settings: Mapping[str, Any]
) -> list[str]:
    """Find the mistakes; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry of pgtls_clients without a name, a common name or hosts.
    """
    return [
        *mistakes_of_site(clients, groups, settings["provider"], settings["ca_host"]),
        *mistakes_of_host(host, groups, settings["names"]),
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"inventory_mistakes": inventory_mistakes}
