#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_sign
short_description: Sign certificate requests with the CA
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Runs on the host that holds the CA, usually delegated, and only when something is due.
  - The inventory decides. Each request is matched by host and name with its entry in O(certificates), and subject, names, usages and lifetime
    are the entry's, within the limits given here. Of the request only its public key counts, once its signature has proven that the sender
    holds the private key. A request without an entry is refused, so an empty list means nobody.
  - All requests are checked before the first signature. A certificate never outlives its CA, and never has names or usages that its CA's
    own certificate, or that of a CA above it, forbids (RFC 5280 sections 4.2.1.10 and 4.2.1.12). A start that is not given never lies before
    the CA's own. A CA whose certificates clients would not accept, as O(pgtls.postgresql.ca#module:adopt) says, signs none.
  - A copy of each certificate is kept as C(issued/<name>.<serial>.crt). There is no index, so many hosts may be served at once. Copies are
    written batch by batch, so a run that is killed leaves whole certificates.
  - A request for what this CA has already issued under that name (the same key, what the entry says, not revoked, and not due for renewal
    by the entry's own rule) is answered with that certificate. So the next run takes over what a killed one has finished, a holder
    that lost its certificate gets it back, and a run that signs nothing reports no change.
  - While the last certificate of an entry is on hold, no other one is signed for it.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.requests
options:
  directory:
    description: The home of the CA, as made by M(pgtls.postgresql.ca). Its CA that issues now signs.
    type: path
    required: true
  intermediate:
    description: The name of an intermediate CA in the home that signs instead.
    type: str
  passphrase:
    description: The passphrase of the private key of the CA that signs.
    type: str
  max_lifetime_days:
    description: The longest validity period that the CA grants, in days.
    type: int
    default: 3650
  allowed_usages:
    description: The usages that the CA grants.
    type: list
    elements: str
    choices: [server, client]
    default: [server, client]
seealso:
  - module: pgtls.postgresql.certificate_request
  - module: pgtls.postgresql.certificate_install
"""

EXAMPLES = r"""
- name: Sign what the hosts of this play request
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls-ca
    passphrase: "{{ vault_pgtls_ca_passphrase }}"
    certificates: "{{ app_certificates | pgtls.postgresql.certificate_entries(inventory_hostname, ansible_facts) }}"
    requests: "{{ request.requests | pgtls.postgresql.certificate_requests(inventory_hostname, app_certificates, ansible_facts) }}"
    max_lifetime_days: 825
    allowed_dns_domains: [swgalaxy]
  delegate_to: ca1
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
      description: The certificate; null in check mode when it is yet to be signed.
      type: str
    chain_pem:
      description: The issuing CA and those above it, the root last; null in check mode when the CA does not exist yet.
      type: str
    serial_number:
      description: The serial number in hexadecimal as openssl prints it; null in check mode when it is yet to be signed.
      type: str
    not_after:
      description: When the certificate expires.
      type: str
    issuer:
      description: The subject of the issuing CA (RFC 4514); null in check mode when the CA does not exist yet.
      type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.authority.directory import authority_directory, issued_path, locked
from ..module_utils._host.authority.open_or_create import open_authority
from ..module_utils._host.authority.signing import answers, sign_and_keep
from ..module_utils._host.certificates.signer_interface import REQUESTS, signed_item
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pki.authority import Authority
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.limits import SigningPolicy
from ..module_utils._pki.orders import SigningOrder, read_orders
from ..module_utils._pki.profiles import CLIENT, SERVER

ARGUMENTS = {
    **REQUESTS,
    "directory": {"type": "path", "required": True},
    "intermediate": {"type": "str"},
    "passphrase": {"type": "str", "no_log": True},
    "max_lifetime_days": {"type": "int", "default": 3650},
    "allowed_usages": {"type": "list", "elements": "str", "choices": [SERVER, CLIENT], "default": [SERVER, CLIENT]},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report."""
    require_cryptography()
    params, now = module.params, datetime.now(timezone.utc)
    directory = authority_directory(params["directory"], params["intermediate"])
    way_out = "correct intermediate" if params["intermediate"] else "name its directory"
    authority = open_authority(directory, params["passphrase"], may_be_missing=module.check_mode, way_out=way_out)
    limits = SigningPolicy(
        params["max_lifetime_days"], tuple(params["allowed_usages"]), tuple(params["allowed_dns_domains"])
    )
    orders = read_orders(params["certificates"], params["requests"], authority, limits, now)

    answered = answers(directory, orders, authority, now)
    new = [order for order in orders if order.key not in answered]

    signed = {}
    if authority is not None and not module.check_mode:
        signed = sign_and_keep(writer_of(module), directory, new, authority, now)
    leaves, chain = {**answered, **signed}, () if authority is None else authority.chain
    return {
        "changed": bool(new),
        "diff": [_diff(directory, order, authority) for order in new],
        "certificates": [signed_item(order, leaves.get(order.key), chain) for order in orders],
    }


def _diff(directory: str, order: SigningOrder, authority: Authority | None) -> dict[str, Any]:
    """The file without its random serial number, so that check mode tells the same as the real run."""
    header = issued_path(directory, order.name, "*")
    return {
        "before_header": header,
        "after_header": header,
        "before": "",
        "after": order.summary(authority.name if authority else None),
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with failing_cleanly(module, PkiError), locked(module.params["directory"], module.check_mode):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
