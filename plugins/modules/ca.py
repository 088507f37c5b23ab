#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ca
short_description: Create or adopt a certification authority
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Creates a root CA, or a CA below another one of the same host, or adopts an existing key and certificate.
  - An existing key is never replaced. Where an existing CA differs from the options, the module says how and stops.
  - The files are C(ca.key) (mode 0600), C(ca.crt), C(chain.crt) (the CA's certificate and those above it, the root last), and the
    directory C(issued). Both directories have mode 0700.
  - Successors of the CA are in C(generation-2) and so on, made by M(pgtls.postgresql.ca_rollover), and the CAs below each generation in
    C(below/<name>). This module works on the generation that issues now, so a rollover changes no option.
  - From generation 2 on, the common name is the requested one and the generation, such as C(Example Root CA G2).
  - In the phase C(introduce) of a rollover an existing CA is not compared, because the options may speak of its successor already.
  - With O(intermediates) and O(crl) one task looks after all CAs of a home and their CRLs. All of them are checked before anything is written.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.crls
options:
  directory:
    description: The directory of the CA. It is created when it is missing, and so are those above it, with the mode C(0755).
    type: path
    required: true
  intermediate:
    description:
      - The name of a CA below the one that issues now in O(directory), such as V(servers); letters, digits, C(.), C(_) and C(-).
      - All other options are about this CA, and its parent is the CA that issues now. After a rollover, a new one is made below the successor.
    type: str
  common_name:
    description: The common name of the CA. Needed to make one; an existing one is compared.
    type: str
  subject:
    description:
      - The rest of the subject as short names of RFC 4514 with a string or a list of strings, such as C(O) with V(Example) and C(C) with V(DE).
      - An existing CA is compared with it unless it is empty.
      - Known are DC, C, ST, L, STREET, O, OU, UID, serialNumber and emailAddress.
    type: dict
  key_type:
    description: The kind of key. A new CA gets V(ecdsa-p256) when this is not given; an existing one is compared with what is given.
    type: str
    choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ed25519]
  lifetime_days:
    description:
      - Validity period of a new CA in days; a CA must not expire after the one above it. An existing one is not compared.
      - When this is not given, a new root gets V(3650) and a new CA below another one V(1825).
    type: int
  passphrase:
    description:
      - The passphrase of the CA's private key, which is stored encrypted (PKCS#8) when this is given. A new CA needs 8 characters.
      - It opens the key of O(adopt) as well, where that one is encrypted.
    type: str
  parent:
    description:
      - The directory of the CA above this one, on the same host. A root is made when neither this nor O(intermediate) is given.
      - A CA in a directory of its own does not follow when the one above it is rolled over; one named by O(intermediate) does.
    type: path
  parent_passphrase:
    description: The passphrase of the private key of the CA above. Only needed when that key is encrypted and this CA must be made.
    type: str
  path_length:
    description:
      - How many levels of CAs may be below this one.
      - When this is not given, a new root has no limit and a new CA below another one gets V(0).
    type: int
  usages:
    description:
      - What a CA below another one may issue. It gets them as extended key usage, which OpenSSL honours in a CA, so nothing else is accepted
        from it. When this is not given, a new CA has no such limit.
      - An existing CA is compared with it unless it is empty.
    type: list
    elements: str
    choices: [server, client]
  permitted_dns_domains:
    description:
      - The domains a CA may issue DNS names in; each stands for itself and all names below it. They become critical name constraints
        (RFC 5280 section 4.2.1.10) of a new CA, so no verifier accepts another name from it. When this is not given, there is no limit.
      - An existing CA is compared with it unless it is empty.
      - OpenSSL takes a common name that looks like a host name (two or more labels, such as V(jane.doe)) for a DNS name where a certificate
        has no other, so M(pgtls.postgresql.certificate_sign) refuses it too. V(PostgreSQL client1) and V(app1) do not look so.
        Give a CA for clients no domains when its users have such names.
    type: list
    elements: str
  adopt:
    description:
      - An existing CA to copy into O(directory), such as C(rootCA.pem) and C(rootCA.key) made with openssl.
      - They are checked to be a pair, a CA, and one whose certificates OpenSSL, GnuTLS and libpq accept; else the module says all that they
        would not accept. Refused are a key for RSASSA-PSS alone, RSA keys of less than 2048 bits, curves other than P-224, P-256, P-384
        and P-521, a chain that is expired or not valid yet, intermediate certificates signed with SHA-1 or MD5 (a root's own signature does
        not count), path lengths that are too short, names of CAs that a CA above does not permit, name constraints that GnuTLS takes for
        violated (excluded directory names, registered IDs), and critical extensions that verifiers do not understand.
      - What strict verifiers alone refuse (no keyUsage, no subjectKeyIdentifier, basicConstraints that are not critical) is a warning, and so is
        a keyUsage without cRLSign.
      - Once adopted they may be moved away.
      - While this is given, the options that describe a CA are not compared with the first generation; the certificate decides.
    type: dict
    suboptions:
      certificate:
        description: The certificate in PEM; unless it is a root, with those of the CAs above it, in any order.
        type: path
        required: true
      private_key:
        description: The private key in PEM, PKCS#8 or the traditional formats, encrypted with O(passphrase) or not at all.
        type: path
        required: true
      crl:
        description:
          - Its latest CRL in PEM or DER. What is revoked there stays revoked, and the next CRL has the next number.
          - Without it, the CA starts with an empty CRL, and the module warns of that when it adopts the CA.
        type: path
  intermediates:
    description:
      - CAs below this one, each as O(intermediate) with the options of the same names would make it.
      - The order stands in RV(intermediates). A CA that is taken out of the list stays, and so do its CRLs.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: As O(intermediate).
        type: str
        required: true
      common_name:
        description: As O(common_name).
        type: str
      subject:
        description: As O(subject), which it is when this is not given.
        type: dict
      key_type:
        description: As O(key_type), which it is when this is not given.
        type: str
        choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ed25519]
      lifetime_days:
        description: As O(lifetime_days).
        type: int
      passphrase:
        description: As O(passphrase), which it is when this is not given.
        type: str
      path_length:
        description: As O(path_length).
        type: int
      usages:
        description: As O(usages).
        type: list
        elements: str
        choices: [server, client]
      permitted_dns_domains:
        description: As O(permitted_dns_domains).
        type: list
        elements: str
  crl:
    description:
      - Whether the CAs of this home get CRLs although nothing is revoked. Once there are CRLs, they are kept current whatever this says.
      - When neither this nor O(revocations) is given, CRLs are left to M(pgtls.postgresql.certificate_revoke).
    type: bool
  crls_above:
    description:
      - Files on this host with the CRLs of the CAs above this one, in PEM or DER, such as that of a root that is kept offline.
      - They are published with those of the home (RV(crl_pem)), because servers check the whole chain and refuse every client without them.
        An expired one is refused, and so is one that is older than the one before.
      - They are kept in C(above.crl); without this option, what is there stays.
    type: list
    elements: path
    default: []
  owner:
    description:
      - The user that owns the directory and its files.
      - An existing directory of somebody else is an error, and so is root's in a directory of another user.
    type: str
  group:
    description: The group that owns the directory and its files.
    type: str
seealso:
  - module: pgtls.postgresql.certificate_revoke
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.ca_rollover
"""

EXAMPLES = r"""
- name: Create a root CA
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca
    common_name: SW Galaxy Root CA
    subject: {O: SW Galaxy}
    key_type: rsa-4096
    passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: Create a CA below it in a directory of its own
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca-servers
    common_name: SW Galaxy Server CA
    parent: /etc/pgtls-ca
    parent_passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: Create a CA below it that signs for servers of two domains alone, also after the root was rolled over
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca
    intermediate: servers
    common_name: SW Galaxy Server CA
    usages: [server]
    permitted_dns_domains: [swgalaxy, db.example.org]
    parent_passphrase: "{{ vault_pgtls_ca_passphrase }}"

- name: Create a root, two CAs below it, and CRLs of all of them that are kept current
  pgtls.postgresql.ca:
    directory: /etc/pgtls-ca
    common_name: SW Galaxy Root CA
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
    intermediates:
      - {name: servers, common_name: SW Galaxy Server CA, usages: [server]}
      - {name: clients, common_name: SW Galaxy Client CA, usages: [client]}
    crl: true

- name: Adopt the CA that was made by hand
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
directory:
  description: The directory of the CA, which is that of the generation that issues now, or of the intermediate CA below it.
  returned: success
  type: str
  sample: /etc/pgtls-ca/below/servers
generation:
  description: The generation that issues now in O(directory).
  returned: success
  type: int
  sample: 1
phase:
  description: How far the rollover to the next generation has gone; C(stable) when none is in progress.
  returned: success
  type: str
  sample: stable
trusted_pem:
  description:
    - The roots to trust now, the issuing one first; two of them during a rollover.
    - Null in check mode when one would be made.
  returned: success
  type: str
crl_pem:
  description:
    - The CRLs of the trusted CAs, the CAs below them, those of O(crls_above), and the CA in O(parent), one after the other.
    - Empty when there is none.
  returned: success
  type: str
intermediates:
  description: The CAs of O(intermediates), in that order; what is random is null in check mode where it would be made.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    usages:
      description: What it may issue, as the option says.
      type: list
      elements: str
    directory:
      description: Its directory.
      type: str
    chain_pem:
      description: Its certificate and those above it, the root last.
      type: str
    fingerprint_sha256:
      description: The fingerprint of its certificate.
      type: str
    not_after:
      description: When it expires.
      type: str
    reasons:
      description: Why it was created; empty when it existed.
      type: list
      elements: dict
crls_changed:
  description: Whether a CRL was made or signed again, or would be in check mode.
  returned: success
  type: bool
crls:
  description: As RV(pgtls.postgresql.certificate_revoke#module:crls); empty where CRLs are left alone.
  returned: success
  type: list
  elements: dict
revocations:
  description: As RV(pgtls.postgresql.certificate_revoke#module:revocations); empty where CRLs are left alone.
  returned: success
  type: list
  elements: dict
revoked:
  description: As RV(pgtls.postgresql.certificate_revoke#module:revoked); empty where CRLs are left alone.
  returned: success
  type: list
  elements: dict
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
  description: When the CA expires.
  returned: success
  type: str
  sample: "2036-11-21T08:00:00Z"
reasons:
  description: Why the CA was created; empty when it existed.
  returned: success
  type: list
  elements: dict
  sample: [{code: missing, sentence: there was no CA in /etc/pgtls-ca}]
"""

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.authority.ca_options import HOME, PROPERTIES
from ..module_utils._host.authority.crls import NO_CRLS, CaKeys, ensure_crls, wanted_crls
from ..module_utils._host.authority.directory import locked
from ..module_utils._host.authority.home import (
    ensure_authorities,
    ensure_foreign_crls,
    home_result,
    intermediate_parameters,
    write_authority,
)
from ..module_utils._host.authority.options import CRLS
from ..module_utils._host.files.writer import merge_written, writing_alone
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.creation import authority_warnings
from ..module_utils._pki.errors import PkiError

ARGUMENTS = {
    **PROPERTIES,
    **HOME,
    **CRLS,
    "intermediate": {"type": "str"},
    "parent": {"type": "path"},
    "parent_passphrase": {"type": "str", "no_log": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now, writer = module.params, datetime.now(timezone.utc), writer_of(module)
    below = intermediate_parameters(params)
    crls = wanted_crls(params, bool(params["crl"]))

    ensured = ensure_authorities([params, *below], now, module.check_mode)

    above, files, doubts = ensure_foreign_crls(params, ensured[0], now)
    written = [file for one in ensured for file in write_authority(writer, one, files if one is ensured[0] else ())]
    kept = NO_CRLS
    if params["crl"] is not None or params["revocations"]:
        passphrases = {one["name"]: one["passphrase"] for one in below}
        kept = ensure_crls(
            writer,
            CaKeys(params["directory"], params["passphrase"], passphrases, "intermediates"),
            replace(crls, above=above),
            now,
        )

    warnings = [sentence for one in ensured for sentence in authority_warnings(one.authority, now)]
    for warning in dict.fromkeys([*warnings, *doubts, *kept.warnings]):
        module.warn(warning)
    outcome = merge_written([*written, *kept.written])
    return {
        **outcome,
        "changed": outcome["changed"] or kept.changed,
        **home_result(params, ensured, kept, above, now, module.check_mode),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=[
            ("intermediate", other) for other in ("parent", "adopt", "intermediates", "crl", "revocations")
        ],
        supports_check_mode=True,
    )
    homes = [home for home in (module.params["directory"], module.params["parent"]) if home is not None]
    with failing_cleanly(module, PkiError), ExitStack() as alone:
        alone.enter_context(writing_alone(writer_of(module), homes[0]))  # a home that is to be made has no lock yet
        for home in homes:
            alone.enter_context(locked(home, module.check_mode))
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
