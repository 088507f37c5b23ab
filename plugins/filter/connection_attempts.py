# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entry point: what the clients of a host must try to prove a site."""

from __future__ import annotations

DOCUMENTATION = r"""
name: connection_attempts
short_description: Work out which connections prove a site
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the clients of a host and returns O(pgtls.postgresql.connection_check#module:attempts) for all of its servers.
  - Every client is tried on every server. Every server is tried by each of its names in every C(sslmode) that promises TLS, on the databases
    that its clients may use, and by a replication connection where a client's rule is for replication.
  - What must be refused names its reason, and has a twin among the accepted attempts that differs in nothing but the fault.
positional: servers, clients, proof
options:
  _input:
    description:
      - The clients of this host, each with C(name), C(common_name), C(database_role), C(further_roles), C(databases), and the paths
        C(certificate), C(private_key) and C(root).
    type: list
    elements: dict
    required: true
  servers:
    description: The servers, as P(pgtls.postgresql.site_servers#filter) describes them.
    type: list
    elements: dict
    required: true
  clients:
    description: The list C(pgtls_clients), for the roles that must be refused to the others.
    type: list
    elements: dict
    required: true
  proof:
    description:
      - What holds for all attempts; C(database), C(hostaddr) (of all servers, or empty), C(material) (the directory of the certificates that
        must be refused), C(faults) (which of C(expired), C(revoked) and C(server-only) there are), C(root) and C(person) (C(name) and
        C(password), or empty).
      - C(depth) is V(reduced) (default; each client once, each name, mode, further database and refusal of a server once, by one client after
        the other) or V(full) (every client in all of that).
      - With C(hosts), names of hosts that all prove the same clients and servers with this C(depth), they share what is tried once for each
        server. C(host) is the one that the attempts are for, and C(groups) that variable of Ansible.
      - With C(revoked), a list of names of clients, only those certificates and their opposite are tried.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Try every connection
  pgtls.postgresql.connection_check:
    attempts: "{{ my_clients | pgtls.postgresql.connection_attempts(my_servers, pgtls_clients, my_proof) }}"
"""

RETURN = r"""
_value:
  description: The attempts.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._proof.site import Client, Proof, Server, Sharing
from ..module_utils._proof.site_attempts import DEPTHS, REDUCED, revocation_attempts, site_attempts
from ..plugin_utils.site_clients import clients_held, databases_of, present, roles_of


def connection_attempts(
    own: Sequence[Mapping[str, Any]],
    servers: Sequence[Mapping[str, Any]],
    clients: Sequence[Mapping[str, Any]],
    proof: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What the clients of a host try; see the documentation of the filter.

    :raises AnsibleFilterError: for a depth that there is not.
    """
    depth = proof.get("depth", REDUCED)
    if depth not in DEPTHS:
        raise AnsibleFilterError(f"depth is {depth!r}; set it to {' or '.join(DEPTHS)}")
    whole = Proof(
        database=proof["database"],
        hostaddr=proof["hostaddr"],
        material=proof.get("material", ""),
        faults=frozenset(proof.get("faults", ())),
        root=proof.get("root", ""),
        person=proof.get("person", {}),
    )
    places, holders = [_server(server) for server in servers], [_client(client) for client in own]
    if "revoked" in proof:
        return revocation_attempts(whole, places, holders, frozenset(proof["revoked"]))
    return site_attempts(
        whole, places, holders, [_client(client) for client in present(clients)], depth, _sharing(proof, clients)
    )


def _sharing(proof: Mapping[str, Any], clients: Sequence[Mapping[str, Any]]) -> Sharing:
    """Who holds what, of the hosts that share the proof."""
    groups: Mapping[str, Sequence[str]] = proof.get("groups", {})
    hosts = [str(host) for host in proof.get("hosts", ())]
    holders = {
        host: tuple(str(client["name"]) for client in clients_held(present(clients), host, groups)) for host in hosts
    }
    return Sharing(str(proof.get("host", "")), holders)


def _server(found: Mapping[str, Any]) -> Server:
    names, databases = tuple(found["names"]), _listed(found["password_databases"])
    return Server(**{**found, "names": names, "clients": frozenset(found["clients"]), "password_databases": databases})


def _client(found: Mapping[str, Any]) -> Client:
    return Client(
        name=found["name"],
        common_name=found["common_name"],
        database_role=found["database_role"],
        databases=_listed(databases_of(found)),
        further_roles=tuple(roles_of(found)[1:]),
        **{path: found.get(path, "") for path in ("certificate", "private_key", "root")},
    )


def _listed(databases: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in databases) if isinstance(databases, (list, tuple)) else (str(databases),)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"connection_attempts": connection_attempts}
