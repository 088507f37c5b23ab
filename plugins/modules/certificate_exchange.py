#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_exchange
short_description: Exchange requests with an offline CA through a directory
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Takes the place of M(pgtls.postgresql.certificate_sign) where somebody else runs the CA. Runs on the controller (delegated), or on any
    host that keeps the directory.
  - Each request becomes the file C(requests/<host>.<name>.csr). Somebody has it signed and puts the certificate back as
    C(signed/<host>.<name>.crt), in PEM, followed by the certificates of the CAs above it. What all certificates have in common may lie
    once in C(signed/chain.crt), intermediates and root. The order within the files does not matter.
  - A CA that is not ours signs what a request itself says, so a request that says anything else than its entry in O(certificates) is refused.
  - The next run returns what has come back, and removes the request. Until then the request waits, a warning says so, and nothing changes.
  - A signed file counts only when it is for the key of the request, has the subject, the names and the usages of the entry, has not
    expired, expires at the time requested (where an exact end is given), is signed by the CA in O(issuer_pem) (where one is given), and is not due
    for renewal by the rule of the entry. Otherwise the request still waits, and a
    warning says why. M(pgtls.postgresql.certificate_install) checks again, on the holder.
  - A signed file that is damaged, or whose chain does not lead to a root, is an error.
  - The files hold no secrets. They get the mode C(0644), and the directories C(0755), when they are created; later they keep what they have.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.requests
options:
  directory:
    description: The directory. The one above it must exist.
    type: path
    required: true
  host:
    description:
      - The host that holds the keys of entries without O(certificates[].host), for the names of the files; letters, digits, C(.), C(_) and C(-).
      - The same host and name of a certificate must not come from two hosts.
    type: str
  issuer_pem:
    description: The CA that should sign, and those above it. A certificate of another CA is ignored; without this option any CA will do.
    type: str
seealso:
  - module: pgtls.postgresql.certificate_request
  - module: pgtls.postgresql.certificate_command
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
- name: Write the requests, and read what has been signed
  pgtls.postgresql.certificate_exchange:
    directory: /srv/pgtls-exchange
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
  delegate_to: localhost
  when: request.requests | length > 0
  register: exchanged

- name: Install what has come back
  pgtls.postgresql.certificate_install:
    certificates: "{{ app_certificates }}"
    signed: "{{ exchanged.certificates | default([]) }}"
"""

RETURN = r"""
certificates:
  description: One entry for each certificate that has come back, ready for M(pgtls.postgresql.certificate_install). In check mode too.
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
      description: The certificate.
      type: str
    chain_pem:
      description: The issuing CA and those above it, the root last.
      type: str
    serial_number:
      description: The serial number in hexadecimal as openssl prints it.
      type: str
    not_after:
      description: When the certificate expires.
      type: str
    issuer:
      description: The subject of the issuing CA (RFC 4514).
      type: str
waiting:
  description: The names of the certificates that have not come back.
  returned: success
  type: list
  elements: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.exchange_directory import (
    ExchangeFolder,
    check_places,
    read_post,
    request_file,
    say_what_waits,
)
from ..module_utils._host.certificates.external_requests import read_requests
from ..module_utils._host.certificates.options import known_authorities
from ..module_utils._host.certificates.signer_interface import REQUESTS, signed_item
from ..module_utils._host.files.writer import merge_written, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    **REQUESTS,
    "directory": {"type": "path", "required": True},
    "host": {"type": "str"},
    "issuer_pem": {"type": "str"},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now = module.params, datetime.now(timezone.utc)
    folder = ExchangeFolder(params["directory"], params["host"], known_authorities(params).issuer)
    requests = read_requests(params, now)
    check_places(folder, requests)
    posts = list(zip(requests, read_post(folder, requests, now)))

    files = [request_file(folder, request, post) for request, post in posts]

    folders = folder.write_folders(writer_of(module)) if requests else []
    outcome = merge_written([*folders, *write_files(writer_of(module), files)])

    for sentence in say_what_waits(folder, posts):
        module.warn(sentence)
    answered = [(request.order, post.answer) for request, post in posts if post.answer is not None]
    back = [signed_item(order, answer.leaf, answer.chain) for order, answer in answered]
    outcome["changed"] = bool(back) or outcome["changed"]
    return {**outcome, "certificates": back, "waiting": [request.name for request, post in posts if not post.answer]}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
