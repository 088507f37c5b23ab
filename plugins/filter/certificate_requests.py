# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_requests
short_description: Take from the result of a host the certificate requests alone
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Makes the option C(requests) of a signer from the RV(pgtls.postgresql.certificate_request#module:requests) that a host returned.
  - A host may return anything. What is taken are names and requests in PEM, which can hold no template; the name of the host is that of the
    inventory. All else is dropped, and a result of another form is refused in one sentence.
positional: host, certificates, facts
options:
  _input:
    description: The requests, as the host returned them.
    type: list
    elements: dict
    required: true
  host:
    description: The name of the host that returned them.
    type: str
    required: true
  certificates:
    description: The certificates that the inventory gives to the host. It cannot have more requests than these.
    type: list
    elements: dict
    required: true
  facts:
    description:
      - The variable C(ansible_facts) of the host. A host whose facts claim variables of this collection, or those that say who it is, is
        refused.
    type: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.certificate_entries
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
  description: For each request its C(host), C(name) and C(csr_pem).
  type: list
  elements: dict
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.host_variables import refuse_claims

_LONGEST_NAME = 255
_LONGEST_REQUEST = 100_000
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_REQUEST = re.compile(
    r"\s*-----BEGIN CERTIFICATE REQUEST-----[ \t]*\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*"
)


def certificate_requests(requests: Any, host: Any, certificates: Any, facts: Any) -> list[dict[str, str]]:
    """What a host asks for, in its own name: host, name and request of each, as plain strings.

    :raises AnsibleFilterError: for a result that certificate_request would never return.
    """
    if not isinstance(host, str) or not host:
        raise AnsibleFilterError("certificate_requests: give the name of the host that returned the requests")
    refuse_claims(host, facts)
    if not isinstance(certificates, (list, tuple)):
        raise AnsibleFilterError(f"certificate_requests: the certificates of {host} are not a list")
    if not isinstance(requests, (list, tuple)):
        raise AnsibleFilterError(f"{host} returned requests that are not a list; find out what answers there")
    if len(requests) > len(certificates):
        raise AnsibleFilterError(
            f"{host} returned {len(requests)} requests, but the inventory gives it {len(certificates)} certificates; "
            "find out what answers there"
        )
    return [_request(one, number, str.__str__(host)) for number, one in enumerate(requests, start=1)]


def _request(one: Any, number: int, host: str) -> dict[str, str]:
    if not isinstance(one, Mapping):
        raise AnsibleFilterError(f"request {number} of {host} is not a dictionary; find out what answers there")
    name, csr_pem = one.get("name"), one.get("csr_pem")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise AnsibleFilterError(f"request {number} of {host} has no certificate name; find out what answers there")
    if not isinstance(csr_pem, str) or len(csr_pem) > _LONGEST_REQUEST or not _REQUEST.fullmatch(csr_pem):
        raise AnsibleFilterError(
            f"request {number} of {host} holds no certificate signing request in PEM; find out what answers there"
        )
    return {"host": host, "name": str.__str__(name), "csr_pem": str.__str__(csr_pem)}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"certificate_requests": certificate_requests}
