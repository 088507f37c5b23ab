# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: refused_certificates
short_description: Work out certificates that every server must refuse
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes clients of a host and returns O(pgtls.postgresql.certificate_request#module:certificates) with one fault each. But for it, each is that
    of the first client. Where there is no client there is none.
positional: directory, faults
options:
  _input:
    description: The clients, as P(pgtls.postgresql.clients_of_host#filter) returns them.
    type: list
    elements: dict
    required: true
  directory:
    description: The directory of these certificates.
    type: str
    required: true
  faults:
    description: What is wrong with them; V(expired), V(server-only), V(foreign) (signed by a CA that nobody trusts), V(revoked) (once the CA has done so).
    type: list
    elements: str
    required: true
seealso:
  - plugin: pgtls.postgresql.connection_attempts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Request what must be refused
  pgtls.postgresql.certificate_request:
    certificates: "{{ my_clients | pgtls.postgresql.refused_certificates('/etc/pgtls/verify', ['expired', 'foreign']) }}"
"""

RETURN = r"""
_value:
  description: The certificates, in the order of the faults. Each is named like its fault, such as C(verify-expired).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._proof.refused_certificates import FAULTS, refused_certificate
from ..plugin_utils.site_clients import told


def refused_certificates(
    clients: Sequence[Mapping[str, Any]], directory: str, faults: Sequence[str]
) -> list[dict[str, Any]]:
    """One certificate for each fault; see the documentation of the filter.

    :raises AnsibleFilterError: for a fault that there is not, and for a first client without a common name.
    """
    for fault in faults:
        if fault not in FAULTS:
            raise AnsibleFilterError(f"there is no fault {fault!r}; name some of {', '.join(FAULTS)}")
    return [
        refused_certificate(fault, told(client, "common_name"), directory) for client in clients[:1] for fault in faults
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"refused_certificates": refused_certificates}
