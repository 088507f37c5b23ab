#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Read certificates from a file, a directory, a string or a live PostgreSQL server
version_added: "0.1.0"
author: the pgtls.postgresql authors (@pgtls)
description:
  - Reads all certificates of a file, a directory or a string, or those that a PostgreSQL server presents, and describes them.
  - Nothing is verified or changed.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  path:
    description:
      - A file with certificates in PEM, or with one in DER.
      - A directory stands for its files C(*.crt), C(*.pem) and C(*.cer) that hold certificates. Others, such as private keys, are
        ignored, and so are directories in it. A damaged file is named in RV(unreadable).
    type: path
  content:
    description: A string with certificates in PEM.
    type: str
  host:
    description: The host name or address of a PostgreSQL server.
    type: str
  port:
    description: The port of the server.
    type: int
    default: 5432
  server_name:
    description: The name to ask the server for (SNI). None is sent when this is not given.
    type: str
  direct:
    description:
      - Start with TLS at once, as C(sslnegotiation=direct) of libpq does, and not with PostgreSQL's SSLRequest.
      - PostgreSQL 17 and newer answer to it.
    type: bool
    default: false
  tls_version:
    description: Offer this version of TLS alone. Without it the newest that both sides know is used.
    type: str
    choices: [TLSv1, TLSv1.1, TLSv1.2, TLSv1.3]
  timeout_seconds:
    description: How long to wait for the server.
    type: int
    default: 10
  private_key:
    description:
      - A private key in PEM on the same host. RV(key_matches) reports whether the first certificate belongs to it, in a directory whether any does.
    type: path
"""

EXAMPLES = r"""
- name: Read a file
  pgtls.postgresql.certificate_info:
    path: /etc/app1/client.crt
    private_key: /etc/app1/client.key
  register: client

- name: See what the server presents
  pgtls.postgresql.certificate_info:
    host: raxus.swgalaxy
    port: 5501
  register: served

- name: See what it presents to clients that start with TLS and ask for a name
  pgtls.postgresql.certificate_info:
    host: raxus.swgalaxy
    port: 5501
    server_name: db.swgalaxy
    direct: true
    tls_version: TLSv1.3
  register: served

- name: Find what expires within 30 days
  pgtls.postgresql.certificate_info:
    path: /etc/app1
  register: found
  failed_when: found.certificates | selectattr('days_left', 'lt', 30) | length > 0
"""

RETURN = r"""
certificates:
  description: The certificates in their order; a server's own is the first.
  returned: success
  type: list
  elements: dict
  contains:
    subject:
      description: The subject as a string (RFC 4514).
      type: str
    postgresql_dn:
      description:
        - The subject as PostgreSQL compares it with a map in C(pg_ident.conf) where the rule has C(clientname=DN) (RFC 2253 as OpenSSL writes it).
      type: str
      sample: CN=M\C3\BCller,OU=Ops,O=Example,C=DE
    common_name:
      description: The common name, or an empty string.
      type: str
    issuer:
      description: The issuer as a string (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal as openssl prints it.
      type: str
    not_before:
      description: The start of its validity (RFC 3339, UTC).
      type: str
    not_after:
      description: The end of its validity (RFC 3339, UTC).
      type: str
    days_left:
      description: Whole days until it expires; negative when it has expired.
      type: int
    dns_names:
      description: The DNS names among the subject alternative names.
      type: list
      elements: str
    ip_addresses:
      description: The IP addresses among the subject alternative names.
      type: list
      elements: str
    usages:
      description: C(server), C(client), or the dotted number of another purpose; empty when none is named.
      type: list
      elements: str
    is_ca:
      description: Whether it may sign certificates.
      type: bool
    key_type:
      description: The kind of key.
      type: str
    signature_algorithm:
      description: The name as openssl prints it.
      type: str
    fingerprint_sha256:
      description: The fingerprint as openssl prints it.
      type: str
    subject_key_identifier:
      description: The identifier of its key, or null.
      type: str
    authority_key_identifier:
      description: The identifier of its issuer's key, or null.
      type: str
    purposes:
      description:
        - What the openssl program on that host says the certificate may be used for, by the names that it prints (in lower case and with
          underscores); null where there is no openssl.
      type: dict
      sample: {ssl_client: false, ssl_client_ca: false, ssl_server: true, ssl_server_ca: false}
    path:
      description: The file it came from; null for a string or a server.
      type: str
unreadable:
  description: The files of a directory that should hold certificates but are damaged or cannot be read.
  returned: success
  type: list
  elements: dict
  sample: [{path: /etc/app1/old.crt, sentence: '/etc/app1/old.crt: certificate 1 is damaged; restore it'}]
key_matches:
  description: Whether the first certificate belongs to O(private_key), in a directory whether any does; null when that is not given.
  returned: success
  type: bool
tls:
  description: The TLS version and cipher that the server agreed to; null for a file or a string.
  returned: success
  type: dict
  sample: {version: TLSv1.3, cipher: TLS_AES_256_GCM_SHA384}
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.certificates.sources import Collection, described, read_source
from ..module_utils._host.errors import ModuleError
from ..module_utils._host.files.reading import read_bytes
from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._host.server.tls_probe import PROTOCOLS, probe, probe_directly
from ..module_utils._pki.certificates import load_certificates, load_der
from ..module_utils._pki.compat import same_public_key
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.keys import load_private_key

ARGUMENTS = {
    "path": {"type": "path"},
    "content": {"type": "str"},
    "host": {"type": "str"},
    "port": {"type": "int", "default": 5432},
    "server_name": {"type": "str"},
    "direct": {"type": "bool", "default": False},
    "tls_version": {"type": "str", "choices": list(PROTOCOLS)},
    "timeout_seconds": {"type": "int", "default": 10},
    "private_key": {"type": "path", "no_log": False},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read and report."""
    require_cryptography()
    params, now, tls = module.params, datetime.now(timezone.utc), None
    if params["host"] is not None:
        collection, tls = _served(params, now)
    elif params["path"] is not None:
        collection = read_source(params["path"], now)
    else:
        certificates = load_certificates(params["content"].encode(), "content")
        collection = described(certificates, "content", now, None)
    return {
        "changed": False,
        "certificates": [one.facts for one in collection.found],
        "unreadable": list(collection.unreadable),
        "key_matches": _matches(collection, params["private_key"]) if params["private_key"] else None,
        "tls": tls,
    }


def _served(params: dict[str, Any], now: datetime) -> tuple[Collection, dict[str, Any]]:
    shake_hands = probe_directly if params["direct"] else probe
    host, port, version = params["host"], params["port"], params["tls_version"]
    if params["timeout_seconds"] < 1:
        raise ModuleError(f"timeout_seconds is {params['timeout_seconds']}, but it must be at least 1")
    served = shake_hands(host, port, params["server_name"], params["timeout_seconds"], version, version)
    source = f"{host}:{port}"
    certificates = [load_der(der, source) for der in served.der]
    return described(certificates, source, now, None), {"version": served.tls_version, "cipher": served.cipher}


def _matches(collection: Collection, path: str) -> bool:
    content = read_bytes(path)
    if content is None:
        raise ModuleError(f"there is no file {path}; check the path")
    key = load_private_key(content, None, path).public_key()
    candidates = collection.found if collection.is_folder else collection.found[:1]
    return any(same_public_key(one.certificate.public_key(), key) for one in candidates)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=[("path", "content", "host")],
        required_one_of=[("path", "content", "host")],
        supports_check_mode=True,
    )
    with failing_cleanly(module, PkiError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
