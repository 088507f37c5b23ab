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
  - A reason is never changed silently, except that V(certificateHold) may become another one.
  - Revocations at the same time wait for each other, for at most 60 seconds.
  - In check mode CRLs are signed in memory only, so that the tasks after this one can predict what they would do. A name that nothing was
    issued under is not an error then, because an earlier task may only have reported that it would request it.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
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
  certificates:
    description:
      - What to revoke or release. An empty list keeps the CRLs current and does nothing else.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the certificate as given to M(pgtls.postgresql.certificate_sign).
          - Stands for every certificate that was issued under it and has not expired; also for those issued since it was revoked last.
          - Those among them that are revoked for another reason stay so, with a warning.
        type: str
      serial_number:
        description:
          - The serial number in hexadecimal as openssl prints it, with or without colons. Quote it in YAML.
          - Need not be known here, as those that a CA issued before it was adopted are not.
        type: str
      reason:
        description:
          - Why it is revoked (RFC 5280 section 5.3.1).
          - With V(certificateHold) it can be released, or be revoked for another reason later. Everything else is final.
          - Ignored for O(certificates[].state=released).
        type: str
        choices:
          - unspecified
          - keyCompromise
          - affiliationChanged
          - superseded
          - cessationOfOperation
          - certificateHold
          - privilegeWithdrawn
        default: unspecified
      state:
        description: Whether the certificate is revoked, or released from V(certificateHold).
        type: str
        choices: [revoked, released]
        default: revoked
  create:
    description:
      - Whether the CAs of a home that has no CRL yet get one although nothing is revoked.
      - Once there is a CRL, all of them are kept current whatever this says.
    type: bool
    default: true
  crl_lifetime_days:
    description: Validity period of a new CRL in days.
    type: int
    default: 30
  crl_renew_before_days:
    description: How many days before it expires a CRL is signed again. Less than O(crl_lifetime_days).
    type: int
    default: 10
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
    certificates:
      - {name: app1, reason: keyCompromise}
      - {serial_number: "4F1B09C2", reason: superseded}
  delegate_to: ca1
  register: revocation

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

from ..module_utils._host.authority.crls import (
    CaKeys,
    changed_ledger,
    next_lists,
    read_records,
    report_lists,
    yet_unissued,
)
from ..module_utils._host.authority.directory import locked
from ..module_utils._host.errors import ModuleError
from ..module_utils._host.files.writer import merge_written, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.policy import UNSPECIFIED
from ..module_utils._pki.revocation import REASONS, CrlSchedule

CERTIFICATE = {
    "name": {"type": "str"},
    "serial_number": {"type": "str"},
    "reason": {"type": "str", "choices": list(REASONS), "default": UNSPECIFIED},
    "state": {"type": "str", "choices": ["revoked", "released"], "default": "revoked"},
}
ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "passphrase": {"type": "str", "no_log": True},
    "intermediate_passphrases": {"type": "dict", "default": {}, "no_log": True},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": CERTIFICATE,
        "mutually_exclusive": [("name", "serial_number")],
        "required_one_of": [("name", "serial_number")],
    },
    "create": {"type": "bool", "default": True},
    "crl_lifetime_days": {"type": "int", "default": 30},
    "crl_renew_before_days": {"type": "int", "default": 10},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now, home = module.params, datetime.now(timezone.utc), module.params["directory"]
    timing = CrlSchedule(params["crl_lifetime_days"], params["crl_renew_before_days"]).check()
    keys = CaKeys(home, params["passphrase"], params["intermediate_passphrases"])
    with locked(home, module.check_mode):
        records = read_records(home)
        wanted = params["create"] or bool(params["certificates"])
        if not any(each.current or wanted for each in records) and (records or module.check_mode):
            return {"changed": wanted, "diff": [], "crl_pem": "", "crls": [], "revoked": []}
        if not records:
            raise ModuleError(f"there is no CA in {home}; make one with the module ca, or name its directory")
        promised = yet_unissued(records, params["certificates"]) if module.check_mode else []
        items = [item for item in params["certificates"] if item not in promised]
        ledger, warnings = changed_ledger(home, records, items, now)
        lists = next_lists(records, ledger, timing, keys, now)
        written = write_files(writer_of(module), [each.file() for each in lists if each.reason is not None])
    for warning in warnings:
        module.warn(warning)
    outcome = merge_written(written)
    return {**outcome, "changed": outcome["changed"] or bool(promised), **report_lists(lists)}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
