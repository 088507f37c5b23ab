# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: primary_conninfo
short_description: Work out how a standby reaches its primary by certificate
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_clients) and returns O(pgtls.postgresql.pg_server#module:primary_conninfo) for a host. The client is the
    one with C(replication) that the host has.
positional: host, groups, directory, server, further
options:
  _input:
    description: The clients, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
  host:
    description: The host of the standby.
    type: str
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  directory:
    description: Where the files of its clients are, which is C(pgtls_client_directory).
    type: str
    required: true
  server:
    description: The primary, as P(pgtls.postgresql.site_servers#filter) describes it.
    type: dict
    required: true
  further:
    description: Parameters that take the place of those that are worked out, or come beside them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Follow the primary
  pgtls.postgresql.pg_server:
    certificates: []
    primary_conninfo: "{{ pgtls_clients | pgtls.postgresql.primary_conninfo('db2', groups, '/etc/pgtls/clients', primary, {}) }}"
  vars:
    primary: "{{ ['db1'] | pgtls.postgresql.site_servers(hostvars) | first }}"
"""

RETURN = r"""
_value:
  description: The parameters; C(password) is null, for the certificate takes its place.
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.site_clients import files_of, standbys_of, told


def primary_conninfo(
    clients: Sequence[Mapping[str, Any]],
    host: str,
    groups: Mapping[str, Sequence[str]],
    directory: str,
    server: Mapping[str, Any],
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """The parameters; see the documentation of the filter.

    :raises AnsibleFilterError: when the host has no client for replication, or several.
    """
    found = standbys_of(clients, host, groups)
    if len(found) != 1:
        raise AnsibleFilterError(
            f"{host} is to follow {server['host']} and has {len(found)} entries of pgtls_clients with replication: true; give it one"
        )
    files = files_of(found[0], directory)
    return {
        "host": server["names"][0],
        "port": str(server["port"]),
        "user": str(told(found[0], "database_role")),
        "sslmode": "verify-full",
        "sslrootcert": files.root,
        "sslcert": files.certificate,
        "sslkey": files.private_key,
        "password": None,
        **further,
    }


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"primary_conninfo": primary_conninfo}
