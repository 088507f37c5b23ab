# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ca_settings
short_description: Take the settings of a CA from the host that holds it
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the name of the CA host and returns what its own inventory variables say about the CA, without the prefix C(pgtls_ca_).
  - Nothing that the asking host returns can change them. A host whose facts claim variables of this collection, or those that say who it
    is, is refused, and so is a CA host that is neither a member of the group C(ca) nor the asking host itself.
positional: here, hostvars, groups, host, facts
options:
  _input:
    description: The inventory host that holds the CA.
    type: str
    required: true
  here:
    description: The settings as the asking host knows them; each counts where the CA host has none of its own.
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  host:
    description: The inventory host that asks.
    type: str
    required: true
  facts:
    description: The variable C(ansible_facts) of the host that asks.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where the CA is
  ansible.builtin.debug:
    msg: "{{ (pgtls_ca_host | pgtls.postgresql.ca_settings({}, hostvars, groups, inventory_hostname, ansible_facts)).directory }}"
"""

RETURN = r"""
_value:
  description:
    - O(here), overlaid with those of C(provider), C(directory), C(intermediates), C(dns_domains), C(max_lifetime_days), C(command),
      C(command_timeout_seconds), C(chain_pem) and C(exchange_directory) that are set for the CA host.
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.host_variables import inventory_variables, refuse_claims, refuse_words_of_ours

SETTINGS = (
    "provider",
    "directory",
    "intermediates",
    "dns_domains",
    "max_lifetime_days",
    "command",
    "command_timeout_seconds",
    "chain_pem",
    "exchange_directory",
)


def ca_settings(
    ca_host: str,
    here: Mapping[str, Any],
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """What the CA host's own variables say; see the documentation of the filter.

    :raises AnsibleFilterError: for a host that may not hold the CA, and for facts that claim variables of this collection.
    """
    refuse_claims(host, facts)
    refuse_words_of_ours(hostvars, host)
    if ca_host != host and ca_host not in groups.get("ca", ()):
        raise AnsibleFilterError(
            f"pgtls_ca_host is {ca_host} for {host}, which is not a member of the group ca; put the host that holds the CA in that group"
        )
    variables = inventory_variables(hostvars, ca_host)
    own = {setting: variables[f"pgtls_ca_{setting}"] for setting in SETTINGS if f"pgtls_ca_{setting}" in variables}
    return {**here, **own}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"ca_settings": ca_settings}
