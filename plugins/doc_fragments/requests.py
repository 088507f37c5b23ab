# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept in step with REQUESTS in module_utils/_host/certificates/signer_interface.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  certificates:
    description:
      - The certificates of the inventory, which alone say who gets what. P(pgtls.postgresql.certificate_entries#filter) makes this list from the
        one that M(pgtls.postgresql.certificate_request) and M(pgtls.postgresql.certificate_install) take.
      - An empty list means that nobody gets a certificate.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the certificate, unique for its host; letters, digits, C(.), C(_) and C(-). The CA names its copy after it.
        type: str
        required: true
      host:
        description: The host that holds the certificate, as O(requests[].host).
        type: str
        default: ""
      common_name:
        description: The common name (CN). PostgreSQL logs a client in by it.
        type: str
        required: true
      subject:
        description: The rest of the subject as short names of RFC 4514 with a string or a list of strings.
        type: dict
      distinguished_name:
        description: The whole subject as a string of RFC 4514, in this order, in place of O(certificates[].subject).
        type: str
      dns_names:
        description: The DNS names (subject alternative names).
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
      lifetime_days:
        description: Validity period in days.
        type: int
        default: 365
      not_before:
        description: An exact start (RFC 3339, UTC).
        type: str
      not_after:
        description: An exact end (RFC 3339, UTC) in place of O(certificates[].lifetime_days).
        type: str
      renew_before_days:
        description: How many days before it expires a certificate is due. A certificate that is due is never handed out again.
        type: int
      renew_before_percent:
        description: What percentage of the validity period is left when a certificate is due, from 1 to 99, in place of O(certificates[].renew_before_days).
        type: int
  requests:
    description:
      - The list that M(pgtls.postgresql.certificate_request) returns. What comes from other hosts must go through
        P(pgtls.postgresql.certificate_requests#filter), which says which host asked.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the certificate.
        type: str
        required: true
      host:
        description: The host that asks, as O(certificates[].host).
        type: str
        default: ""
      csr_pem:
        description: The certificate signing request in PEM.
        type: str
        required: true
      reasons:
        description: Why the certificate is due. Ignored.
        type: list
        elements: dict
  allowed_dns_domains:
    description: The domains whose names, and names below them, may be signed; an empty list allows all.
    type: list
    elements: str
    default: []
"""
