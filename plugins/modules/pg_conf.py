#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_conf
short_description: Set and remove settings in postgresql.conf
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Gives settings of C(postgresql.conf) (or of a file that it includes) their values, and leaves every other byte of the file as it is.
  - The last assignment of a setting decides, so that one is compared and rewritten. A missing one is written below its commented default, else
    at the end of the file.
  - Values are compared as PostgreSQL reads them, so V(on) and V(true), or V(1GB) and V(1024MB), are no change. With a login the server itself
    reports what kind of value a setting has.
  - After the file was replaced the running server is asked what it makes of it, and a new error restores the old file. The module does not
    reload the server; see M(pgtls.postgresql.pg_reload).
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.editor
  - pgtls.postgresql.file
  - pgtls.postgresql.login
options:
  settings:
    description:
      - Values by the name of the setting. A list is joined with commas, a boolean becomes V(on) or V(off), and V(null) removes every assignment.
    type: dict
    required: true
  auto_conf:
    description:
      - The file C(postgresql.auto.conf) of the cluster, to find out whether it overrides a setting.
      - The default is the one in the data directory of the server, when a login works. A missing file overrides nothing.
    type: path
  reset_auto_conf:
    description:
      - Where C(postgresql.auto.conf) gives a named setting another value, take that back with C(ALTER SYSTEM RESET), after the server took the file. Needs
        a login as superuser.
      - Otherwise the value there wins, and a warning says so.
    type: bool
    default: false
notes:
  - Lines that include other files are kept; the files that they name are read to find out what overrides a setting, and never written.
seealso:
  - module: pgtls.postgresql.pg_reload
"""

EXAMPLES = r"""
- name: Turn TLS on
  pgtls.postgresql.pg_conf:
    path: /etc/postgresql/15/main/postgresql.conf
    settings:
      ssl: true
      ssl_cert_file: /var/lib/postgresql/15/main/postgres_server.crt
      ssl_key_file: /var/lib/postgresql/15/main/postgres_server.key
      ssl_min_protocol_version: TLSv1.2

- name: Listen everywhere, and let the server choose its own work_mem
  pgtls.postgresql.pg_conf:
    path: /var/lib/pgsql/16/data/postgresql.conf
    settings:
      listen_addresses: ["*"]
      work_mem: null
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
backup_file:
  description: The copy of the old file.
  returned: when O(backup=true) and the content changed
  type: str
settings:
  description: The value that the file gives each of the named settings after the change; null where it gives none.
  returned: success
  type: dict
  sample: {ssl: "on"}
overridden:
  description: Named settings to which something that PostgreSQL reads later gives another value, be it an included file, the file that includes
    O(path), or C(postgresql.auto.conf).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The setting.
      type: str
    value:
      description: The value that wins.
      type: str
    path:
      description: The file that wins.
      type: str
    line:
      description: The line of that file.
      type: int
reset:
  description: Named settings whose value of C(ALTER SYSTEM) was taken back (in check mode, would be).
  returned: success
  type: list
  elements: str
restart_required:
  description: Settings that this task changed or removed (in check mode, would) and that take effect only after a restart of the server. The server
    loads such a file at a reload, and the settings stay pending.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.editing.server_validation import (
    Edit,
    read_original,
    validating_server,
    write_validated,
)
from ..module_utils._host.editing.settings_edit import edit_settings, reset_auto_conf
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import EDITOR, FILE, LOGIN
from ..module_utils._host.raw_bytes import recall_bytes
from ..module_utils._host.server.views import CONF
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.settings.postgresql_conf import (
    describe_named,
    describe_settings,
    parse_conf,
    read_settings,
)
from ..module_utils._pgconf.vocabulary import NEWEST_VERSION

SPEC = {
    **EDITOR,
    **FILE,
    **LOGIN,
    "settings": {"type": "dict", "required": True},
    "auto_conf": {"type": "path"},
    "reset_auto_conf": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, writer = module.params, writer_of(module)
    edit = Edit.of(params)
    with failing_cleanly(module, ConfigError), validating_server(writer, edit, CONF, NEWEST_VERSION) as judge:
        text = read_original(edit)
        before = parse_conf(text or "", judge.version)
        wanted = read_settings(recall_bytes(params, module.warn, lambda: describe_settings(before), "settings"))
        done = edit_settings(edit, judge, before, wanted, params["auto_conf"], params["reset_auto_conf"])
        report = write_validated(writer, edit, judge, text, done.after.render())
        if done.resets and not module.check_mode:
            reset_auto_conf(judge, done.resets)
        report["changed"] = report["changed"] or bool(done.resets)
        for doubt in done.doubts:
            module.warn(doubt)
    settings = describe_named(done.after, wanted)
    told = {"overridden": done.overridden, "restart_required": done.restarts, "reset": done.resets}
    module.exit_json(**report, settings=settings, **told)


if __name__ == "__main__":
    main()
