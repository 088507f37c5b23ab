#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_ident_info
short_description: Judge pg_ident.conf as a server would, and list its mappings
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Gives the verdict on C(pg_ident.conf) that a PostgreSQL server of O(server_version) would give, with the files that it includes, and its mappings.
  - No server is asked and nothing is changed. This works for PostgreSQL 13 and 14 too, which have no view of this file.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  path:
    description: The file C(pg_ident.conf).
    type: path
    required: true
  server_version:
    description: The major version of the server, from 13 to 19.
    type: int
    default: 19
notes:
  - A server that starts with a file that it does not accept runs, but without any map.
seealso:
  - module: pgtls.postgresql.pg_ident
  - module: pgtls.postgresql.pg_hba_info
    description: Explains what becomes of a connection, maps included.
"""

EXAMPLES = r"""
- name: Check that PostgreSQL 14, which has no view for it, would load the file
  pgtls.postgresql.pg_ident_info:
    path: /var/lib/pgsql/14/data/pg_ident.conf
    server_version: 14
  register: maps
  failed_when: not maps.accepted

- name: Show the names of the maps
  ansible.builtin.debug:
    msg: "{{ maps.mappings | map(attribute='map') | unique }}"
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
  description: Lines that the server loads although they have no effect; shaped like RV(errors).
  returned: success
  type: list
  elements: dict
mappings:
  description: The mappings in the order of the files, in the words of M(pgtls.postgresql.pg_ident), with C(file) and C(line).
  returned: success
  type: list
  elements: dict
  sample:
    - {file: /etc/postgresql/15/main/pg_ident.conf, line: 1, map: certmap_app1, system_user: PostgreSQL client1, database_user: app1, comment: null}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.server.configuration_files import read_configuration
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.login.inspection import describe_ident
from ..module_utils._pgconf.login.verdict import judge_ident

SPEC = {
    "path": {"type": "path", "required": True},
    "server_version": {"type": "int", "default": 19},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    path, version = module.params["path"], module.params["server_version"]
    with failing_cleanly(module, ConfigError):
        text, files = read_configuration(path)
        report = describe_ident(judge_ident(text, version, files))
    module.exit_json(changed=False, server_version=version, **report)


if __name__ == "__main__":
    main()
