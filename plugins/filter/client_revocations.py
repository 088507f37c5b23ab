# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_revocations
short_description: Work out which certificates to revoke because their clients are absent
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_clients) and returns O(pgtls.postgresql.ca#module:revocations), one for each host of each client whose C(state) is
    V(absent). Only what is still valid is revoked.
positional: groups
options:
  _input:
    description: The clients, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is revoked
  ansible.builtin.debug:
    msg: "{{ pgtls_clients | pgtls.postgresql.client_revocations(groups) }}"
"""

RETURN = r"""
_value:
  description: The revocations.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.absent_revocations import revocation_of_absent
from ..plugin_utils.site_clients import absent, held_by, told


def client_revocations(
    clients: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """What to revoke; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without a name or a list of hosts.
    """
    return [
        revocation_of_absent(told(client, "name"), host)
        for client in absent(clients)
        for host in held_by(client, groups)
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_revocations": client_revocations}
