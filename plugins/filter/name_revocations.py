# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: name_revocations
short_description: Work out which certificates to revoke because names of servers are absent
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of servers and returns O(pgtls.postgresql.ca#module:revocations), one for each entry of their C(pgtls_server_hosts) whose C(state)
    is V(absent). Only what is still valid is revoked.
  - A server whose facts claim variables of this collection, or those that say who it is, cannot say what is revoked. It is left out with a warning,
    and is refused when its own turn comes.
positional: hostvars
options:
  _input:
    description: The servers, such as C(groups['postgres_servers']).
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is revoked
  ansible.builtin.debug:
    msg: "{{ groups['postgres_servers'] | pgtls.postgresql.name_revocations(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The revocations.
  type: list
  elements: dict
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..plugin_utils.absent_revocations import revocation_of_absent
from ..plugin_utils.host_variables import inventory_variables
from ..plugin_utils.server_names import absent_names, certificate_name, own_certificate


def name_revocations(servers: Sequence[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What to revoke; see the documentation of the filter.

    :raises AnsibleFilterError: for what is no list of entries with names.
    """
    return [revocation for host in servers for revocation in _of(host, hostvars)]


def _of(host: str, hostvars: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        variables = inventory_variables(hostvars, host)
    except AnsibleFilterError as error:
        Display().warning(f"certificates of names that are absent on {host} are not revoked: {error}")
        return
    for entry in absent_names(variables.get("pgtls_server_hosts", [])):
        yield revocation_of_absent(certificate_name(own_certificate(host), entry), host)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"name_revocations": name_revocations}
