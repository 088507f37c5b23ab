#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revoke
short_description: Revoke certificates and keep the CRLs of a CA current
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the CA. Revokes certificates, releases those that were only on hold, and signs a new certificate revocation
    list (CRL, RFC 5280) where one is due.
  - Every CA of the home has a CRL of its own, C(ca.crl) beside its certificate. All of them are kept current at every run, because a server
    that is given any CRL needs one of every CA in a client's chain, and refuses every client certificate once one of them has expired.
  - The CRLs are the only record of what is revoked; keep them as carefully as the CA's key.
  - Only V(certificateHold) becomes another reason. What is revoked for another reason already stays so, with a warning; where nothing else is
    to be revoked, V(certificateHold) is an error then.
  - Revocations at the same time wait for each other, for at most 60 seconds.
  - In check mode CRLs are signed in memory only, so that the tasks after this one can predict what they would do. A name that nothing was
    issued under is not an error then, because an earlier task may only have reported that it would request it.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.crls
options:
  directory:
    description: The home of the CA, as made by M(pgtls.postgresql.ca).
    type: path
    required: true
  passphrase:
    description: The passphrase of the CA's private key, if it is encrypted. It is needed only when a CRL is signed.
    type: str
  intermediate_passphrases:
    description: For each name of an intermediate CA in the home, the passphrase of its private key, if it is encrypted.
    type: dict
    default: {}
  create:
    description:
      - Whether the CAs of a home that has no CRL yet get one although nothing is revoked.
      - Once there is a CRL, all of them are kept current whatever this says.
    type: bool
    default: true
seealso:
  - module: pgtls.postgresql.ca
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.pg_conf
    description: Sets C(ssl_crl_file).
"""

EXAMPLES = r"""
- name: Revoke a certificate whose key was seen by somebody else
  pgtls.postgresql.certificate_revoke:
    directory: /etc/pgtls-ca
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
    revocations:
      - {name: app1, reason: keyCompromise}
      - {serial_number: "4F1B09C2", reason: superseded}
  delegate_to: ca1
  register: revocation

- name: Revoke whatever was issued to a host that was broken into
  pgtls.postgresql.certificate_revoke:
    directory: /etc/pgtls-ca
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
    revocations:
      - {host: app7.swgalaxy, reason: keyCompromise}
  delegate_to: ca1

- name: Keep the CRLs current (every week, from a timer)
  pgtls.postgresql.certificate_revoke:
    directory: /etc/pgtls-ca
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
    intermediate_passphrases:
      servers: "{{ vault_pgtls_server_ca_passphrase }}"
  delegate_to: ca1
"""

RETURN = r"""
crl_pem:
  description: The CRLs of all CAs of the home one after the other, ready for C(ssl_crl_file).
  returned: success
  type: str
crls:
  description: One entry for each CRL, the issuing CA's first.
  returned: success
  type: list
  elements: dict
  contains:
    issuer:
      description: The subject of the CA (RFC 4514).
      type: str
    number:
      description: The number of the CRL, which grows with each one that is signed.
      type: int
    this_update:
      description: The start of its validity.
      type: str
    next_update:
      description: When it expires.
      type: str
    revoked_count:
      description: How many certificates it holds.
      type: int
revocations:
  description: The elements of O(revocations), each with how many certificates it stands for.
  returned: success
  type: list
  elements: dict
  sample: [{name: null, common_name: null, host: app1, serial_number: null, reason: keyCompromise, state: revoked, count: 3, changed_count: 2}]
  contains:
    count:
      description: How many certificates it stands for that have not expired.
      type: int
    changed_count:
      description: How many of them were revoked or released by this run.
      type: int
revoked:
  description: Everything that is revoked.
  returned: success
  type: list
  elements: dict
  contains:
    serial_number:
      description: The serial number in hexadecimal as openssl prints it.
      type: str
    name:
      description: The name it was issued under; null when no copy of it is kept here.
      type: str
    reason:
      description: Why it is revoked.
      type: str
    date:
      description: Since when.
      type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.authority.crls import CaKeys, ensure_crls, wanted_crls
from ..module_utils._host.authority.directory import locked
from ..module_utils._host.authority.options import CRLS
from ..module_utils._host.files.writer import merge_written
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "passphrase": {"type": "str", "no_log": True},
    "intermediate_passphrases": {"type": "dict", "default": {}, "no_log": True},
    "create": {"type": "bool", "default": True},
    **CRLS,
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now, home = module.params, datetime.now(timezone.utc), module.params["directory"]
    wanted = wanted_crls(params, params["create"])
    keys = CaKeys(home, params["passphrase"], params["intermediate_passphrases"])
    with locked(home, module.check_mode):
        done = ensure_crls(writer_of(module), keys, wanted, now)
    for warning in done.warnings:
        module.warn(warning)
    return {**merge_written(done.written), "changed": done.changed, **done.report}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
