# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ca_result
short_description: Take from the CA host what this run knows of the CA
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the name of the CA host and returns what came of the role C(ca), which ran last on it in this run.
  - It has a value in every case, also where the host was not visited or not reached, the role was skipped or failed, and in check mode.
  - A CA host whose facts claim variables of this collection, or those that say who it is, is refused.
positional: hostvars
options:
  _input:
    description: The inventory host that holds the CA.
    type: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.issued_certificates
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the roots to trust
  ansible.builtin.debug:
    msg: "{{ (pgtls_ca_host | pgtls.postgresql.ca_result(hostvars)).trusted_pem }}"
"""

RETURN = r"""
_value:
  description: What this run knows. What it does not know is empty, C(0) or false, and so is a certificate that check mode only promises.
  type: dict
  contains:
    visited:
      description: Whether the CA was created or found. If not, nothing is known but RV(_value.failed).
      type: bool
    failed:
      description: Whether a task of the role failed. A host that could not be reached did not fail.
      type: bool
    generation:
      description: The generation that issues.
      type: int
    phase:
      description: How far the rollover to the next generation has gone.
      type: str
    chain_pem:
      description: The certificate of the CA that issues, and those above it, the root last.
      type: str
    root_pem:
      description: The last of them.
      type: str
    trusted_pem:
      description: The roots to trust, the issuing one first; two of them during a rollover.
      type: str
    issuers:
      description: The intermediate CAs, as O(pgtls.postgresql.certificate_request#module:issuers).
      type: list
      elements: dict
    crl_pem:
      description: The CRLs.
      type: str
    crl_changed:
      description: Whether the run made or changed a CRL. Check mode has none yet of a CA that it would create.
      type: bool
    revocations:
      description: What the elements of C(pgtls_ca_revocations) stand for, as RV(pgtls.postgresql.certificate_revoke#module:revocations).
      type: list
      elements: dict
    revoked_serial_numbers:
      description: The serial numbers of what is revoked, in hexadecimal as openssl prints them.
      type: list
      elements: str
"""

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.host_variables import inventory_variables

# What the tasks of the role ca register on the CA host; nobody else knows these names.
_AUTHORITY = "__pgtls_ca_authority"
_ROLLOVER = "__pgtls_ca_rollover"


def ca_result(ca_host: str, hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the role ca; see the documentation of the filter.

    :raises AnsibleFilterError: for a host that is not in the inventory, or whose facts claim variables of this collection.
    """
    variables = inventory_variables(hostvars, ca_host)
    authority, rollover = (_reached(variables.get(name)) for name in (_AUTHORITY, _ROLLOVER))
    return {
        "visited": bool(authority) and not authority.get("failed"),
        "failed": bool(authority.get("failed") or rollover.get("failed")),
        "generation": authority.get("generation") or 0,
        **{key: authority.get(key) or "" for key in ("phase", "chain_pem", "root_pem", "trusted_pem")},
        "issuers": [
            {"usages": list(one["usages"]), "chain_pem": one["chain_pem"] or ""}
            for one in authority.get("intermediates") or ()
        ],
        "crl_pem": authority.get("crl_pem") or "",
        "crl_changed": bool(authority.get("crls_changed")),
        "revocations": list(authority.get("revocations") or ()),
        "revoked_serial_numbers": [one["serial_number"] for one in authority.get("revoked") or ()],
    }


def _reached(register: Any) -> Mapping[str, Any]:
    """The result of a task that ran on its host; empty for one that was skipped, or whose host could not be reached."""
    if not isinstance(register, Mapping) or register.get("skipped") or register.get("unreachable"):
        return {}
    return register


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"ca_result": ca_result}
