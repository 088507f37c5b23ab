# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_anchors
short_description: Work out the roots that an operating system trusts now
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes what a run knows of a CA and returns one anchor for each generation of its root that counts. The old one goes when it is retired,
    and not a moment before.
options:
  _input:
    description: The CA, as P(pgtls.postgresql.ca_result#filter) describes it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Trust the CA
  pgtls.postgresql.trust_anchor:
    name: "{{ item.name }}"
    certificate_pem: "{{ item.certificate_pem }}"
    state: "{{ item.state | default('present') }}"
  loop: "{{ 'ca1' | pgtls.postgresql.ca_result(hostvars) | pgtls.postgresql.trust_anchors }}"
"""

RETURN = r"""
_value:
  description:
    - For each anchor C(name) (C(pgtls-root-ca), and C(pgtls-root-ca-g2) for the second generation), with C(certificate_pem), which is empty
      for a root that the run does not know, or with C(state) V(absent).
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any


def trust_anchors(ca: Mapping[str, Any]) -> list[dict[str, str]]:
    """The anchors of a CA; see the documentation of the filter."""
    generation = ca["generation"] or 1
    anchors = [{"name": _name(generation), "certificate_pem": ca["root_pem"]}]
    other = ca["trusted_pem"].replace(ca["root_pem"], "")
    if other:
        successor = ca["phase"] == "introduce"
        anchors += [{"name": _name(generation + 1 if successor else generation - 1), "certificate_pem": other}]
    elif generation > 1:
        anchors += [{"name": _name(generation - 1), "state": "absent"}]
    return anchors


def _name(generation: int) -> str:
    return "pgtls-root-ca" if generation == 1 else f"pgtls-root-ca-g{generation}"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"trust_anchors": trust_anchors}
