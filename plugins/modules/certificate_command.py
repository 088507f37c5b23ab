#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_command
short_description: Sign certificate requests with an external command
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the place of M(pgtls.postgresql.certificate_sign) where another CA signs, through any program that reads a request and prints
    the certificate in PEM (step-ca, Vault, cfssl, certtool, a wrapper of your own). Runs where that program runs, usually delegated.
  - The program is run once for each request, one after the other, without a shell and without a terminal.
  - All requests are checked before the program runs for the first of them. A CA that is not ours signs what a request itself says, so a
    request that says anything else than its entry in O(certificates) is refused.
  - Of what it prints, the certificates in PEM count, in any order, also inside JSON; all other text is ignored. The one for the key
    of the request is the certificate, the others are its chain, and O(chain_pem) completes the chain up to the root.
  - An answer is refused when it holds no certificate for that key, when subject, names or usages are not those of the entry, when it
    has expired, is due for renewal already or expires at another time than the entry says, and when its chain does not lead to a root.
    M(pgtls.postgresql.certificate_install) checks again, on the holder.
  - Every run with requests has them signed, so it reports a change.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.requests
options:
  command:
    description:
      - The program and its arguments. The request is its standard input.
      - C({csr}) becomes the path of a file with the request, for programs that do not read standard input. C({name}), C({usages}),
        C({dns_names}), C({ip_addresses}) (lists with commas), C({lifetime_days}) and C({not_after}) (RFC 3339, UTC) become what the entry
        says.
      - Arguments can be seen by every user of the host. Give secrets in the environment (C(environment) of the task) or in files.
    type: list
    elements: str
    required: true
  chain_pem:
    description: Certificates in PEM that the program does not print, the issuing CA first and the root last.
    type: str
  timeout_seconds:
    description: How long the program may take for one request. After that it is killed, with all that it started.
    type: int
    default: 60
seealso:
  - module: pgtls.postgresql.certificate_request
  - module: pgtls.postgresql.certificate_exchange
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
- name: Sign with GnuTLS
  pgtls.postgresql.certificate_command:
    command:
      - certtool
      - --generate-certificate
      - --load-request=/dev/stdin
      - --load-ca-certificate=/etc/our-ca/ca.pem
      - --load-ca-privkey=/etc/our-ca/ca.key
      - --template=/etc/our-ca/{usages}.cfg
    chain_pem: "{{ lookup('ansible.builtin.file', 'our-ca.pem') }}"
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
  delegate_to: ca1
  when: request.requests | length > 0
  register: signed

- name: Sign with Vault
  pgtls.postgresql.certificate_command:
    command: [vault, write, -field=certificate, pki/sign-verbatim/pgtls, csr=-, "ttl={lifetime_days}d"]
    chain_pem: "{{ lookup('ansible.builtin.file', 'vault-ca.pem') }}"
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
  environment:
    VAULT_TOKEN: "{{ vault_token }}"
  delegate_to: localhost
  when: request.requests | length > 0
  register: signed
"""

RETURN = r"""
certificates:
  description: One entry for each request, ready for M(pgtls.postgresql.certificate_install).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the certificate.
      type: str
    host:
      description: The host of its entry.
      type: str
    certificate_pem:
      description: The certificate; null in check mode.
      type: str
    chain_pem:
      description: The issuing CA and those above it, the root last; in check mode O(chain_pem), or null.
      type: str
    serial_number:
      description: The serial number in hexadecimal as openssl prints it; null in check mode.
      type: str
    not_after:
      description: When the certificate expires; in check mode, as requested.
      type: str
    issuer:
      description: The subject of the issuing CA (RFC 4514); in check mode the first in O(chain_pem), or null.
      type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.external_requests import ExternalRequest, read_requests
from ..module_utils._host.certificates.signer_interface import REQUESTS, signed_item
from ..module_utils._host.certificates.signing_command import SigningCommand, read_command
from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.answers import read_answer
from ..module_utils._pki.certificates import load_certificates
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    **REQUESTS,
    "command": {"type": "list", "elements": "str", "required": True},
    "chain_pem": {"type": "str"},
    "timeout_seconds": {"type": "int", "default": 60},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, report; what the program signed is kept by its own CA."""
    require_cryptography()
    params, now = module.params, datetime.now(timezone.utc)
    chain = load_certificates(params["chain_pem"].encode(), "chain_pem") if params["chain_pem"] else ()
    requests = read_requests(params, now)
    command = read_command(params["command"], params["timeout_seconds"], requests)

    if module.check_mode:
        certificates = [signed_item(one.order, None, chain) for one in requests]
    else:
        answers = [read_answer(one.order, command.sign(one), chain, now) for one in requests]
        certificates = [signed_item(one.order, answer.leaf, answer.chain) for one, answer in zip(requests, answers)]
    return {
        "changed": bool(requests),
        "diff": [_diff(command, request) for request in requests],
        "certificates": certificates,
    }


def _diff(command: SigningCommand, request: ExternalRequest) -> dict[str, Any]:
    header = f"certificate {request.name}, signed by {command.program}"
    after = request.order.summary(f"(the CA of {command.program})")
    return {"before_header": header, "after_header": header, "before": "", "after": after}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
