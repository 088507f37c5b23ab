#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_request
short_description: Private keys exist, and certificates that are due are requested
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the certificates. It makes missing private keys there, and they never leave the host.
  - It looks at what is installed and returns a certificate signing request only for a certificate that is due, with the reasons.
  - Reason codes are C(missing), C(unreadable), C(key_changed), C(key_type_changed), C(names_changed), C(subject_changed), C(usage_changed),
    C(issuer_changed) (by key, not by name), C(validity_changed), C(renewal_due), C(outlives_issuer) and C(chain_changed).
  - A key that must be of another type is made beside the old one as C(<private_key>.next), so that the old pair stays in use until
    M(pgtls.postgresql.certificate_install) puts the new key in place together with its certificate.
  - In check mode a missing key is made in memory only.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.certificate
options:
  issuer_pem:
    description:
      - The certificate of the CA that should have signed, and those of the CAs above it, as RV(pgtls.postgresql.ca#module:chain_pem).
      - When it is not given, nothing is compared with the CA.
    type: str
seealso:
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
- name: Request what is due
  pgtls.postgresql.certificate_request:
    certificates: "{{ app_certificates }}"
  register: request
  vars:
    app_certificates:
      - name: app1
        common_name: PostgreSQL client1
        usages: [client]
        private_key: /etc/app1/client.key
        certificate: /etc/app1/client.crt
        root: /etc/app1/root.crt

- name: Sign it where the CA is
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls-ca
    requests: "{{ request.requests }}"
  delegate_to: ca1
  when: request.requests | length > 0
  register: signed
"""

RETURN = r"""
requests:
  description: One entry for each certificate that is due, ready for M(pgtls.postgresql.certificate_sign).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the certificate.
      type: str
    csr_pem:
      description: The certificate signing request.
      type: str
    usages:
      description: What it is for.
      type: list
      elements: str
    dns_names:
      description: The DNS names, normalised.
      type: list
      elements: str
    ip_addresses:
      description: The IP addresses, normalised.
      type: list
      elements: str
    lifetime_days:
      description: How many days it shall live.
      type: int
    not_before:
      description: The exact begin that is wished, or null.
      type: str
    not_after:
      description: The exact end that is wished, or null.
      type: str
    reasons:
      description: Why it is due.
      type: list
      elements: dict
      sample: [{code: missing, sentence: there is no certificate yet}]
keys_made:
  description: The files of new private keys.
  returned: success
  type: list
  elements: str
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._module.certificate_arguments import CERTIFICATE, certificate_places
from ..module_utils._module.certificate_files import Holding, new_key_file, read_holding, with_key
from ..module_utils._module.files import merge_written, write_files
from ..module_utils._module.libraries import require_cryptography
from ..module_utils._module.outcome import failing_cleanly
from ..module_utils._pki.certificates import load_certificates
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.policy import Reason, reissue_reasons
from ..module_utils._pki.requests import build_request
from ..module_utils._pki.validity import render_time

ARGUMENTS = {**CERTIFICATE, "issuer_pem": {"type": "str"}}


def run(module: AnsibleModule) -> dict:
    """Read, ensure, write, report."""
    require_cryptography()
    now = datetime.now(timezone.utc)
    issuer_pem = module.params["issuer_pem"]
    issuer = load_certificates(issuer_pem.encode(), "issuer_pem") if issuer_pem else ()
    holdings = [read_holding(place) for place in certificate_places(module.params["certificates"])]

    holdings = [with_key(holding) for holding in holdings]
    due = []
    for holding in holdings:
        reasons = reissue_reasons(holding.current, holding.place.wanted, issuer, holding.signing_key(), now)
        if reasons:
            due.append(_request(holding, reasons))

    new_keys = [file for file in map(new_key_file, holdings) if file is not None]
    outcome = merge_written(write_files(module, new_keys))

    outcome["changed"] = bool(due) or outcome["changed"]
    return {**outcome, "requests": due, "keys_made": [file.path for file in new_keys]}


def _request(holding: Holding, reasons: list[Reason]) -> dict:
    wanted = holding.place.wanted
    lifetime = wanted.lifetime
    return {
        "name": wanted.name,
        "csr_pem": build_request(wanted.identity, wanted.usages, holding.signing_key()),
        "usages": list(wanted.usages),
        "dns_names": list(wanted.identity.dns_names),
        "ip_addresses": list(wanted.identity.ip_addresses),
        "lifetime_days": lifetime.lifetime_days,
        "not_before": None if lifetime.not_before is None else render_time(lifetime.not_before),
        "not_after": None if lifetime.not_after is None else render_time(lifetime.not_after),
        "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in reasons],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
