#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proof_table
short_description: Show what several hosts have tried as one table
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Prints the results of M(pgtls.postgresql.connection_check) of all hosts as one table, as it is and not as JSON.
  - What ended differently than expected stands first, each with its reason below. Attempts that were not made are only counted.
  - Works on the controller and connects to no host.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  results:
    description:
      - The registered results by the name of their host. A host whose task did not run has none, or an empty one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Try the connections of each host
  pgtls.postgresql.connection_check:
    attempts: "{{ my_attempts }}"
    fail_on_difference: false
  register: tried

- name: Show all of them
  pgtls.postgresql.proof_table:
    results: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars) | map(attribute='tried', default={}))) }}"
  run_once: true
"""

RETURN = r"""
table:
  description: The lines of the table; the last one is the summary.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={"results": {"type": "dict", "required": True}}, supports_check_mode=True)
    module.fail_json(msg="proof_table works on the controller; call it as pgtls.postgresql.proof_table")


if __name__ == "__main__":
    main()
