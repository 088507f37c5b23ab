# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twin of CRLS in module_utils/_host/authority/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  revocations:
    description:
      - Certificates to revoke or release. An empty list keeps the CRLs current and does nothing else.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the certificate as given to M(pgtls.postgresql.certificate_sign).
          - Stands for every certificate that was issued under it and has not expired; also for those issued since it was revoked last.
          - Those among them that are revoked for another reason stay so, with a warning.
        type: str
      common_name:
        description:
          - The common name in the certificates, whatever they are called. With O(revocations[].name) or O(revocations[].host), those alone that
            agree in all that is given.
        type: str
      host:
        description:
          - The host of the inventory that the certificates were issued to. It is recorded with every copy that the CA keeps.
        type: str
      serial_number:
        description:
          - The serial number in hexadecimal as openssl prints it, with or without colons. Quote it in YAML.
          - Need not be known here, as those that a CA issued before it was adopted are not.
        type: str
      reason:
        description:
          - Why it is revoked (RFC 5280 section 5.3.1).
          - With V(certificateHold) it can be released, or be revoked for another reason later. Everything else is final.
          - Ignored for O(revocations[].state=released).
        type: str
        choices:
          - unspecified
          - keyCompromise
          - affiliationChanged
          - superseded
          - cessationOfOperation
          - certificateHold
          - privilegeWithdrawn
        default: unspecified
      state:
        description: Whether the certificate is revoked, or released from V(certificateHold).
        type: str
        choices: [revoked, released]
        default: revoked
      only_if_valid:
        description:
          - Ignore this element where nothing of what it stands for is valid, be it that nothing was issued, all of it has expired, or all of it is
            revoked. Without this the first is an error, and the others draw a warning where they matter.
        type: bool
        default: false
  crl_lifetime_days:
    description: Validity period of a new CRL in days.
    type: int
    default: 30
  crl_renew_before_days:
    description: How many days before it expires a CRL is signed again. Less than O(crl_lifetime_days).
    type: int
    default: 10
"""
