#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_request
short_description: Create private keys and request certificates that are due
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the certificates. It creates missing private keys there, and they never leave the host.
  - It looks at what is installed and returns a certificate signing request only for a certificate that is due, with the reasons.
  - Reason codes are C(missing), C(unreadable), C(key_changed), C(key_type_changed), C(names_changed), C(subject_changed), C(usage_changed),
    C(issuer_changed) (by key, not by name), C(validity_changed), C(renewal_due), C(revoked), C(outlives_issuer) and C(chain_changed).
    The diff shows them for each certificate, in check mode as in the real run.
  - A renewal keeps the private key. A key that must be of another type, and that of a revoked certificate, is followed by a new one.
    It is made beside the old one as C(<private_key>.next), so that the old pair stays in use until
    M(pgtls.postgresql.certificate_install) puts the new key in place together with its certificate.
  - The keys of a long list are made on all cores, and each is written as soon as it is made, so that a run that is killed keeps what was finished.
  - Everything that needs no signature is done here, after the keys. Root files and O(trusted_files) hold O(trusted_pem), and CRL files O(crl_pem).
    Existing files get their owner and mode. What is made of key and certificate (O(certificates[].pkcs12), O(certificates[].pkcs8_der)) follows
    these. A key whose certificate a killed run has installed is put in place. So where RV(requests) is empty nothing is left to do.
  - A certificate in the CRL of its own CA is due with the reason C(revoked), and gets a new key. One on hold is not requested, whatever
    else would be due, because a new one would go around the hold. A warning says so.
  - In check mode a missing key is made in memory only.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.certificate
  - pgtls.postgresql.trusted
options:
  directories:
    description:
      - Directories that are created before the keys, in this order. Missing ones above them are created alike.
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
        description: The user that owns it. A new directory belongs to the owner of the one above it when this is not given.
        type: str
      group:
        description: The group that owns it.
        type: str
      mode:
        description: Its permissions, an octal number.
        type: raw
        default: "0755"
      parent_mode:
        description: The permissions of missing directories above it. They are O(directories[].mode) when this is not given.
        type: raw
  absent:
    description:
      - Certificates that this host shall no longer have. Their files are removed, whatever they are, but for those that O(certificates) uses.
      - One that is valid and in none of the CRLs of O(crl_pem) draws a warning, because nothing is revoked here.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: How it is called in results and warnings.
        type: str
        required: true
      certificate:
        description: The file of the certificate.
        type: path
        required: true
      files:
        description: The other files, as those of the key and the chain.
        type: list
        elements: path
        default: []
  leftovers_in:
    description:
      - Directories in which a warning names what is no longer listed, that is a key with its certificate and full chain that neither
        O(certificates) nor O(absent) have.
    type: list
    elements: path
    default: []
  issuer_pem:
    description:
      - The certificate of the CA that should have signed, and those of the CAs above it, as RV(pgtls.postgresql.ca#module:chain_pem).
      - When it is not given, nothing is compared with the CA.
    type: str
  issuers:
    description:
      - The CAs that sign for some usages alone. The first one whose usages cover all those of a certificate counts instead of O(issuer_pem).
    type: list
    elements: dict
    default: []
    suboptions:
      usages:
        description: The usages of the certificates that it signs.
        type: list
        elements: str
        choices: [server, client]
        required: true
      chain_pem:
        description: Its certificate and those of the CAs above it. When it is not given, nothing is compared with it.
        type: str
seealso:
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.certificate_install
  - module: pgtls.postgresql.certificate_revoke
"""

EXAMPLES = r"""
# app_certificates is in the inventory, for example:
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

- name: Sign it on the CA host
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls-ca
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
  delegate_to: ca1
  when: request.requests | length > 0
  register: signed

- name: Install it
  pgtls.postgresql.certificate_install:
    certificates: "{{ app_certificates }}"
    signed: "{{ signed.certificates }}"
  when: request.requests | length > 0
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
files_changed:
  description:
    - Whether a directory or a file was made, or its content, owner, group or mode changed.
    - A certificate that is due counts as a change too. This tells both apart, where a request is only repeated until it is answered.
  returned: success
  type: bool
removed:
  description: The certificates of O(absent) of which anything was there, with C(name), C(certificate), C(files), C(serial_number) and C(not_after).
  returned: success
  type: list
  elements: dict
leftovers:
  description: What was found in O(leftovers_in), each with C(name), C(certificate), C(serial_number) and C(not_after).
  returned: success
  type: list
  elements: dict
certificates:
  description: What is installed now, one entry for each certificate of the list, as RV(pgtls.postgresql.certificate_install#module:certificates).
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
      description: Whether this run put a new certificate there, which only one with O(certificates[].untrusted_ca) can be.
      type: bool
    serial_number:
      description: The serial number in hexadecimal; null when there is no certificate yet.
      type: str
    fingerprint_sha256:
      description: The fingerprint as openssl prints it; null when there is no certificate yet.
      type: str
    not_after:
      description: When the certificate expires; null when there is no certificate yet.
      type: str
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.due import examine, form_warnings, hold_warnings, rehearsed_files, requested
from ..module_utils._host.certificates.holder_files import Holding, further_files, read_holding
from ..module_utils._host.certificates.key_generation import ensure_keys
from ..module_utils._host.certificates.options import (
    ABSENT,
    CERTIFICATE,
    ISSUER,
    TRUSTED,
    SiteAuthorities,
    certificate_places,
    site_authorities,
)
from ..module_utils._host.certificates.removed_certificates import (
    find_leftovers,
    leftover_warnings,
    read_removed,
    removal_warnings,
)
from ..module_utils._host.files.required_directories import DIRECTORIES, make_directories, plan_directories
from ..module_utils._host.files.writer import DesiredFile, merge_written, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    **CERTIFICATE,
    **DIRECTORIES,
    **TRUSTED,
    "issuer_pem": {"type": "str"},
    "issuers": {"type": "list", "elements": "dict", "default": [], "options": ISSUER},
    "absent": {"type": "list", "elements": "dict", "default": [], "options": ABSENT},
    "leftovers_in": {"type": "list", "elements": "path", "default": []},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    now, site, writer = datetime.now(timezone.utc), site_authorities(module.params), writer_of(module)
    places = certificate_places(module.params["certificates"])
    directories = plan_directories(module.params["directories"])
    removed = read_removed(module.params["absent"], places)
    holdings = [read_holding(place, site) for place in places]

    def others() -> list[DesiredFile]:
        own = [file for holding in holdings for file in rehearsed_files(holding)]
        return own + _further(module, holdings, site)

    made = make_directories(writer, directories)
    complete, keys, keys_made = ensure_keys(writer, holdings, others)
    examined = [examine(holding, now) for holding in complete]
    files = [file for one in examined for file in one.files()] + _further(module, complete, site)
    files += [file for one in removed for file in one.desired()]
    written = [*made, *keys, *write_files(writer, list(dict.fromkeys(files)))]

    leftovers = find_leftovers(module.params["leftovers_in"], places, removed)
    warnings = [one for holding in complete for one in (*hold_warnings(holding), *form_warnings(holding.place))]
    warnings += leftover_warnings(leftovers)
    # check mode has not revoked yet what a run would have revoked by now
    for warning in warnings + ([] if module.check_mode else removal_warnings(removed, site, now)):
        module.warn(warning)
    outcome, requests = merge_written(written), requested(examined)
    return {
        "changed": outcome["changed"] or bool(requests),
        "diff": outcome["diff"] + [one.diff() for one in examined if one.reasons],
        "requests": requests,
        "certificates": [one.described(now) for one in examined],
        "keys_made": keys_made,
        "removed": [one.described() for one in removed],
        "leftovers": leftovers,
        "files_changed": outcome["changed"],
    }


def _further(module: AnsibleModule, holdings: Sequence[Holding], site: SiteAuthorities) -> list[DesiredFile]:
    return further_files(holdings, module.params, site.common.trusted, module.check_mode)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
