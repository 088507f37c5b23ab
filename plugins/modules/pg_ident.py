#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_ident
short_description: Add and remove user name maps in pg_ident.conf
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Adds a list of mappings to C(pg_ident.conf), or removes them, and leaves every other byte of the file as it is.
  - A mapping says that a user of a system (for the method C(cert) the common name of a certificate, or with
    C(clientname=DN) its whole subject in the form of RFC 2253) may log in as a role. Several lines of one
    map are alternatives.
  - After the file was replaced the running server is asked what it makes of it (PostgreSQL 15 and newer), and a new error restores the old
    file. The module does not reload the server; see M(pgtls.postgresql.pg_reload).
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.editor
  - pgtls.postgresql.file
  - pgtls.postgresql.guard
  - pgtls.postgresql.login
options:
  mappings:
    description:
      - The mappings.
    type: list
    elements: dict
    required: true
    suboptions:
      map:
        description:
          - Name of the map, to which C(map=) in C(pg_hba.conf) refers.
        type: str
        required: true
      system_user:
        description:
          - Name of the user in the system that vouches for it; one that starts with a slash is a regular expression.
        type: str
        required: true
      database_user:
        description:
          - Name of the role; C(\\1) in it stands for what the first parentheses of the expression in O(mappings[].system_user) matched.
          - Since PostgreSQL 16 V(all), C(+role) and a regular expression that starts with a slash have a meaning of their own; a name in
            double quotes (written V('"all"') in YAML) is meant literally.
        type: str
        required: true
      comment:
        description:
          - Trailing comment on the mapping's line. Not given, an existing comment stays.
        type: str
      state:
        description:
          - V(absent) removes every copy of the mapping.
        type: str
        choices: [present, absent]
        default: present
  exclusive:
    description:
      - The file holds just the listed mappings. Comments and blank lines stay.
    type: bool
    default: false
  block:
    description:
      - Keep the mappings between two marker comments with this name. Exactly the listed mappings are there; one that leaves the list leaves
        the file, and manual edits between the markers are overwritten. An empty list removes the block.
    type: str
notes:
  - Lines that include other files, and words that start with V(@), are kept; the files that they name count for RV(access_changes) and O(guard)
    and are never written.
  - A guarded connection is tried on the rules of C(pg_hba.conf) that name the maps. They are known only where a login works.
seealso:
  - module: pgtls.postgresql.pg_hba
  - module: pgtls.postgresql.pg_reload
"""

EXAMPLES = r"""
- name: Map the common names of two client certificates to roles
  pgtls.postgresql.pg_ident:
    path: /etc/postgresql/15/main/pg_ident.conf
    mappings:
      - {map: certmap_app1, system_user: PostgreSQL client1, database_user: app1}
      - {map: certmap_app2, system_user: PostgreSQL client2, database_user: app2}

- name: Strip the domain from a name
  pgtls.postgresql.pg_ident:
    path: /var/lib/pgsql/16/data/pg_ident.conf
    mappings:
      - map: staff
        system_user: '/^(.*)@example\.com$'
        database_user: '\1'
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
mappings:
  description: All mappings of the file after the change, in their order, in the words of the options, each with the line it starts on.
  returned: success
  type: list
  elements: dict
  sample: [{line: 1, map: certmap_app1, system_user: PostgreSQL client1, database_user: app1, comment: null}]
access_changes:
  description:
    - Which names may now, or may no longer, log in as which roles where a rule of C(pg_hba.conf) names the map. Losses come first.
      Expressions and C(+role) are shown as they stand in the file.
    - At most 50 entries; one with RV(access_changes[].change=more) says how many are left out.
  returned: success
  type: list
  elements: dict
  sample:
    - change: gains
      map: certmap_app1
      who: PostgreSQL client1
      as: app1
      sentence: PostgreSQL client1 may now log in as app1 where a rule names the map certmap_app1
  contains:
    change:
      description: V(gains), V(loses), or V(more) for an entry about the list itself.
      type: str
    map:
      description: The map.
      type: str
    who:
      description: The names of the system, for the method C(cert) common names of certificates.
      type: str
    as:
      description: The roles.
      type: str
    sentence:
      description: All of it in one sentence.
      type: str
locked_out:
  description: The guarded connections that the change locks out, with the rule that each meets. Empty unless O(force=true).
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.editing.entry_specs import MAPPINGS
from ..module_utils._host.editing.guard_options import GUARD
from ..module_utils._host.editing.guarded_connections import Guard, check_ident_edit
from ..module_utils._host.editing.server_validation import Edit, read_original, validating_server, write_validated
from ..module_utils._host.editing.standing_faults import describe_faults
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import EDITOR, FILE, LOGIN
from ..module_utils._host.raw_bytes import recall_bytes
from ..module_utils._host.server.views import IDENT
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.maps.ident import (
    describe_doubts,
    describe_mappings,
    ensure_mappings,
    parse_ident,
    read_wishes,
)
from ..module_utils._pgconf.vocabulary import NEWEST_VERSION

SPEC = {
    **EDITOR,
    **FILE,
    **GUARD,
    **LOGIN,
    "mappings": MAPPINGS,
    "exclusive": {"type": "bool", "default": False},
    "block": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, writer = module.params, writer_of(module)
    edit = Edit.of(params)
    with failing_cleanly(module, ConfigError), validating_server(writer, edit, IDENT, NEWEST_VERSION) as judge:
        guard, text = Guard.of(params), read_original(edit)
        before = parse_ident(text or "", judge.version)
        params = recall_bytes(params, module.warn, lambda: describe_mappings(before), "mappings")
        wishes = read_wishes(params, judge.version)
        after = ensure_mappings(before, wishes)
        access = check_ident_edit(writer, edit, guard, judge, before.render(), after.render())
        for doubt in [*describe_doubts(after, [wishes]), *describe_faults(edit, judge, after)]:
            module.warn(doubt)
        report = write_validated(writer, edit, judge, text, after.render())
    module.exit_json(**report, **access, mappings=describe_mappings(after))


if __name__ == "__main__":
    main()
