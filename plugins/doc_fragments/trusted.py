# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twin of TRUSTED in module_utils/_host/certificates/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  trusted_pem:
    description:
      - All root certificates that are trusted now, as RV(pgtls.postgresql.ca#module:trusted_pem). While a CA is rolled over there are two.
      - Each O(certificates[].root) holds exactly these, whether something was signed or not, so a root file is no reason for a new certificate.
      - When it is not given, a root file holds the root of the signed chain, and stays as it is where nothing was signed.
    type: str
  crl_pem:
    description:
      - The CRLs of the CAs, one after the other, as RV(pgtls.postgresql.ca#module:crl_pem). They are written to each O(certificates[].crl).
      - A CRL under the name of the certificate's CA that no known CA of that name has signed is an error.
    type: str
  trusted_files:
    description:
      - Further files that hold O(trusted_pem), for those who verify a server and have no certificate. Nothing is written without O(trusted_pem).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      owner:
        description: The user that shall own it. A new file belongs to the owner of its directory when this is not given.
        type: str
      group:
        description: The group that shall own it.
        type: str
      mode:
        description: Its permissions, an octal number.
        type: raw
        default: "0644"
"""
