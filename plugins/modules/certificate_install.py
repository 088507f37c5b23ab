#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_install
short_description: Install signed certificates
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the certificates, with the list that M(pgtls.postgresql.certificate_sign) returned.
  - All signed certificates are checked before the first file is written. The private key must match, the chain must lead to a root,
    and names, usages and dates must be those of the list. A certificate that would be due again at once is refused.
  - The files of a certificate are written in the order root, full chain, certificate, private key. Each is replaced atomically. Where the
    key changes too, a reader may find the new certificate with the old key for some milliseconds. A run that is killed right there
    leaves the new key in C(<private_key>.next), and the next run puts it in place without asking the CA.
  - What is made of key and certificate (O(certificates[].pkcs12), O(certificates[].pkcs8_der)) is written last. Such a file is read back and
    compared by what it holds, so a run that has nothing to do keeps its bytes.
  - It needs to run only where something was signed. M(pgtls.postgresql.certificate_request) looks after the rest, and so does this module
    where O(signed) is empty (owner and mode of existing files, root files, CRLs, and what is made of key and certificate).
  - A signed certificate whose chain ends in a root that O(trusted_pem) does not hold, or that is in the CRL of its CA, is refused. Check mode
    needs O(crl_pem) to predict which certificates get a new key.
  - The diff shows what somebody wished (subject, names, usages, issuer, key type, lifetime), never a key.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.certificate
  - pgtls.postgresql.trusted
options:
  signed:
    description:
      - The list that M(pgtls.postgresql.certificate_sign) returns. It may be empty.
      - In check mode its certificates may be null, which stands for a certificate that would be signed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the certificate in O(certificates).
        type: str
        required: true
      host:
        description: The host of its entry. Ignored.
        type: str
      certificate_pem:
        description: The certificate.
        type: str
      chain_pem:
        description: The issuing CA and those above it, the root last.
        type: str
      serial_number:
        description: Ignored.
        type: str
      not_after:
        description: Ignored.
        type: str
      issuer:
        description: The subject of the issuing CA, for the diff of check mode.
        type: str
seealso:
  - module: pgtls.postgresql.certificate_request
  - module: pgtls.postgresql.certificate_sign
"""

EXAMPLES = r"""
- name: Install what was signed
  pgtls.postgresql.certificate_install:
    certificates: "{{ app_certificates }}"
    signed: "{{ signed.certificates | default([]) }}"
"""

RETURN = r"""
certificates:
  description: One entry for each certificate of the list.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the certificate.
      type: str
    certificate:
      description: The file of the certificate.
      type: str
    installed:
      description: Whether this run put a new certificate there, or would in check mode.
      type: bool
    serial_number:
      description: The serial number in hexadecimal; null when there is no certificate yet, and in check mode for a new one.
      type: str
    fingerprint_sha256:
      description: The fingerprint as openssl prints it; null when there is no certificate yet, and in check mode for a new one.
      type: str
    not_after:
      description: When the certificate expires; null when there is no certificate yet, and in check mode for a new one.
      type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.holder_files import (
    read_holding,
)
from ..module_utils._host.certificates.installation import plan_installation
from ..module_utils._host.certificates.options import (
    CERTIFICATE,
    SIGNED,
    TRUSTED,
    certificate_places,
    signed_by_name,
    site_authorities,
)
from ..module_utils._host.files.writer import write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    **CERTIFICATE,
    **TRUSTED,
    "signed": {"type": "list", "elements": "dict", "default": [], "options": SIGNED},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now, site = module.params, datetime.now(timezone.utc), site_authorities(module.params)
    holdings = [read_holding(place, site) for place in certificate_places(params["certificates"])]
    signed = signed_by_name(params["signed"], {holding.place.wanted.name for holding in holdings})

    installation = plan_installation(holdings, signed, params, site, now, module.check_mode)

    written = write_files(writer_of(module), installation.files)
    return {**installation.outcome(written), "certificates": list(installation.certificates)}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
