#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_conf_info
short_description: Judge postgresql.conf as a server would, and list the settings in effect
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Gives the verdict on C(postgresql.conf) that a PostgreSQL server of O(server_version) would give when it starts, with the files that it includes.
  - Lists the assignment of each setting that is in effect, which is the last one in reading order, and those that it overrides.
  - No server is asked and nothing is changed. Names, numbers, booleans and fixed words are judged by the table of settings that a server of this
    version has. Other strings, and names with a dot, which belong to extensions, are not judged.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  path:
    description: The file C(postgresql.conf).
    type: path
    required: true
  server_version:
    description: The major version of the server, from 13 to 19.
    type: int
    default: 19
  auto_conf:
    description:
      - The file C(postgresql.auto.conf) in the data directory of the same server, which is read last. A missing file sets nothing.
    type: path
notes:
  - A running server that reloads a file with a wrong value keeps the old value of that setting and applies the others; after a wrong line or an unknown name
    it applies nothing.
  - Options on the command line of the server override the files, and databases and roles may have settings of their own.
seealso:
  - module: pgtls.postgresql.pg_conf
  - module: pgtls.postgresql.pg_cluster_info
"""

EXAMPLES = r"""
- name: Read the settings in effect
  pgtls.postgresql.pg_conf_info:
    path: /etc/postgresql/15/main/postgresql.conf
    auto_conf: /var/lib/postgresql/15/main/postgresql.auto.conf
    server_version: 15
  register: conf

- name: Show where ssl is set
  ansible.builtin.debug:
    msg: "ssl is {{ conf.settings.ssl.value }} by line {{ conf.settings.ssl.line }} of {{ conf.settings.ssl.file }}"
  when: "'ssl' in conf.settings"
"""

RETURN = r"""
server_version:
  description: The version whose verdict this is.
  returned: success
  type: int
accepted:
  description: Whether a server of this version would start with the file.
  returned: success
  type: bool
errors:
  description: What keeps a server from starting with the file.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: The file, which may be an included one.
      type: str
    line:
      description: The line; null when the whole file is meant.
      type: int
    column:
      description: The column in the line; null when the whole line is meant.
      type: int
    problem:
      description: What is wrong, and the way out.
      type: str
line_warnings:
  description: Lines that the server loads although they have no effect; shaped like RV(errors).
  returned: success
  type: list
  elements: dict
settings:
  description:
    - The value of each setting that the files give, and where, by its name in lower case. Of an old name the new one counts.
  returned: success
  type: dict
  sample: {ssl: {value: "on", file: /etc/postgresql/15/main/postgresql.conf, line: 105}}
overridden:
  description: Assignments that a later one overrides.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The setting.
      type: str
    value:
      description: The value without effect.
      type: str
    file:
      description: The file that holds it.
      type: str
    line:
      description: Its line.
      type: int
    by_file:
      description: The file of the assignment that is in effect.
      type: str
    by_line:
      description: Its line.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.server.configuration_files import read_configuration
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.login.inspection import describe_conf
from ..module_utils._pgconf.login.verdict import judge_conf

SPEC = {
    "path": {"type": "path", "required": True},
    "server_version": {"type": "int", "default": 19},
    "auto_conf": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, version = module.params, module.params["server_version"]
    with failing_cleanly(module, ConfigError):
        text, files = read_configuration(params["path"])
        report = describe_conf(judge_conf(text, version, files, auto_conf=params["auto_conf"]), version)
    module.exit_json(changed=False, server_version=version, **report)


if __name__ == "__main__":
    main()
