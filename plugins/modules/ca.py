#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ca
short_description: A certification authority exists in a directory
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Makes a root CA, or a CA below another one of the same host, or adopts a key and certificate that exist.
  - An existing key is never replaced. Where an existing CA is not what the options wish, the module says how it differs and stops.
  - The files are C(ca.key) (mode 0600), C(ca.crt), C(chain.crt) (the CA's certificate and those above it, the root last), and the
    folder C(issued). The directory and this folder have mode 0700.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
options:
  directory:
    description: Where the CA lives. It is made when it is missing; the directory above it must exist.
    type: path
    required: true
  common_name:
    description: The common name of the CA. Needed to make one; an existing one is compared.
    type: str
  subject:
    description:
      - The rest of the subject as short names of RFC 4514 with a text or a list of texts, such as C(O) with V(Example) and C(C) with V(DE).
      - An existing CA is compared with it unless it is empty.
      - Known are DC, C, ST, L, STREET, O, OU, UID, serialNumber and emailAddress.
    type: dict
  key_type:
    description: The kind of key. A new CA gets V(ecdsa-p256) when this is not given; an existing one is compared with what is given.
    type: str
    choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ed25519]
  lifetime_days:
    description: How many days a new CA lives. An existing one is not compared.
    type: int
    default: 3650
  passphrase:
    description:
      - The passphrase of the CA's private key, which is stored encrypted (PKCS#8) when this is given. A new CA needs 8 characters.
      - It opens the key of O(adopt) as well, where that one is encrypted.
    type: str
  parent:
    description: The directory of the CA above this one, on the same host. A root is made when this is not given.
    type: path
  parent_passphrase:
    description: The passphrase of the private key in O(parent). Only needed when the CA is made.
    type: str
  path_length:
    description:
      - How many CAs may stand below this one.
      - When this is not given, a new root has no limit and a new CA below another one gets V(0).
    type: int
  adopt:
    description:
      - An existing CA to copy into O(directory), such as C(rootCA.pem) and C(rootCA.key) made with openssl.
      - They are checked to be a pair, a CA, and not expired. Once adopted they may be moved away.
      - While this is given, O(common_name), O(subject), O(key_type) and O(path_length) are not compared; the certificate has them.
    type: dict
    suboptions:
      certificate:
        description: The certificate in PEM; unless it is a root, followed by those of the CAs above it, the root last.
        type: path
        required: true
      private_key:
        description: The private key in PEM, PKCS#8 or the traditional formats, encrypted with O(passphrase) or not at all.
        type: path
        required: true
  owner:
    description: The user that shall own the directory and its files.
    type: str
  group:
    description: The group that shall own the directory and its files.
    type: str
seealso:
  - module: pgtls.postgresql.certificate_sign
"""

EXAMPLES = r"""
- name: A root CA exists
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca
    common_name: SW Galaxy Root CA
    subject: {O: SW Galaxy}
    key_type: rsa-4096
    passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: A CA for servers stands below it
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca-servers
    common_name: SW Galaxy Server CA
    lifetime_days: 1825
    parent: /etc/pgtls-ca
    parent_passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: The CA that was made by hand is used from now on
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca
    adopt:
      certificate: /srv/ca/rootCA.pem
      private_key: /srv/ca/rootCA.key
"""

RETURN = r"""
path:
  description: The file of the CA's certificate.
  returned: success
  type: str
  sample: /etc/pgtls-ca/ca.crt
certificate_pem:
  description: The CA's certificate; null in check mode when it would be made.
  returned: success
  type: str
chain_pem:
  description: The CA's certificate and those above it, the root last; null in check mode when it would be made.
  returned: success
  type: str
root_pem:
  description: The last of the chain, which clients and servers trust; null in check mode when it would be made.
  returned: success
  type: str
fingerprint_sha256:
  description: The fingerprint of the certificate as openssl prints it; null in check mode when it would be made.
  returned: success
  type: str
serial_number:
  description: The serial number in hexadecimal as openssl prints it; null in check mode when it would be made.
  returned: success
  type: str
not_after:
  description: The end of the CA's life.
  returned: success
  type: str
  sample: "2036-11-21T08:00:00Z"
reasons:
  description: Why the CA was made; empty when it was there.
  returned: success
  type: list
  elements: dict
  sample: [{code: missing, sentence: there was no CA in /etc/pgtls-ca}]
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._module.authorities import ensure_authority, parent_copy, wanted_authority
from ..module_utils._module.ca_directory import (
    authority_files,
    certificate_path,
    completed,
    read_authority,
    write_directories,
)
from ..module_utils._module.files import FileAttributes, merge_written, write_files
from ..module_utils._module.libraries import require_cryptography
from ..module_utils._module.outcome import failing_cleanly
from ..module_utils._pki.certificates import describe, render_pem, summarise
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.foundation import authority_warnings
from ..module_utils._pki.keys import KEY_TYPES, serialise_private_key

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "common_name": {"type": "str"},
    "subject": {"type": "dict"},
    "key_type": {"type": "str", "choices": list(KEY_TYPES)},
    "lifetime_days": {"type": "int", "default": 3650},
    "passphrase": {"type": "str", "no_log": True},
    "parent": {"type": "path"},
    "parent_passphrase": {"type": "str", "no_log": True},
    "path_length": {"type": "int"},
    "adopt": {
        "type": "dict",
        "options": {
            "certificate": {"type": "path", "required": True},
            "private_key": {"type": "path", "required": True, "no_log": False},
        },
    },
    "owner": {"type": "str"},
    "group": {"type": "str"},
}


def run(module: AnsibleModule) -> dict:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now = module.params, datetime.now(timezone.utc)
    stored = read_authority(params["directory"])

    authority, reason = ensure_authority(params, stored, wanted_authority(params), now)

    chain = render_pem(authority.chain).encode()
    key = b"" if stored.key else serialise_private_key(authority.key, params["passphrase"])
    before = summarise(authority.certificate) if stored.certificate else None
    attributes = FileAttributes(params["owner"], params["group"])
    files = authority_files(
        completed(stored, key, render_pem([authority.certificate]).encode(), chain),
        attributes,
        (before, summarise(authority.certificate)),
    )
    written = [*write_directories(module, params["directory"], attributes), *write_files(module, files)]
    write_files(module, parent_copy(params, authority, reason))

    for warning in authority_warnings(authority, now):
        module.warn(warning)
    facts = describe(authority.certificate, now)
    promised = module.check_mode and reason is not None
    return {
        **merge_written(written),
        "path": certificate_path(params["directory"]),
        "certificate_pem": None if promised else render_pem([authority.certificate]),
        "chain_pem": None if promised else chain.decode(),
        "root_pem": None if promised else render_pem(authority.chain[-1:]),
        "fingerprint_sha256": None if promised else facts["fingerprint_sha256"],
        "serial_number": None if promised else facts["serial_number"],
        "not_after": facts["not_after"],
        "reasons": [] if reason is None else [{"code": reason.code, "sentence": reason.sentence}],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
