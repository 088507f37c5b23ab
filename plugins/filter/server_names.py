# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: server_names
short_description: Work out the certificates of a server's names, and their lines of pg_hosts.conf
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the variable C(pgtls_server_hosts) of a server and returns options of M(pgtls.postgresql.pg_server).
  - The certificate of an entry is like that of the server but for its names, its type of key and its lifetime, and its files are beside those of the
    server.
positional: certificate, default
options:
  _input:
    description: The entries, as the role C(pgtls.postgresql.server) describes them.
    type: list
    elements: dict
    required: true
  certificate:
    description: The certificate of the server itself, as O(pgtls.postgresql.pg_server#module:certificates).
    type: dict
    required: true
  default:
    description:
      - What every other name is shown, and who connects without one; C(cert), C(key), C(ca) and C(passphrase_command), as in an entry of
        O(pgtls.postgresql.pg_hosts#module:hosts). All lines have the C(ca).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ (pgtls_server_hosts | pgtls.postgresql.server_names(my_certificate, my_default)).host_blocks }}"
"""

RETURN = r"""
_value:
  description: What the names need on the server.
  type: dict
  contains:
    certificates:
      description: O(pgtls.postgresql.pg_server#module:certificates).
      type: list
      elements: dict
    absent:
      description: O(pgtls.postgresql.pg_server#module:absent).
      type: list
      elements: dict
    host_blocks:
      description: The block V(names), as O(pgtls.postgresql.pg_server#module:host_blocks); without any entry it is empty.
      type: list
      elements: dict
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..plugin_utils.server_names import absent_names, beside, certificate_name, dns_names_of, present_names

_FILES = ("private_key", "certificate", "fullchain", "private_key_passphrase_file")


def server_names(
    entries: Sequence[Mapping[str, Any]], certificate: Mapping[str, Any], default: Mapping[str, Any]
) -> dict[str, Any]:
    """What the names need; see the documentation of the filter.

    :raises AnsibleFilterError: for what is no list of entries with names.
    """
    certificates = [_certificate(entry, certificate) for entry in present_names(entries)]
    lines = [_line(one, default) for one in certificates]
    first = [_with_command({"host": ["*"], **default}, default.get("passphrase_command"))] if lines else []
    return {
        "certificates": certificates,
        "absent": [_removed(_certificate(entry, certificate)) for entry in absent_names(entries)],
        "host_blocks": [{"block": "names", "hosts": [*first, *lines]}],
    }


def _certificate(entry: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: entry[key] for key in ("key_type", "lifetime_days") if entry.get(key) is not None}
    files = {key: beside(own[key], entry["name"]) for key in _FILES if own.get(key)}
    name = certificate_name(own["name"], entry)
    return {**own, **said, **files, "name": name, "dns_names": dns_names_of(entry), "ip_addresses": []}


def _line(one: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    kept = one.get("private_key_passphrase_file")
    command = f"cat {shlex.quote(kept)}" if kept else default.get("passphrase_command")
    line = {"host": one["dns_names"], "cert": one["certificate"], "key": one["private_key"], "ca": default["ca"]}
    return _with_command(line, command)


def _with_command(line: Mapping[str, Any], command: Any) -> dict[str, Any]:
    if not command:
        return {key: value for key, value in line.items() if key != "passphrase_command"}
    return {**line, "passphrase_command": command, "passphrase_reload": True}


def _removed(one: Mapping[str, Any]) -> dict[str, Any]:
    others = [one[key] for key in _FILES if key != "certificate" and one.get(key)]
    return {"name": one["name"], "certificate": one["certificate"], "files": [*others, f"{one['private_key']}.next"]}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"server_names": server_names}
