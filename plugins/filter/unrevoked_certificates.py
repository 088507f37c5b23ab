# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unrevoked_certificates
short_description: Take from what hosts returned the serial numbers that are not revoked yet
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes names of hosts and returns the serial numbers of their certificates of one name, as the role C(ca) requested or installed them in
    this run, that are not among those that are revoked.
  - A host may return anything. What is no serial number is dropped, and a result that cannot even be read is none, so that no host stops
    the CA, which asks for all of them.
positional: hostvars, name, revoked, promised
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  name:
    description: The name of the certificates.
    type: str
    required: true
  revoked:
    description: The serial numbers of what is revoked.
    type: list
    elements: str
    required: true
  promised:
    description: Whether a certificate without a serial number counts, as an empty string; check mode only promises those that it would issue.
    type: bool
    default: false
seealso:
  - plugin: pgtls.postgresql.issued_certificates
    plugin_type: filter
  - plugin: pgtls.postgresql.ca_result
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what the CA has still to revoke
  ansible.builtin.debug:
    msg: "{{ groups['postgres_clients'] | pgtls.postgresql.unrevoked_certificates(hostvars, 'old', revoked_serial_numbers) }}"
"""

RETURN = r"""
_value:
  description: The serial numbers, in hexadecimal as openssl prints them, each once.
  type: list
  elements: str
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from jinja2.exceptions import TemplateError

from .issued_certificates import issued_certificates

_SERIAL = re.compile(r"[0-9A-F]{1,40}")


def unrevoked_certificates(
    hosts: Sequence[str], hostvars: Mapping[str, Any], name: str, revoked: Sequence[str], promised: bool = False
) -> list[str]:
    """What is left to revoke; see the documentation of the filter."""
    found = dict.fromkeys(serial for host in hosts for serial in _serial_numbers(hostvars, host, name, promised))
    known = set(revoked)
    return [serial for serial in found if serial not in known]


def _serial_numbers(hostvars: Mapping[str, Any], host: str, name: str, promised: bool) -> Iterator[str]:
    """Those of one host. A result that is nested too deep for a template is no value, but an error at its first use."""
    try:
        certificates = issued_certificates(hostvars[host])["certificates"]
    except (AnsibleError, TemplateError, RecursionError):
        return
    for one in certificates:
        serial = one.get("serial_number")
        if one["name"] == name and isinstance(serial, str) and _SERIAL.fullmatch(serial):
            yield serial
        elif one["name"] == name and serial is None and promised:
            yield ""


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"unrevoked_certificates": unrevoked_certificates}
