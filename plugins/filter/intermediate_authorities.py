# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: intermediate_authorities
short_description: Turn the CAs below the root, as an inventory lists them, into options of the module ca
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes C(pgtls_ca_intermediates) and returns O(pgtls.postgresql.ca#module:intermediates), with what an entry does not say.
positional: defaults
options:
  _input:
    description: The CAs as the role C(ca) takes them.
    type: list
    elements: dict
    required: true
  defaults:
    description: The C(lifetime_days) and C(dns_domains) of those that have none of their own.
    type: dict
    required: true
seealso:
  - module: pgtls.postgresql.ca
"""

EXAMPLES = r"""
- name: Show how the CAs below the root would be made
  ansible.builtin.debug:
    msg: "{{ pgtls_ca_intermediates | pgtls.postgresql.intermediate_authorities({'lifetime_days': 1825, 'dns_domains': []}) }}"
"""

RETURN = r"""
_value:
  description: The list, in the same order.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any


def intermediate_authorities(
    intermediates: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Say what each entry leaves to the defaults, and call the domains what the module calls them."""
    return [_options({**defaults, **one}) for one in intermediates]


def _options(entry: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in entry.items() if name != "dns_domains" and value != ""}
    return {**options, "permitted_dns_domains": entry["dns_domains"]}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"intermediate_authorities": intermediate_authorities}
