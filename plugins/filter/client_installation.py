# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_installation
short_description: Work out the certificates of a host's clients, and where they go
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes clients of a host and returns options of M(pgtls.postgresql.certificate_request) and M(pgtls.postgresql.certificate_install).
positional: settings, absent, further
options:
  _input:
    description: The clients, as P(pgtls.postgresql.clients_of_host#filter) returns them.
    type: list
    elements: dict
    required: true
  settings:
    description:
      - What holds where an entry says nothing else; C(directory), C(owner), C(group), C(key_type), C(lifetime_days), C(renew_before_days) and
        C(renew_before_percent). An empty owner or group is none. Percent count unless they are 0.
    type: dict
    required: true
  absent:
    description: The clients of the host that may no longer log in.
    type: list
    elements: dict
    default: []
  further:
    description: Certificates of the host that are no clients, in the form of C(pgtls_client_further_certificates).
    type: list
    elements: dict
    default: []
seealso:
  - plugin: pgtls.postgresql.client_files
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Request what is due
  pgtls.postgresql.certificate_request:
    directories: "{{ installation.directories }}"
    certificates: "{{ installation.certificates }}"
    trusted_files: "{{ installation.trusted_files }}"
  vars:
    installation: "{{ my_clients | pgtls.postgresql.client_installation(my_settings) }}"
"""

RETURN = r"""
_value:
  description: What the clients need on their host.
  type: dict
  contains:
    directories:
      description: O(pgtls.postgresql.certificate_request#module:directories).
      type: list
      elements: dict
    certificates:
      description: O(pgtls.postgresql.certificate_request#module:certificates).
      type: list
      elements: dict
    absent:
      description: O(pgtls.postgresql.certificate_request#module:absent).
      type: list
      elements: dict
    trusted_files:
      description: The file of the roots in the directory where no certificate brings it, so that password users can verify the server too.
      type: list
      elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.client_installation import (
    further_root_files,
    removed_certificates,
    wanted_certificates,
    wanted_directories,
)
from ..plugin_utils.client_reloads import without_reloads


def client_installation(
    clients: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    absent: Sequence[Mapping[str, Any]] = (),
    further: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What the clients need; see the documentation of the filter.

    :raises AnsibleFilterError: for an entry without name or common name.
    """
    return {
        "directories": wanted_directories(clients, settings),
        "certificates": [*wanted_certificates(clients, settings), *(without_reloads(one) for one in further)],
        "absent": removed_certificates(clients, absent, settings["directory"]),
        "trusted_files": further_root_files(clients, settings),
    }


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"client_installation": client_installation}
