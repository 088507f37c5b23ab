# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: requests_by_signer
short_description: Group certificate requests by the CA that signs them
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes requests as P(pgtls.postgresql.certificate_requests#filter) returns them, and says which CA below the root signs each.
  - It is the first one whose usages cover those of the certificate, and the root where there is none.
positional: certificates, intermediates
options:
  _input:
    description: The requests.
    type: list
    elements: dict
    required: true
  certificates:
    description: The certificates that the inventory gives to the host.
    type: list
    elements: dict
    required: true
  intermediates:
    description: The CAs below the root, each with C(name) and C(usages).
    type: list
    elements: dict
    required: true
seealso:
  - plugin: pgtls.postgresql.certificate_requests
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who signs what
  ansible.builtin.debug:
    msg: "{{ my_requests | pgtls.postgresql.requests_by_signer(app_certificates, pgtls_ca_intermediates) }}"
"""

RETURN = r"""
_value:
  description: One entry for each CA that has to sign, with C(intermediate) (its name, empty for the root) and C(requests).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.signers import intermediate_for


def requests_by_signer(
    requests: Sequence[Mapping[str, Any]],
    certificates: Sequence[Mapping[str, Any]],
    intermediates: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Group the requests; one for a certificate that the inventory does not have is left to the root, which refuses it."""
    usages = {one["name"]: one["usages"] for one in certificates}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for request in requests:
        known = request["name"] in usages
        signer = intermediate_for(usages[request["name"]], intermediates) if known else ""
        found.setdefault(signer, []).append(request)
    return [{"intermediate": signer, "requests": group} for signer, group in found.items()]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"requests_by_signer": requests_by_signer}
