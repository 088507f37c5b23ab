# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_files
short_description: Say where the files of a host's clients are
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes clients of a host and returns where the role C(client) keeps their files.
  - Those of a client with C(libpq_home) are in C(.postgresql) there, all others in one directory of the host.
positional: directory
options:
  _input:
    description: The clients, as P(pgtls.postgresql.clients_of_host#filter) returns them.
    type: list
    elements: dict
    required: true
  directory:
    description: The directory, which is C(pgtls_client_directory).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the roots are that the programs of this host trust
  ansible.builtin.debug:
    msg: "{{ (my_clients | pgtls.postgresql.client_files(pgtls_client_directory)).root }}"
"""

RETURN = r"""
_value:
  description: Where the files are.
  type: dict
  contains:
    clients:
      description:
        - For each client C(name), C(common_name), C(database_role), C(further_roles), C(databases), and the paths C(certificate), C(private_key) and C(root).
      type: list
      elements: dict
    root:
      description: A file with the roots for those without a certificate; that of the first client, or the one in the directory.
      type: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.site_clients import databases_of, files_of, roles_of, shared_root, told


def client_files(clients: Sequence[Mapping[str, Any]], directory: str) -> dict[str, Any]:
    """Where the files are; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without name, common name or role.
    """
    found = [_client(client, directory) for client in clients]
    return {"clients": found, "root": found[0]["root"] if found else shared_root(directory)}


def _client(client: Mapping[str, Any], directory: str) -> dict[str, Any]:
    files = files_of(client, directory)
    known = {key: told(client, key) for key in ("name", "common_name", "database_role")}
    places = {"certificate": files.certificate, "private_key": files.private_key, "root": files.root}
    return {**known, "further_roles": roles_of(client)[1:], "databases": databases_of(client), **places}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_files": client_files}
