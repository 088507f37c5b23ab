# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept in step with CERTIFICATE in module_utils/_host/certificates/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  certificates:
    description:
      - The certificates of this host, all in one list.
      - M(pgtls.postgresql.certificate_request) and M(pgtls.postgresql.certificate_install) take the same list.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name that is unique in the list; letters, digits, C(.), C(_) and C(-). The CA names its copy after it.
        type: str
        required: true
      common_name:
        description:
          - The common name (CN). PostgreSQL logs a client in by it.
          - A server may have an empty one; it is verified by its O(certificates[].dns_names) and O(certificates[].ip_addresses) alone.
        type: str
        required: true
      subject:
        description:
          - The rest of the subject as short names of RFC 4514 with a string or a list of strings, such as C(O) with V(Example) and C(C) with V(DE).
          - Known are DC, C, ST, L, STREET, O, OU, UID, serialNumber and emailAddress.
        type: dict
      distinguished_name:
        description:
          - The whole subject as a string of RFC 4514, such as V(CN=app1+UID=4711,OU=Ops,O=Example,C=DE), in place of O(certificates[].subject).
          - Order and joined attributes are kept, for rules of C(pg_hba.conf) with C(clientname=DN). The common name is the one of
            O(certificates[].common_name).
        type: str
      dns_names:
        description:
          - The DNS names (subject alternative names). A name beyond ASCII is written as its IDNA A-label.
          - A server needs at least one name or address. The common name is not copied here.
        type: list
        elements: str
        default: []
      ip_addresses:
        description: The IP addresses (subject alternative names).
        type: list
        elements: str
        default: []
      usages:
        description: What the certificate is for. Both only where one certificate really serves both.
        type: list
        elements: str
        choices: [server, client]
        required: true
      key_type:
        description:
          - The kind of private key.
          - A client with a key of V(ecdsa-p384) needs TLS 1.3, or C(ssl_ecdh_curve=secp384r1) at the server.
        type: str
        choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ed25519]
        default: ecdsa-p256
      lifetime_days:
        description: Validity period of a new certificate in days. An existing certificate is not compared.
        type: int
        default: 365
      not_before:
        description: An exact start (RFC 3339, UTC) such as V(2027-01-31T12:00:00Z). A certificate that starts at another time is due.
        type: str
      not_after:
        description:
          - An exact end (RFC 3339, UTC) in place of O(certificates[].lifetime_days).
          - A certificate with an exact end is never due for renewal, and is due when it expires at another time.
        type: str
      renew_before_days:
        description:
          - How many days before it expires a certificate is due.
          - Where this is as long as the whole validity period, the last third of that period counts instead.
          - It is 30 when neither this nor O(certificates[].renew_before_percent) is given.
        type: int
      renew_before_percent:
        description:
          - What percentage of the validity period is left when a certificate is due, from 1 to 99; V(33) renews in the last third.
          - It excludes O(certificates[].renew_before_days).
        type: int
      private_key:
        description: The file of the private key.
        type: path
        required: true
      private_key_passphrase:
        description:
          - Encrypts the private key (PKCS#8), with at least 8 characters. An existing key that is not encrypted is encrypted in place, and stays the
            same key.
          - It excludes O(certificates[].pkcs8_der), because no client opens an encrypted key in DER.
          - A key is never decrypted in place. To drop the passphrase, decrypt the file first (C(openssl pkey)).
        type: str
      private_key_passphrase_file:
        description:
          - A file that holds O(certificates[].private_key_passphrase) and a line end, with mode C(0600), for C(ssl_passphrase_command).
        type: path
      certificate:
        description: The file of the certificate, followed by the intermediate certificates.
        type: path
        required: true
      fullchain:
        description: A file with the certificate, the intermediate certificates and the root.
        type: path
      root:
        description: A file with the root certificate, or with all roots that are trusted now. Several certificates may share it.
        type: path
      crl:
        description:
          - A file that holds O(crl_pem), for C(ssl_crl_file). Several certificates may share it.
          - With no CRL given nothing is written and nothing removed. In check mode a missing file then counts as one that would be written.
        type: path
      pkcs12:
        description:
          - A file with private key, certificate and chain (PKCS#12), as pgjdbc needs it. The friendly name (alias) is C(user).
          - It belongs to O(certificates[].owner) and has the mode O(certificates[].key_mode).
        type: path
      pkcs12_passphrase:
        description:
          - Encrypts O(certificates[].pkcs12), with at least 8 characters, all of them ASCII, because Java takes no others.
          - Without it the file is not encrypted, and Java does not open it. A warning says so, as node-postgres does open it.
        type: str
      pkcs8_der:
        description:
          - A file with the private key as PKCS#8 in DER, as pgjdbc needs it beside a certificate in PEM. It is never encrypted.
          - It belongs to O(certificates[].owner) and has the mode O(certificates[].key_mode).
        type: path
      owner:
        description: The user that owns the files. New files belong to the owner of their directory when this is not given.
        type: str
      group:
        description: The group that owns the files.
        type: str
      mode:
        description: The permissions of the certificate files but the root, an octal number.
        type: raw
        default: "0640"
      root_owner:
        description:
          - The user that owns the file O(certificates[].root), which certificates of several owners may share. Not given, it is
            O(certificates[].owner); an empty string leaves it to whom it belongs.
        type: str
      root_group:
        description: The group that owns it, likewise.
        type: str
      root_mode:
        description: The permissions of the file O(certificates[].root), an octal number. What it holds is public, and others verify the server with it.
        type: raw
        default: "0644"
      key_mode:
        description: The permissions of the private key, an octal number.
        type: raw
        default: "0600"
      untrusted_ca:
        description:
          - The common name of a CA that nobody trusts, for a certificate that every server must refuse.
          - M(pgtls.postgresql.certificate_request) makes this CA, has it sign the certificate at once, and forgets its key. Nothing is requested, and
            what is said of the CAs of the site does not count for it.
          - O(certificates[].root) holds the certificate of this CA, and must be given.
        type: str
      replace_revoked:
        description: Whether the certificate is due once its CA has revoked it; V(false) for one that is meant to be refused.
        type: bool
        default: true
"""
