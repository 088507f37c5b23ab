#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_reload
short_description: Reload programs whose certificates changed
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the certificates, after M(pgtls.postgresql.certificate_request) and M(pgtls.postgresql.certificate_install).
    Programs that read their certificates when they start, such as a pooler, keep the old ones in memory until they are told.
  - Each service is reloaded, and each command is run, once where one of its files differs from what it was at the last reload. What was
    reloaded is recorded, for root below C(/var/lib/pgtls), else in O(directory). So a reload that failed, and one that a killed run never
    came to, are due again at the next run.
  - A failure does not keep the others from their turn. It ends the task with the sentences of all that failed. The files stay as they are.
  - A service that does not run has nothing in memory and is left alone. One that does not exist draws a warning at each run until it does.
  - Only the task says what is run. A command is started without a shell, with a fixed C(PATH) of system directories, as the given user.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
options:
  directory:
    description: The directory of the certificates, by which the record is found.
    type: path
    required: true
  uses:
    description: Which certificates are used, and by what.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the certificate.
        type: str
        required: true
      certificate:
        description: The file of the certificate. Nothing is reloaded for one that is not there yet.
        type: path
        required: true
      files:
        description: The other files that are read with it, such as key and root.
        type: list
        elements: path
        default: []
      services:
        description: Services of systemd that C(systemctl reload) makes read them again.
        type: list
        elements: str
        default: []
      commands:
        description: Commands that do the same for other programs.
        type: list
        elements: dict
        default: []
        suboptions:
          argv:
            description: The program and its arguments.
            type: list
            elements: str
            required: true
          user:
            description: The user that runs it; the one of the task when it is not given.
            type: str
      is_new:
        description: Whether the certificate was missing before this run. Then nothing needs to be reloaded at first.
        type: bool
        default: false
      is_due:
        description: Whether the certificate is due, by which check mode predicts a reload.
        type: bool
        default: false
  timeout_seconds:
    description: How long each of them may take.
    type: int
    default: 60
seealso:
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
- name: Have PgBouncer read its certificate again
  pgtls.postgresql.certificate_reload:
    directory: /etc/pgtls/client
    uses:
      - name: pool
        certificate: /etc/pgtls/client/pool.crt
        files: [/etc/pgtls/client/pool.key, /etc/pgtls/client/rootCA.pem]
        services: [pgbouncer]
"""

RETURN = r"""
reloaded:
  description: What was reloaded, each with its certificates; in check mode, what would be.
  returned: success
  type: list
  elements: str
  sample: [service pgbouncer for pool]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.reloading import carry_out, read_record, read_reloads, write_record
from ..module_utils._host.errors import ModuleError
from ..module_utils._host.module_frame import failing_cleanly, writer_of

COMMAND = {"argv": {"type": "list", "elements": "str", "required": True}, "user": {"type": "str"}}
USE = {
    "name": {"type": "str", "required": True},
    "certificate": {"type": "path", "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
    "services": {"type": "list", "elements": "str", "default": []},
    "commands": {"type": "list", "elements": "dict", "default": [], "options": COMMAND},
    "is_new": {"type": "bool", "default": False},
    "is_due": {"type": "bool", "default": False},
}
ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "uses": {"type": "list", "elements": "dict", "required": True, "options": USE},
    "timeout_seconds": {"type": "int", "default": 60},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    params, reloads = module.params, read_reloads(module.params["uses"])
    before = read_record(params["directory"])

    outcome = carry_out(reloads, before, params["timeout_seconds"], module.check_mode)

    if outcome.record != before and not module.check_mode:
        write_record(writer_of(module), params["directory"], outcome.record)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.failures:
        raise ModuleError("; ".join(outcome.failures))
    diff = [{"before_header": "reload", "after_header": one, "before": "", "after": one} for one in outcome.reloaded]
    return {"changed": bool(outcome.reloaded), "diff": diff, "reloaded": outcome.reloaded}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
