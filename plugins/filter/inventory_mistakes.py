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
  - First come variables of the host that have the prefix C(pgtls_) and are none of this collection, and values that the argument spec of their
    role does not allow. Only where there are none, the others are looked for.
positional: host, groups, settings, hostvars
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
    description:
      - The C(provider) of the CA and its C(ca_host); the C(tags) of the run; and C(port), C(common_name), C(subject), C(dns_names),
        C(ip_addresses), C(hosts) and C(primary) of the server of this host, as far as they are set.
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.clients_of_host
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check the clients
  ansible.builtin.assert:
    that: not (pgtls_clients | pgtls.postgresql.inventory_mistakes(inventory_hostname, groups, site, hostvars))
  vars:
    site: {provider: pgtls, ca_host: "{{ pgtls_ca_host }}", dns_names: "{{ pgtls_server_dns_names }}"}
"""

RETURN = r"""
_value:
  description: The sentences; empty for an inventory without a mistake.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.host_variables import inventory_variables
from ..plugin_utils.inventory_mistakes import (
    mistakes_of_host,
    mistakes_of_names,
    mistakes_of_passphrases,
    mistakes_of_run,
    mistakes_of_shared_roles,
    mistakes_of_site,
    mistakes_of_standby,
)
from ..plugin_utils.name_mistakes import mistakes_of_server_names
from ..plugin_utils.role_options import unknown_variables, wrong_values


def inventory_mistakes(
    clients: Sequence[Mapping[str, Any]],
    host: str,
    groups: Mapping[str, Sequence[str]],
    settings: Mapping[str, Any],
    hostvars: Mapping[str, Any],
) -> list[str]:
    """Find the mistakes; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry of pgtls_clients without a name, a common name or hosts.
    """
    variables = inventory_variables(hostvars, host)
    wrong = [*mistakes_of_run(settings.get("tags", ())), *unknown_variables(variables), *wrong_values(variables)]
    return wrong or [
        *mistakes_of_site(clients, groups, settings["provider"], settings["ca_host"]),
        *mistakes_of_host(host, groups, settings),
        *mistakes_of_server_names(host, groups, settings),
        *mistakes_of_standby(clients, host, groups, settings.get("primary", "")),
        *mistakes_of_shared_roles(clients),
        *mistakes_of_names(clients),
        *mistakes_of_passphrases(clients),
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"inventory_mistakes": inventory_mistakes}
