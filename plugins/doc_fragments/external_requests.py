# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twin of EXTERNAL_REQUESTS in module_utils/_module/external_requests.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  requests:
    description:
      - The list that M(pgtls.postgresql.certificate_request) returns.
      - A CA that is not ours signs what a request itself says. So a request that says anything else than its entry in this list is refused.
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
        description: How many days the certificate shall live. The CA decides.
        type: int
        default: 365
      not_before:
        description: An exact begin (RFC 3339, UTC) that is wished.
        type: str
      not_after:
        description: An exact end (RFC 3339, UTC) that is wished in place of O(requests[].lifetime_days).
        type: str
      replaces:
        description: The serial number in hexadecimal of the certificate that is in use now.
        type: str
      reasons:
        description: Why the certificate is due. Not looked at.
        type: list
        elements: dict
  allowed_common_names:
    description: The common names that may be requested; an empty list allows all.
    type: list
    elements: str
    default: []
  allowed_dns_domains:
    description: The domains whose names, and names below them, may be requested; an empty list allows all.
    type: list
    elements: str
    default: []
"""
