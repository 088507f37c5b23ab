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
    reasons:
      description: The codes of the reasons why certificates were due, by their names.
      type: dict
"""

from collections.abc import Mapping
from typing import Any


def issued_certificates(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the last round; what a round before it has left behind counts for nothing."""
    registers = ("__pgtls_ca_request", "__pgtls_ca_answer", "__pgtls_ca_installed")
    request, answer, installed = (_result(variables.get(name)) for name in registers)
    requests, certificates, waiting = _named(request.get("requests")), _named(request.get("certificates")), []
    changed = bool(request.get("changed", False))
    if requests:
        asked = {one["name"] for one in requests}
        waiting = [name for name in answer.get("waiting") or () if name in asked]
        after = _named(installed.get("certificates"))
        if [one["name"] for one in after] == [one["name"] for one in certificates]:
            changed, certificates = changed or bool(installed.get("changed", False)), after
    reasons = {str.__str__(one["name"]): _codes(one.get("reasons")) for one in requests}
    return {"changed": changed, "certificates": certificates, "waiting": waiting, "reasons": reasons}


def _codes(reasons: Any) -> list[str]:
    """The codes of a list of reasons that a host returned; anything of another form counts for nothing."""
    listed = reasons if isinstance(reasons, (list, tuple)) else ()
    codes = [one.get("code") for one in listed if isinstance(one, Mapping)]
    return [str.__str__(code) for code in codes if isinstance(code, str)]


def _result(register: Any) -> Mapping[str, Any]:
    """The result of a task; what is none, such as a fact of that name, counts for nothing."""
    return register if isinstance(register, Mapping) else {}


def _named(items: Any) -> list[Mapping[str, Any]]:
    """The entries of a list that a host returned; what is none is dropped, for a host may return anything."""
    if not isinstance(items, (list, tuple)):
        return []
    return [one for one in items if isinstance(one, Mapping) and isinstance(one.get("name"), str)]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"issued_certificates": issued_certificates}
