# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: issued_certificates
short_description: Take from a host what came of its last round of certificates
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variables of a host and returns what came of the entry point C(issue) of the role C(ca), which ran last on it in this run.
  - It has a value in every case, also where nothing was due, nothing was signed, or the host was not visited.
options:
  _input:
    description: The variables of the host, such as C(hostvars[inventory_hostname]).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Wait for a CA elsewhere
  ansible.builtin.debug:
    msg: "{{ (hostvars['db1'] | pgtls.postgresql.issued_certificates).waiting }} have not come back"
"""

RETURN = r"""
_value:
  description: What came of it.
  type: dict
  contains:
    changed:
      description: Whether anything changed on the host.
      type: bool
    certificates:
      description: What is installed, as RV(pgtls.postgresql.certificate_install#module:certificates); empty where the host was not visited.
      type: list
      elements: dict
    waiting:
      description: The names of the certificates for which a CA elsewhere has not answered.
      type: list
      elements: str
"""

from collections.abc import Mapping
from typing import Any


def issued_certificates(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the last round; what a round before it has left behind counts for nothing."""
    request = variables.get("__pgtls_ca_request") or {}
    found = {
        "changed": bool(request.get("changed", False)),
        "certificates": list(request.get("certificates", ())),
        "waiting": [],
    }
    if not request.get("requests"):
        return found
    answer, installed = (variables.get(name) or {} for name in ("__pgtls_ca_answer", "__pgtls_ca_installed"))
    found["waiting"] = [name for name in answer.get("waiting", ()) if name in _names(request.get("requests"))]
    if _names(installed.get("certificates")) == _names(found["certificates"]):
        found["changed"] = found["changed"] or bool(installed.get("changed", False))
        found["certificates"] = list(installed["certificates"])
    return found


def _names(items: Any) -> list[str]:
    return [one["name"] for one in items or ()]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"issued_certificates": issued_certificates}
