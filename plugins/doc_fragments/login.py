# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept in step with LOGIN in module_utils/_host/option_specs.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - psycopg (version 3), or psycopg2 where a host has only that
attributes:
  action_group:
    description: Use C(group/pgtls.postgresql.login) in C(module_defaults) to set the options of the login for all its modules.
    support: full
    membership:
      - pgtls.postgresql.login
options:
  login_host:
    description:
      - Host name or address of the server. Not given, the module uses the Unix socket.
    type: str
  login_port:
    description:
      - Port of the server, for TCP and for the name of the socket.
    type: int
    default: 5432
  login_user:
    description:
      - Role to log in as. The default is the operating system's name of the socket's owner, which is what C(initdb) makes the
        first superuser.
      - Run as root, the module takes the identity of the socket's owner while it connects, so that C(peer) accepts it
        without C(become_user).
    type: str
  login_db:
    description:
      - Database to connect to.
    type: str
    default: postgres
  login_password:
    description:
      - Password of O(login_user), where the server asks for one.
    type: str
  login_unix_socket:
    description:
      - Directory of the Unix socket. The default is the first of C(/run/postgresql), C(/var/run/postgresql) and C(/tmp) that
        holds the socket of O(login_port).
    type: path
  login_require_peer:
    description:
      - Name of the account that the server at the Unix socket must run as (the C(requirepeer) of libpq). Nothing is sent to another one.
      - Not given, it is the owner of the data directory or of the files to edit, where a module knows them. In a directory where
        everybody may make files, such as C(/tmp), the socket must else be that of C(postgres) or of the user who runs the module.
    type: str
  ssl_mode:
    description:
      - The C(sslmode) of the connection, as libpq understands it.
    type: str
    default: prefer
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca_cert:
    description:
      - File with the certificates of the authorities that may have signed the server's certificate (C(sslrootcert)).
    type: path
  ssl_cert:
    description:
      - File with the client certificate (C(sslcert)).
    type: path
  ssl_key:
    description:
      - File with the client's private key (C(sslkey)).
    type: path
"""
