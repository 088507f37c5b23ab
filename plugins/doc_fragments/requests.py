# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twin of REQUESTS in module_utils/_module/signing_requests.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  requests:
    description: The list that M(pgtls.postgresql.certificate_request) returns.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the certificate; letters, digits, C(.), C(_) and C(-).
        type: str
        required: true
      csr_pem:
        description: The certificate signing request in PEM.
        type: str
        required: true
      usages:
        description: What the certificate is for. Both only where one certificate really serves both.
        type: list
        elements: str
        choices: [server, client]
        required: true
      dns_names:
        description: The DNS names of the certificate.
        type: list
        elements: str
        default: []
      ip_addresses:
        description: The IP addresses of the certificate.
        type: list
        elements: str
        default: []
      lifetime_days:
        description: How many days the certificate shall live.
        type: int
        default: 365
      not_before:
        description: An exact begin (RFC 3339, UTC).
        type: str
      not_after:
        description: An exact end (RFC 3339, UTC) in place of O(requests[].lifetime_days).
        type: str
      replaces:
        description: The serial number (hexadecimal) of the certificate that shall be replaced, which is therefore no answer.
        type: str
      reasons:
        description: Why the certificate is due. Not looked at.
        type: list
        elements: dict
  allowed_common_names:
    description: The common names that may be signed; an empty list allows all.
    type: list
    elements: str
    default: []
  allowed_dns_domains:
    description: The domains whose names, and names below them, may be signed; an empty list allows all.
    type: list
    elements: str
    default: []
"""
