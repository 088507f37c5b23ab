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
    C(issuer_changed) (by key, not by name), C(validity_changed), C(renewal_due), C(revoked), C(outlives_issuer) and C(chain_changed).
    The diff shows them for each certificate, in check mode as in the real run.
  - A renewal keeps the private key. A key that must be of another type, and that of a revoked certificate, is followed by a new one.
    It is made beside the old one as C(<private_key>.next), so that the old pair stays in use until
    M(pgtls.postgresql.certificate_install) puts the new key in place together with its certificate.
  - The keys of a long list are made on all cores, and each is written as soon as it is made, so that a run that is killed keeps what was finished.
  - In check mode a missing key is made in memory only.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.certificate
options:
  directories:
    description:
      - Directories that are made before the keys, in this order. Missing ones above them are made alike.
      - An existing directory gets this group and mode. A symbolic link in its place, something that is not a directory, and a
        directory of somebody else is an error, and so is root's in a directory of the O(directories[].owner).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The directory.
        type: path
        required: true
      owner:
        description: The user that shall own it. A new directory belongs to the owner of the one above it when this is not given.
        type: str
      group:
        description: The group that shall own it.
        type: str
      mode:
        description: Its permissions, an octal number.
        type: raw
        default: "0755"
  issuer_pem:
    description:
      - The certificate of the CA that should have signed, and those of the CAs above it, as RV(pgtls.postgresql.ca#module:chain_pem).
      - When it is not given, nothing is compared with the CA.
    type: str
  trusted_pem:
    description:
      - All root certificates that are trusted now, as RV(pgtls.postgresql.ca#module:trusted_pem). While a CA is rolled over there are two.
      - The root file is then no reason for a new certificate, because M(pgtls.postgresql.certificate_install) writes it.
    type: str
  crl_pem:
    description:
      - The revocation lists of the CAs, one after the other, as RV(pgtls.postgresql.ca#module:crl_pem).
      - A certificate in the list of its own CA is due with the reason C(revoked), and gets a new key.
      - A certificate on hold is not requested, whatever else would be due, because a new one would go around the hold. A warning says so.
      - A list under the name of the certificate's CA that no known CA of that name has signed is an error.
    type: str
seealso:
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
# app_certificates stands in the inventory, for example:
#   app_certificates:
#     - name: app1
#       common_name: PostgreSQL client1
#       usages: [client]
#       private_key: /etc/app1/client.key
#       certificate: /etc/app1/client.crt
#       root: /etc/app1/root.crt
- name: Request what is due
  pgtls.postgresql.certificate_request:
    certificates: "{{ app_certificates }}"
  register: request

- name: Sign it where the CA is
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls-ca
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
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
    reasons:
      description: Why it is due, always in the same order.
      type: list
      elements: dict
      sample: [{code: missing, sentence: there is no certificate yet}]
keys_made:
  description: The files of new private keys, in the order of the list.
  returned: success
  type: list
  elements: str
keys_changed:
  description:
    - Whether a directory or a private key was made, or its owner, group or mode changed.
    - A certificate that is due counts as a change too. This tells both apart, where a request is only repeated until it is answered.
  returned: success
  type: bool
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.holder_files import Holding, read_holding
from ..module_utils._host.certificates.key_generation import ensure_keys
from ..module_utils._host.certificates.options import CERTIFICATE, certificate_places, known_authorities
from ..module_utils._host.files.required_directories import DIRECTORIES, make_directories, plan_directories
from ..module_utils._host.files.writer import merge_written
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.policy import Reason, reissue_reasons
from ..module_utils._pki.requests import build_request

ARGUMENTS = {
    **CERTIFICATE,
    **DIRECTORIES,
    "issuer_pem": {"type": "str"},
    "trusted_pem": {"type": "str"},
    "crl_pem": {"type": "str"},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    now = datetime.now(timezone.utc)
    authorities = known_authorities(module.params)
    places = certificate_places(module.params["certificates"])
    directories = plan_directories(module.params["directories"])
    holdings = [read_holding(place, authorities) for place in places]

    made = make_directories(writer_of(module), directories)
    holdings, written, keys_made = ensure_keys(writer_of(module), holdings)
    reasons = {}
    for holding in holdings:
        wanted = holding.place.wanted
        if holding.is_on_hold:
            module.warn(f"the certificate {wanted.name} is on hold at its CA; it stays until the CA releases it")
        else:
            reasons[wanted.name] = reissue_reasons(holding.current, wanted, authorities, holding.made_key(), now)
    due = [holding for holding in holdings if reasons.get(holding.place.wanted.name)]

    outcome = merge_written([*made, *written])
    keys_changed = outcome["changed"]
    outcome["changed"] = bool(due) or keys_changed
    outcome["diff"] += [_diff(holding, reasons[holding.place.wanted.name]) for holding in due]
    requests = [_request(holding, reasons[holding.place.wanted.name]) for holding in due]
    return {**outcome, "requests": requests, "keys_made": keys_made, "keys_changed": keys_changed}


def _diff(holding: Holding, reasons: list[Reason]) -> dict[str, Any]:
    header = f"the certificate {holding.place.wanted.name}"
    after = "".join(f"due ({reason.code}): {reason.sentence}\n" for reason in reasons)
    return {"before_header": header, "after_header": header, "before": "", "after": after}


def _request(holding: Holding, reasons: list[Reason]) -> dict[str, Any]:
    wanted = holding.place.wanted
    return {
        "name": wanted.name,
        "csr_pem": build_request(wanted.identity, wanted.usages, holding.made_key()),
        "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in reasons],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
