# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_entries
short_description: Take from a list of certificates what their signer has to know
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Makes the option C(certificates) of a signer from the list that M(pgtls.postgresql.certificate_request) takes.
  - Paths, owners, modes, passphrases and all else that concerns the holder alone are left out.
positional: host, facts
options:
  _input:
    description: The certificates of a host, as in the inventory.
    type: list
    elements: dict
    required: true
  host:
    description: The name of the host that holds them.
    type: str
    required: true
  facts:
    description:
      - The variable C(ansible_facts) of the host. A host whose facts claim variables of this collection, or those that say who it is, is
        refused.
    type: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.certificate_requests
    plugin_type: filter
  - module: pgtls.postgresql.certificate_sign
"""

EXAMPLES = r"""
- name: Sign what the inventory gives to this host
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls-ca
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
  delegate_to: ca1
"""

RETURN = r"""
_value:
  description: One entry for each certificate, with O(host) and without anything about files.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._host.certificates.entry_options import IDENTITY_OPTIONS
from ..plugin_utils.host_variables import refuse_claims

# What YAML can say. The mark of an omitted value is of another type, and is left out as everywhere in Ansible.
_KNOWN = (Mapping, list, tuple, str, int, float, date, type(None))


def certificate_entries(certificates: Any, host: Any, facts: Any) -> list[dict[str, Any]]:
    """The entries of a host's certificates: plain values that no template reads again.

    :raises AnsibleFilterError: for what is not a list of certificates, and for a host without a name.
    """
    if not isinstance(host, str) or not host:
        raise AnsibleFilterError("certificate_entries: give the name of the host that holds the certificates")
    refuse_claims(host, facts)
    if not isinstance(certificates, (list, tuple)) or not all(isinstance(one, Mapping) for one in certificates):
        raise AnsibleFilterError(f"certificate_entries: the certificates of {host} are not a list of dictionaries")
    return [{**_entry(one), "host": _plain(host)} for one in certificates]


def _entry(certificate: Mapping[str, Any]) -> dict[str, Any]:
    values = _plain({option: certificate[option] for option in IDENTITY_OPTIONS if option in certificate})
    return {option: value for option, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    """The same value in Python's own types, without marks and without laziness."""
    if isinstance(value, Mapping):
        each = {_plain(key): value[key] for key in value}
        return {key: _plain(one) for key, one in each.items() if isinstance(one, _KNOWN)}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value if isinstance(one, _KNOWN)]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, date):  # a time of YAML without quotes
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else float(value)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"certificate_entries": certificate_entries}
