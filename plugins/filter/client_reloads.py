# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_reloads
short_description: Work out what a host reloads when certificates of its clients change
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes clients of a host and returns O(pgtls.postgresql.certificate_reload#module:uses), one for each that has C(reload) or
    C(reload_commands).
  - What is run comes from the inventory alone. The reasons tell a first certificate from a renewal.
positional: settings, further, reasons
options:
  _input:
    description: The clients, as P(pgtls.postgresql.clients_of_host#filter) returns them.
    type: list
    elements: dict
    required: true
  settings:
    description: The same as for P(pgtls.postgresql.client_installation#filter).
    type: dict
    required: true
  further:
    description: Certificates of the host that are no clients, with the same two keys.
    type: list
    elements: dict
    required: true
  reasons:
    description: Why certificates are due, as P(pgtls.postgresql.issued_certificates#filter) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Reload what uses the certificates
  pgtls.postgresql.certificate_reload:
    directory: /etc/pgtls/client
    uses: "{{ my_clients | pgtls.postgresql.client_reloads(my_settings, [], pgtls_ca_issued.reasons) }}"
"""

RETURN = r"""
_value:
  description: The certificates, and what uses them.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.client_reloads import uses_of


def client_reloads(
    clients: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    further: Sequence[Mapping[str, Any]],
    reasons: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """What to reload; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without name or common name.
    """
    return uses_of(clients, settings, further, reasons)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_reloads": client_reloads}
