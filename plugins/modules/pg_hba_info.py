#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_hba_info
short_description: Judge pg_hba.conf as a server would, and explain what becomes of a connection
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Gives the verdict on C(pg_hba.conf) that a PostgreSQL server of O(server_version) would give, with the files that it includes, and its rules.
  - Explains for each connection in O(explain) which rule it meets, and whether and as whom it would log in.
  - Points at rules that can never be met, and at those that deserve a second look.
  - No server is asked and nothing is changed. The module judges the file on disk; a running server uses what it loaded last.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  path:
    description: The file C(pg_hba.conf).
    type: path
    required: true
  server_version:
    description: The major version of the server, from 13 to 19.
    type: int
    default: 19
  ident_path:
    description:
      - The file C(pg_ident.conf) of the same server. Without it, what a map says is unknown.
    type: path
  ssl:
    description: Whether the setting C(ssl) of the server is on.
    type: bool
    default: true
  ssl_ca_file:
    description:
      - Whether the setting C(ssl_ca_file) of the server is set, or its value, of which an empty string means that it is not set.
      - Without it, a certificate that O(explain[]) describes counts as one that the server can verify.
    type: raw
  build:
    description: What the server is built with. The default is a package of a distribution.
    type: dict
    suboptions:
      gss:
        description: Whether it is built with GSSAPI.
        type: bool
        default: true
      ldap:
        description: Whether it is built with LDAP.
        type: bool
        default: true
      pam:
        description: Whether it is built with PAM.
        type: bool
        default: true
      oauth_validator_libraries:
        description:
          - The members of the setting C(oauth_validator_libraries) (PostgreSQL 18 and newer). Without it, no rule is refused for their sake.
        type: list
        elements: str
  explain:
    description:
      - Connections to explain. What is not given and cannot be read from the files leads to the outcome V(depends), and the sentence says on what.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description:
          - The kind of connection. V(host) needs O(explain[].tls). Without it, a client without O(explain[].address) comes through a socket.
        type: str
        choices: [local, host, hostssl, hostnossl, hostgssenc]
      tls:
        description: Whether the client uses TLS. Needed with O(explain[].address), unless O(explain[].type) implies it.
        type: bool
      database:
        description:
          - Name of the database. The default is the name of the user, as for clients of PostgreSQL.
        type: str
      user:
        description: Name of the role that the client asks for. It counts as existing.
        type: str
        required: true
      address:
        description: Numeric address of the client. Not given for a connection through a socket.
        type: str
      physical_replication:
        description:
          - Whether this is physical replication, as standbys and C(pg_basebackup) use it. Logical replication is an ordinary connection.
        type: bool
        default: false
      certificate_common_name:
        description:
          - The common name in the certificate that the client presents. A client without this and O(explain[].certificate_dn) presents none.
        type: str
      certificate_dn:
        description:
          - The whole subject of the certificate as PostgreSQL reads it (RFC 2253, such as C(CN=app1,O=SW Galaxy)), for rules with C(clientname=DN).
        type: str
      roles:
        description:
          - All roles that the user is a member of, directly or not. Without it, rules for C(+role) and V(samerole) are uncertain.
        type: list
        elements: str
      client_host_names:
        description:
          - The name that a reverse lookup of the client's address gives and that leads back to it. Several are alternatives; an empty list means none.
          - Without it, rules for host names are uncertain.
        type: list
        elements: str
      system_user:
        description:
          - The identity that the methods C(peer), C(ident), C(gss) (with its realm) and C(oauth) find out.
        type: str
notes:
  - That a file is accepted does not say that its server runs with it; M(pgtls.postgresql.pg_reload) proves that.
  - Whether database and role exist, and whether the role may log in and connect, is not in this file and not checked.
seealso:
  - module: pgtls.postgresql.pg_hba
  - module: pgtls.postgresql.pg_ident_info
  - module: pgtls.postgresql.connection_check
"""

EXAMPLES = r"""
- name: Check that PostgreSQL 18 would load the file of version 15
  pgtls.postgresql.pg_hba_info:
    path: /etc/postgresql/15/main/pg_hba.conf
    server_version: 18
  register: upgrade
  failed_when: not upgrade.accepted

- name: Explain who may connect from the network of the applications
  pgtls.postgresql.pg_hba_info:
    path: /etc/postgresql/15/main/pg_hba.conf
    ident_path: /etc/postgresql/15/main/pg_ident.conf
    server_version: 15
    ssl_ca_file: /etc/postgresql/15/main/root.crt
    explain:
      - {user: app1, database: app, address: 10.1.2.3, tls: true, certificate_common_name: PostgreSQL client1}
      - {user: app1, database: app, address: 10.1.2.3, tls: false}
      - {user: postgres, system_user: postgres}
  register: access

- name: Show the sentences
  ansible.builtin.debug:
    msg: "{{ (access.explain + access.findings) | map(attribute='sentence') }}"
"""

RETURN = r"""
server_version:
  description: The version whose verdict this is.
  returned: success
  type: int
accepted:
  description: Whether a server of this version would load the file.
  returned: success
  type: bool
errors:
  description: What the server refuses the whole file for.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: The file, which may be an included one.
      type: str
    line:
      description: The line, or the first of several that a backslash joins; null when the whole file is meant.
      type: int
    column:
      description: The column in the (joined) line; null when the whole line is meant.
      type: int
    problem:
      description: What is wrong, and the way out.
      type: str
line_warnings:
  description: Lines that the server loads although they have no effect, such as C(hostssl) while C(ssl) is off; shaped like RV(errors).
  returned: success
  type: list
  elements: dict
ident_accepted:
  description: Whether the server would load O(ident_path); null when that is not given.
  returned: success
  type: bool
rules:
  description: The rules in the order in which they are tried, in the words of M(pgtls.postgresql.pg_hba), with C(file) and C(line).
  returned: success
  type: list
  elements: dict
  sample:
    - {file: /etc/postgresql/15/main/pg_hba.conf, line: 1, type: hostssl, database: [all], user: [app1], address: 0.0.0.0/0, netmask: null,
       method: cert, options: {map: certmap_app1}, comment: null}
unreachable_rules:
  description: Rules that can never be met, with the earlier rule that completes their cover.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: File of the rule.
      type: str
    line:
      description: Line of the rule.
      type: int
    rule:
      description: The rule.
      type: str
    shadowed_by_file:
      description: File of the rule that shadows it.
      type: str
    shadowed_by_line:
      description: Line of the rule that shadows it.
      type: int
    shadowed_by:
      description: The rule that shadows it.
      type: str
findings:
  description:
    - What deserves a second look, one entry for each kind. Rules that can never be met are left out.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description:
        - V(trust_over_network), V(trust_on_host) (any user of the server's host), V(ident_over_network), V(password_over_network) (a password
          readable on the network), V(md5), V(open_to_all) (every address, by one rule or by several), V(name_like_keyword) (such as V(ALL)),
          V(certificate_is_any_role) (whoever has a certificate of the CA becomes the role of its name, whatever role that is),
          V(cert_without_ca_file), V(map_unknown), V(hostssl_without_ssl), V(no_rule_for_replication), V(ident_file_rejected).
      type: str
    file:
      description: The file of the first one; null when no line is meant.
      type: str
    line:
      description: The line of the first one; null when no line is meant.
      type: int
    sentence:
      description: The first rule of this kind in words, and the lines of others like it.
      type: str
    places:
      description: All places of this kind.
      type: list
      elements: dict
      contains:
        file:
          description: The file; null when no line is meant.
          type: str
        line:
          description: The line; null when no line is meant.
          type: int
explain:
  description: What becomes of each connection of O(explain), in their order.
  returned: success
  type: list
  elements: dict
  contains:
    outcome:
      description:
        - V(accepted), V(refused), V(needs_password) (it gets in with the right one), or V(depends) on what the files do not say.
      type: str
    database_role:
      description: The role that it logs in as; null unless it is accepted or needs a password.
      type: str
    rule:
      description: The rule that it meets, as in RV(rules); null when there is none or when that is uncertain.
      type: dict
    possible_rules:
      description: The rules that it may meet, as in RV(rules), when that is uncertain.
      type: list
      elements: dict
    sentence:
      description: The same in words, with the reason.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.server.configuration_files import read_configuration
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.login.explain import read_attempts
from ..module_utils._pgconf.login.inspection import describe_hba, read_build, read_server
from ..module_utils._pgconf.login.verdict import judge_hba, judge_ident

BUILD = {
    "gss": {"type": "bool", "default": True},
    "ldap": {"type": "bool", "default": True},
    "pam": {"type": "bool", "default": True},
    "oauth_validator_libraries": {"type": "list", "elements": "str"},
}
CONNECTION = {
    "type": {"type": "str", "choices": ["local", "host", "hostssl", "hostnossl", "hostgssenc"]},
    "tls": {"type": "bool"},
    "database": {"type": "str"},
    "user": {"type": "str", "required": True},
    "address": {"type": "str"},
    "physical_replication": {"type": "bool", "default": False},
    "certificate_common_name": {"type": "str"},
    "certificate_dn": {"type": "str"},
    "roles": {"type": "list", "elements": "str"},
    "client_host_names": {"type": "list", "elements": "str"},
    "system_user": {"type": "str"},
}
SPEC = {
    "path": {"type": "path", "required": True},
    "server_version": {"type": "int", "default": 19},
    "ident_path": {"type": "path"},
    "ssl": {"type": "bool", "default": True},
    "ssl_ca_file": {"type": "raw"},
    "build": {"type": "dict", "options": BUILD},
    "explain": {"type": "list", "elements": "dict", "default": [], "options": CONNECTION},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, version, maps = module.params, module.params["server_version"], None
    with failing_cleanly(module, ConfigError):
        attempts, build = read_attempts(params["explain"]), read_build(params)
        text, files = read_configuration(params["path"])
        verdict = judge_hba(text, version, files, build)
        if params["ident_path"] is not None:
            ident_text, ident_files = read_configuration(params["ident_path"], option="ident_path")
            maps = judge_ident(ident_text, version, ident_files, build)
        report = describe_hba(verdict, read_server(params, build, maps), attempts, maps)
    module.exit_json(changed=False, server_version=version, **report)


if __name__ == "__main__":
    main()
