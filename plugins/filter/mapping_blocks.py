# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mapping_blocks
short_description: Work out the pg_ident.conf mappings for the clients of a server
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_clients) and returns one block for O(pgtls.postgresql.pg_server#module:mapping_blocks). In it each client has a
    map of its own, C(certmap_NAME), from the common name of its certificate to its roles.
  - Where others log in as the same role, the map has their common names too, because the first rule that fits decides by its map. A client
    whose roles are all in the rules of another one with the same databases and addresses has no map.
options:
  _input:
    description: The clients, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the maps of this server
  ansible.builtin.debug:
    msg: "{{ pgtls_clients | pgtls.postgresql.mapping_blocks }}"
"""

RETURN = r"""
_value:
  description: The block V(clients), with RV(ignore:block) and RV(ignore:mappings).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.shared_roles import admissions
from ..plugin_utils.site_clients import certificate_map


def mapping_blocks(clients: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The block of the clients; see the documentation of the filter."""
    mappings = [
        {"map": certificate_map(one.client), "system_user": common_name, "database_user": role}
        for one in admissions(clients)
        for common_name, role in one.holders
    ]
    return [{"block": "clients", "mappings": mappings}]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"mapping_blocks": mapping_blocks}
