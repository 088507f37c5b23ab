# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_services
short_description: Work out the entries of a connection service file
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes clients of a host and returns O(pgtls.postgresql.pg_service#module:services). Each leads to one server by its first name, and is
    named like the client.
positional: directory, server, database
options:
  _input:
    description: The clients, as P(pgtls.postgresql.clients_of_host#filter) returns them.
    type: list
    elements: dict
    required: true
  directory:
    description: Where the files of the clients are, which is C(pgtls_client_directory).
    type: str
    required: true
  server:
    description: The server, as P(pgtls.postgresql.site_servers#filter) describes it.
    type: dict
    required: true
  database:
    description: The database of a client whose C(databases) name none by itself.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Write the connection service file
  pgtls.postgresql.pg_service:
    path: /etc/postgresql-common/pg_service.conf
    services: "{{ my_clients | pgtls.postgresql.client_services(pgtls_client_directory, my_server, 'postgres') }}"
"""

RETURN = r"""
_value:
  description: The entries.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.client_installation import wanted_services


def client_services(
    clients: Sequence[Mapping[str, Any]], directory: str, server: Mapping[str, Any], database: str
) -> list[dict[str, Any]]:
    """The entries of the file; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without name or role.
    """
    return wanted_services(clients, directory, server, database)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_services": client_services}
