# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rule_blocks
short_description: Work out the pg_hba.conf rules for the clients of a server and for everybody else
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_clients) and returns two blocks for O(pgtls.postgresql.pg_server#module:rule_blocks).
  - The block V(clients) goes first. It lets each client in with its certificate, and refuses connections without TLS where that is wanted.
  - Of clients that log in as one role, the one that is limited more in databases or addresses comes first.
  - The block V(everybody) goes where no earlier rule shadows it. It lets password users in, or whoever holds a certificate where that is asked
    for by name, and nobody else where client certificates are required.
options:
  _input:
    description: The clients, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
  tls_mode:
    description: What the server requires of connections over TCP.
    type: str
    choices: [request, require, require_client_certificate]
    required: true
  reject_plaintext:
    description: Whether connections without TLS are refused before any rule that was there already.
    type: bool
    required: true
  accept_unlisted:
    description: Whether holders of certificates who are no clients log in as the role that their common name names.
    type: bool
    required: true
  password_users:
    description:
      - Who else logs in, as C(pgtls_password_users) of the role C(pgtls.postgresql.server); empty for nobody where client certificates are
        required.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the rules of this server
  ansible.builtin.debug:
    msg: >-
      {{ pgtls_clients | pgtls.postgresql.rule_blocks(tls_mode='require', reject_plaintext=true, accept_unlisted=false, password_users={}) }}
"""

RETURN = r"""
_value:
  description: The two blocks, each with RV(ignore:block), RV(ignore:placement) and RV(ignore:rules).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._proof.connection_kinds import REQUEST, REQUIRE_CLIENT_CERTIFICATE
from ..plugin_utils.password_users import PasswordUsers, read_password_users
from ..plugin_utils.shared_roles import Admission, admissions
from ..plugin_utils.site_clients import certificate_map, databases_of

# Both families, in every mode: a client that comes by IPv6 is the same client.
_ADDRESSES = ("all",)


def rule_blocks(
    clients: Sequence[Mapping[str, Any]],
    *,
    tls_mode: str,
    reject_plaintext: Any,
    accept_unlisted: Any,
    password_users: Any,
) -> list[dict[str, Any]]:
    """The two blocks, first that of the clients; see the documentation of the filter."""
    listed = [rule for one in admissions(clients) for rule in _rules_of_client(one)]
    if tls_mode != REQUEST and boolean(reject_plaintext):
        listed.append(_rule("hostnossl", "all", "all", "all", "reject"))
    others = _rules_of_others(tls_mode, boolean(accept_unlisted), read_password_users(password_users))
    return [
        {"block": "clients", "placement": "first", "rules": listed},
        {"block": "everybody", "placement": "effective", "rules": others},
    ]


def _rules_of_client(admission: Admission) -> list[dict[str, Any]]:
    client = admission.client
    more = {"user": list(admission.roles), "options": {"map": certificate_map(client)}}
    addresses = client.get("addresses", _ADDRESSES)
    return [{**_rule("hostssl", databases_of(client), "all", address, "cert"), **more} for address in addresses]


def _rules_of_others(tls_mode: str, accepts_unlisted: bool, kinds: list[PasswordUsers]) -> list[dict[str, Any]]:
    needs_certificate = tls_mode == REQUIRE_CLIENT_CERTIFICATE
    if not kinds and not needs_certificate:
        kinds = read_password_users({"method": "scram-sha-256"})
    connection = "host" if tls_mode == REQUEST else "hostssl"
    rules = [rule for kind in kinds for rule in _rules_of_kind(connection, kind)]
    rest = needs_certificate and not any(kind.is_everybody for kind in kinds)  # whether anybody is left to reject
    if accepts_unlisted and rest and not kinds:
        rules.append(_rule("hostssl", "all", "all", "0.0.0.0/0", "cert"))
    elif rest:
        rules.append(_rule("hostssl", "all", "all", "all", "reject"))
    return rules


def _rules_of_kind(connection: str, kind: PasswordUsers) -> list[dict[str, Any]]:
    options = {"options": dict(kind.options)} if kind.options else {}
    return [
        {**_rule(connection, kind.where, "all", address, kind.method), "user": list(kind.users), **options}
        for address in kind.addresses
    ]


def _rule(connection: str, databases: Any, role: str, address: str, method: str) -> dict[str, Any]:
    return {"type": connection, "database": databases, "user": [role], "address": address, "method": method}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"rule_blocks": rule_blocks}
