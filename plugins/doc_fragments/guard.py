# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Kept in step with GUARD in module_utils/_host/editing/guarded_connections.py."""

    DOCUMENTATION = r"""
options:
  guard:
    description:
      - Connections that must stay possible. The outcome of each is worked out on the old and on the new content. When one was possible and
        would surely be refused, nothing is written, and the message names the rule with its line. One that is already impossible draws a warning.
      - Where the server at the login options reads the file, these are guarded too - the connection of this very task, the first superuser of
        the cluster through the socket, and whatever replicates from the server now.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description:
          - The kind of connection; V(host) is a client that may connect with TLS or without.
        type: str
        required: true
        choices: [local, host, hostssl, hostnossl, hostgssenc, hostnogssenc]
      database:
        description:
          - Name of the database, or V(replication) for physical replication.
        type: str
        required: true
      user:
        description:
          - Name of the role.
        type: str
        required: true
      address:
        description:
          - Numeric address of the client. Needed for every type but V(local).
        type: str
      certificate_common_name:
        description:
          - Common name of the certificate that the client presents. Without it and O(guard[].certificate_dn) the client has a certificate
            whose names are not given, and it is not refused for its name.
        type: str
      certificate_dn:
        description:
          - The whole name in the certificate, as PostgreSQL writes it (RFC 2253), for rules with C(clientname=DN).
        type: str
      system_user:
        description:
          - What the methods V(peer), V(ident), V(gss) and V(oauth) find out about the client, such as its operating system user.
            Without it these methods accept the connection.
        type: str
  guard_connected:
    description:
      - Guard every kind of connection that clients have to the server now (role, database, address, TLS, name in the certificate).
    type: bool
    default: false
  force:
    description:
      - Write the file although a guarded connection becomes impossible. Each is reported in a warning and in the return value C(locked_out).
      - Write C(pg_hba.conf) although rules that the task does not list can never be met any more. Each is reported in a warning.
    type: bool
    default: false
"""
