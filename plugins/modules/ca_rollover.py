#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ca_rollover
short_description: Advance a root CA rollover by one phase
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - A root CA is replaced in four phases, and a call advances by at most one of them. V(introduce) creates the successor, and from then on both
    are to be trusted. From V(reissue) on the successor issues. From V(retire) on only the successor is to be trusted. V(stable) ends the rollover.
  - Between two calls, the results have to be delivered. The playbook C(pgtls.postgresql.rotate_ca) does this, and proves it.
  - A phase begins only once O(completed) was recorded for the one before it.
  - It only goes forwards. A call whose O(phase) was reached already changes nothing, so the same calls may be made again after an
    interruption. The state is in C(rollover.json) in O(directory).
  - The successor is in C(generation-2) in O(directory), the next one in C(generation-3). Its common name is that of the CA and the
    generation, such as C(Example Root CA G2). In all that no option says, it is like the CA that issues now; path length and permitted DNS
    domains are always the same.
  - V(retire) is refused while somebody holds a valid certificate of the old CA and was issued none by the successor, as the copies in
    C(issued) show. That counts names, also those that no playbook knows.
  - A successor's key that exists, because a call was interrupted, is used and never replaced. The keys of retired generations stay.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
options:
  directory:
    description: The directory of the CA, as given to M(pgtls.postgresql.ca).
    type: path
    required: true
  generation:
    description: The generation to reach. The current one changes nothing, the next one starts or continues the rollover.
    type: int
    required: true
  phase:
    description: How far this call may go.
    type: str
    choices: [introduce, reissue, retire, stable]
    required: true
  completed:
    description:
      - Does not advance, but records that every server and client has completed O(phase). The caller is responsible for that.
      - The next phase is refused until this was recorded, because a server that does not trust the successor yet would refuse everybody
        who presents a certificate of it.
      - In check mode a phase that the CA would only have reached is not recorded.
    type: bool
    default: false
  abandoned:
    description: Names of certificates that need no successor, because nobody uses them any more.
    type: list
    elements: str
    default: []
  passphrase:
    description: The passphrase of the CA's private key. It protects the successor's key as well.
    type: str
  common_name:
    description: The common name of the CA without its generation, as given to M(pgtls.postgresql.ca).
    type: str
  subject:
    description: The rest of the successor's subject, as for M(pgtls.postgresql.ca).
    type: dict
  key_type:
    description: The kind of the successor's key.
    type: str
    choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ed25519]
  lifetime_days:
    description: Validity period of the successor in days.
    type: int
    default: 3650
seealso:
  - module: pgtls.postgresql.ca
"""

EXAMPLES = r"""
- name: Create a successor
  pgtls.postgresql.ca_rollover:
    directory: /etc/pgtls-ca
    generation: 2
    phase: introduce
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
  register: rollover

- name: Record that every server and client trusts both
  pgtls.postgresql.ca_rollover:
    directory: /etc/pgtls-ca
    generation: 2
    phase: introduce
    completed: true
    passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: Let the successor issue from now on
  pgtls.postgresql.ca_rollover:
    directory: /etc/pgtls-ca
    generation: 2
    phase: reissue
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
"""

RETURN = r"""
generation:
  description: The generation that issues now (in check mode this and the rest are as they would be).
  returned: success
  type: int
  sample: 1
phase:
  description: How far the rollover has gone; V(stable) when none is in progress.
  returned: success
  type: str
  sample: introduce
remaining_phases:
  description: The phases that are still to come until O(generation) is stable.
  returned: success
  type: list
  elements: str
  sample: [reissue, retire, stable]
directory:
  description: The directory of the CA that issues now.
  returned: success
  type: str
  sample: /etc/pgtls-ca
chain_pem:
  description: The certificate of the CA that issues now.
  returned: success
  type: str
trusted_pem:
  description: The roots to trust now, the issuing one first; null in check mode when the successor would be created.
  returned: success
  type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.authority.directory import locked, write_directories
from ..module_utils._host.authority.rollover_step import describe_step, next_step
from ..module_utils._host.files.writer import FileAttributes, merge_written, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.keys import KEY_TYPES
from ..module_utils._pki.rollover import STEPS

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "generation": {"type": "int", "required": True},
    "phase": {"type": "str", "choices": list(STEPS), "required": True},
    "completed": {"type": "bool", "default": False},
    "abandoned": {"type": "list", "elements": "str", "default": []},
    "passphrase": {"type": "str", "no_log": True},
    "common_name": {"type": "str"},
    "subject": {"type": "dict"},
    "key_type": {"type": "str", "choices": list(KEY_TYPES)},
    "lifetime_days": {"type": "int", "default": 3650},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    with locked(module.params["directory"], module.check_mode):
        step = next_step(module.params, datetime.now(timezone.utc), module.check_mode)

        written = write_directories(writer_of(module), step.successor, FileAttributes()) if step.successor else []
        written += write_files(writer_of(module), step.files)

        return {**merge_written(written), **describe_step(step, module.params, module.check_mode)}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
