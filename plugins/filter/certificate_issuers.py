# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_issuers
short_description: Take from the results of the module ca which CA below the root signs for which usages
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Makes O(pgtls.postgresql.certificate_request#module:issuers) from the results of a loop of M(pgtls.postgresql.ca) over the CAs below the root.
  - A CA without a result is left out. One that check mode only promises has no chain, so nothing is compared with it.
positional: intermediates
options:
  _input:
    description: The C(results) of the loop, whose items have a C(name).
    type: list
    elements: dict
    required: true
  intermediates:
    description: The CAs below the root, each with C(name) and C(usages).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Request what is due
  pgtls.postgresql.certificate_request:
    certificates: "{{ app_certificates }}"
    issuers: "{{ below.results | pgtls.postgresql.certificate_issuers(pgtls_ca_intermediates) }}"
"""

RETURN = r"""
_value:
  description: For each CA its C(usages) and C(chain_pem), in the order of the option.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any


def certificate_issuers(
    results: Sequence[Mapping[str, Any]], intermediates: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What is known of each CA; see the documentation of the filter."""
    chains = {one["item"]["name"]: one.get("chain_pem") or "" for one in results if "item" in one}
    return [
        {"usages": list(one["usages"]), "chain_pem": chains[one["name"]]}
        for one in intermediates
        if one["name"] in chains
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"certificate_issuers": certificate_issuers}
