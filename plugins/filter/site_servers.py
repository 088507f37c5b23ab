# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entry point: the servers of a site as their clients see them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: site_servers
short_description: Work out from the inventory how each server is reached
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the names of inventory hosts and returns what a client must know of each server. Only variables of the inventory count; a host
    whose facts claim variables of this collection is refused.
  - Servers that share a name and a port are reached by the address of their own C(ansible_host) (or inventory name), so that each of them
    is tried.
positional: hostvars, clients
options:
  _input:
    description: Names of the servers in the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  clients:
    description: The list C(pgtls_clients), for servers that have none of their own.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show how the servers are reached
  ansible.builtin.debug:
    msg: "{{ groups['postgres_servers'] | pgtls.postgresql.site_servers(hostvars, pgtls_clients) }}"
"""

RETURN = r"""
_value:
  description:
    - For each server C(host), C(names), C(port), C(tls_mode), C(rejects_plaintext), C(oldest_protocol), C(clients) (names),
      C(accepts_unlisted), C(password_databases) and C(address_of).
  type: list
  elements: dict
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.host_variables import inventory_variables
from ..plugin_utils.password_users import PASSWORD_USERS, password_databases, read_password_users
from ..plugin_utils.server_names import dns_names_of, present_names
from ..plugin_utils.site_clients import present

REQUIRE_CLIENT_CERTIFICATE = "require_client_certificate"


def site_servers(
    hosts: Sequence[str], hostvars: Mapping[str, Any], clients: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Describe each server; see the documentation of the filter.

    :raises AnsibleFilterError: for a server without a name that a client could verify, and for facts that claim variables.
    """
    servers = [_server(host, inventory_variables(hostvars, host), clients) for host in hosts]
    shared = Counter((name, server["port"]) for server in servers for name in server["names"])
    for server in servers:
        if all(shared[name, server["port"]] == 1 for name in server["names"]):
            server["address_of"] = ""
    return servers


def _server(host: str, variables: Mapping[str, Any], clients: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def value(name: str, default: Any) -> Any:
        return variables.get(name, default)

    names = [*value("pgtls_server_dns_names", []), *value("pgtls_server_ip_addresses", [])]
    further = [name for entry in present_names(value("pgtls_server_hosts", [])) for name in dns_names_of(entry)]
    if not names:
        raise AnsibleFilterError(
            f"{host} has no pgtls_server_dns_names and no pgtls_server_ip_addresses; list the names by which its clients connect"
        )
    mode = value("pgtls_server_tls_mode", REQUIRE_CLIENT_CERTIFICATE)
    rejects = boolean(value("pgtls_server_reject_plaintext", True))
    passwords = read_password_users(value(PASSWORD_USERS, None))
    person = (value("pgtls_verify_password_user", None) or {}).get("name", "")
    unlisted = boolean(value("pgtls_server_accept_unlisted_certificates", False))
    return {
        "host": host,
        "names": [str(name) for name in (*names, *further)],
        "port": int(value("pgtls_server_port", 5432)),
        "tls_mode": mode,
        "rejects_plaintext": rejects and mode != "request",
        "oldest_protocol": value("pgtls_server_ssl_min_protocol_version", "TLSv1.2"),
        "clients": [client["name"] for client in present(value("pgtls_clients", clients))],
        "accepts_unlisted": unlisted and not passwords,
        "password_databases": password_databases(passwords, person),
        "address_of": str(value("ansible_host", host)),
    }


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"site_servers": site_servers}
