#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_hba
short_description: Add and remove rules in pg_hba.conf where they take effect
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Adds a list of rules to C(pg_hba.conf), or removes them, and leaves every other byte of the file as it is.
  - PostgreSQL uses the first rule that matches a connection, so the module checks the place of a rule too. A rule that an earlier
    one makes unreachable does not count as present.
  - Two rules are the same when type, databases, users and address agree; spelling, order and host bits do not matter. Such a rule
    with another method or other options is changed in place.
  - Fails before it writes when the change makes a rule unreachable that could be met and that the task does not list, whatever that rule
    says, unless O(force=true).
  - A rule of the task that lets a certificate's name alone choose any role (method V(cert) for V(all), a group or a regular
    expression, without C(map)) draws a warning.
  - After the file was replaced the running server is asked what it makes of it, and a new error restores the old file. The module
    does not reload the server; see M(pgtls.postgresql.pg_reload).
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.editor
  - pgtls.postgresql.file
  - pgtls.postgresql.guard
  - pgtls.postgresql.login
options:
  rules:
    description:
      - The rules, in the order in which they are to be tried; an element may also be an include line.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - What kind of connection the rule is about. Needed unless the element is an include line.
        type: str
        choices: [local, host, hostssl, hostnossl, hostgssenc, hostnogssenc]
      include:
        description:
          - Instead of a rule, the line C(include) with the name of another file, relative to the directory of O(path). Needs PostgreSQL 16.
          - It takes its place among the rules like one of them. Two include lines are the same when they name the same file.
        type: str
      include_if_exists:
        description:
          - Instead of a rule, the line C(include_if_exists) with the name of a file that may be missing. Needs PostgreSQL 16.
        type: str
      include_dir:
        description:
          - Instead of a rule, the line C(include_dir) with the name of a directory; its files that end in C(.conf) are read. Needs PostgreSQL 16.
        type: str
      database:
        description:
          - Databases, or the words V(all), V(sameuser), V(samerole), V(replication), or since PostgreSQL 16 a regular expression that
            starts with a slash.
          - A name in double quotes (written V('"all"') in YAML) is meant literally. Names with blanks, commas or C(#) are quoted in the
            file by the module.
        type: list
        elements: str
        default: [all]
      user:
        description:
          - Roles, or V(all), or C(+role) for the members of a role, or since PostgreSQL 16 a regular expression that starts with a slash.
          - A name in double quotes is meant literally.
        type: list
        elements: str
        default: [all]
      address:
        description:
          - An address with its mask length, a host name, a suffix of host names that starts with a dot, or V(all), V(samehost),
            V(samenet). Needed for every type but V(local).
          - A list of addresses stands for as many rules, one line for each, in its order.
        type: list
        elements: str
      netmask:
        description:
          - The mask, when O(rules[].address) has no mask length.
        type: str
      method:
        description:
          - The authentication method. Needed unless the rule is to be absent. Which ones exist depends on the version of the server.
        type: str
      options:
        description:
          - Options of the method, such as C(map) or C(clientcert). A boolean becomes V(1) or V(0), which is what PostgreSQL understands.
        type: dict
      comment:
        description:
          - Trailing comment on the rule's line. Not given, an existing comment stays.
        type: str
      state:
        description:
          - V(absent) removes every rule with this type, database, user and address (or every include line with this name), wherever it stands.
          - A line that no server of this version takes is removed when it holds these very words; its method and options do not matter.
        type: str
        choices: [present, absent]
        default: present
  placement:
    description:
      - Where rules go.
      - V(effective) leaves a rule where it is as long as no earlier foreign rule makes it unreachable; otherwise, and when it is missing, it
        goes before the first rule that would shadow it, else to the end. Listed rules keep their order where they overlap.
      - V(first) and V(last) make the listed rules the first or the last of the file, in their order.
      - The default is V(effective).
    type: str
    choices: [effective, first, last]
  before:
    description:
      - Keep the rules before the rule with these fields.
    type: dict
    suboptions:
      type:
        description: As in O(rules).
        type: str
        required: true
        choices: [local, host, hostssl, hostnossl, hostgssenc, hostnogssenc]
      database:
        description: As in O(rules).
        type: list
        elements: str
        default: [all]
      user:
        description: As in O(rules).
        type: list
        elements: str
        default: [all]
      address:
        description: As in O(rules).
        type: str
      netmask:
        description: As in O(rules).
        type: str
  after:
    description:
      - Keep the rules after the rule with these fields.
    type: dict
    suboptions:
      type:
        description: As in O(rules).
        type: str
        required: true
        choices: [local, host, hostssl, hostnossl, hostgssenc, hostnogssenc]
      database:
        description: As in O(rules).
        type: list
        elements: str
        default: [all]
      user:
        description: As in O(rules).
        type: list
        elements: str
        default: [all]
      address:
        description: As in O(rules).
        type: str
      netmask:
        description: As in O(rules).
        type: str
  exclusive:
    description:
      - The file holds just the listed rules, in their order. Comments and blank lines stay.
    type: bool
    default: false
  block:
    description:
      - Keep the rules between two marker comments with this name. Exactly the listed rules are there, in their order; one that leaves the
        list leaves the file, and manual edits between the markers are overwritten.
      - A block that exists stays where it is, as long as its rules take effect there. One without rules was emptied by somebody else, and is
        placed anew. An empty list removes it.
    type: str
notes:
  - Lines that include other files are kept, and so are words that start with V(@). Rules of files that are included by lines of their own count
    where this module looks for what shadows a rule, as far as these files can be read; they are never written.
  - Passwords in options of rules (C(ldapbindpasswd), C(radiussecrets)) are masked in results, diffs and messages. Ansible itself writes the options
    of a task to the log of the host; C(no_log) on the task prevents that.
seealso:
  - module: pgtls.postgresql.pg_ident
  - module: pgtls.postgresql.pg_reload
"""

EXAMPLES = r"""
- name: Allow app1 by certificate and everybody else by password, and keep the administrator's login possible
  pgtls.postgresql.pg_hba:
    path: /etc/postgresql/15/main/pg_hba.conf
    block: site
    rules:
      - {type: hostssl, user: app1, address: 0.0.0.0/0, method: cert, options: {map: certmap_app1}}
      - {type: hostssl, address: 0.0.0.0/0, method: scram-sha-256}
    guard:
      - {type: hostssl, database: shop, user: app1, address: 10.1.2.3, certificate_common_name: PostgreSQL client1}
    guard_connected: true

- name: Reject every connection without TLS
  pgtls.postgresql.pg_hba:
    path: /var/lib/pgsql/16/data/pg_hba.conf
    placement: first
    rules:
      - {type: hostnossl, address: all, method: reject, comment: TLS only}

- name: Put the rules of other teams first, from a directory of their own
  pgtls.postgresql.pg_hba:
    path: /var/lib/pgsql/16/data/pg_hba.conf
    placement: first
    rules:
      - {include_dir: pg_hba.d, comment: one file per team}

- name: Remove every copy of a rule
  pgtls.postgresql.pg_hba:
    path: /var/lib/pgsql/16/data/pg_hba.conf
    rules:
      - {type: host, address: 10.0.0.0/8, state: absent}
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
rules:
  description: All rules of the file after the change, in their order, in the words of the options, each with the line it starts on.
  returned: success
  type: list
  elements: dict
  sample: [{line: 1, type: hostssl, database: [all], user: [app1], address: 0.0.0.0/0, netmask: null, method: cert, options: {}, comment: null}]
includes:
  description: All include lines of the file after the change, in their order, in the words of the options, each with the line it starts on.
  returned: success
  type: list
  elements: dict
  sample: [{line: 2, include: site.conf, comment: null}]
access_changes:
  description:
    - Who gains access, who loses it, and whose method changes, worked out from the first match of every kind of connection before and
      after. Losses come first. Names of sets (C(+role), C(samenet), regular expressions, host names) are shown as they stand in the file.
    - At most 50 entries; one with RV(access_changes[].change=more) says how many are left out.
  returned: success
  type: list
  elements: dict
  sample:
    - change: method
      who: app1
      from: 10.0.0.0/8
      over: TLS
      database: all
      before: scram-sha-256
      after: certificate
      sentence: "app1 from 10.0.0.0/8 over TLS: scram-sha-256 -> certificate"
  contains:
    change:
      description: V(gains), V(loses), V(method), or V(more) for an entry about the list itself.
      type: str
    who:
      description: The roles.
      type: str
    from:
      description: The addresses; null through the socket.
      type: str
    over:
      description: The socket, TCP (with TLS or without), TLS, TCP without TLS, or GSSAPI encryption.
      type: str
    database:
      description: The databases, or C(physical replication).
      type: str
    before:
      description: What authentication was required before; V(refused) when nobody could connect.
      type: str
    after:
      description: What authentication is required now.
      type: str
    sentence:
      description: All of it in one sentence.
      type: str
locked_out:
  description: The guarded connections that the change locks out, with the rule that each meets. Empty unless O(force=true).
  returned: success
  type: list
  elements: str
unreachable_rules:
  description:
    - Rules that can never be met, with the line and text of the earlier rule that completes their cover.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: The included file in which the rule stands; null for O(path) itself.
      type: str
    line:
      description: Line of the rule.
      type: int
    rule:
      description: The rule.
      type: str
    shadowed_by_file:
      description: The included file in which the rule that shadows it stands; null for O(path) itself.
      type: str
    shadowed_by_line:
      description: Line of the rule that shadows it.
      type: int
    shadowed_by:
      description: The rule that shadows it.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.editing.entry_specs import FIELDS, RULES
from ..module_utils._host.editing.guard_options import GUARD
from ..module_utils._host.editing.guarded_connections import Guard, check_hba_edit
from ..module_utils._host.editing.server_validation import Edit, read_original, validating_server, write_validated
from ..module_utils._host.editing.standing_faults import describe_faults
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import EDITOR, FILE, LOGIN
from ..module_utils._host.raw_bytes import recall_bytes
from ..module_utils._host.server.configuration_files import files_around
from ..module_utils._host.server.views import HBA
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.rules.hba import describe_includes, describe_rules, parse_hba
from ..module_utils._pgconf.rules.hba_edit import (
    check_hidden,
    check_loadable,
    describe_any_roles,
    describe_doubts,
    describe_met_first,
    describe_unreachable,
    ensure_rules,
    find_hidden,
    read_placement,
    read_wishes,
)
from ..module_utils._pgconf.rules.included_rules import find_dead_rules, rules_of_include
from ..module_utils._pgconf.vocabulary import NEWEST_VERSION

SPEC = {
    **EDITOR,
    **FILE,
    **GUARD,
    **LOGIN,
    "rules": RULES,
    "placement": {"type": "str", "choices": ["effective", "first", "last"]},
    "before": {"type": "dict", "options": FIELDS},
    "after": {"type": "dict", "options": FIELDS},
    "exclusive": {"type": "bool", "default": False},
    "block": {"type": "str"},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read, ensure, write, report; what was read of a large file is given back before the report is sent."""
    params, writer = module.params, writer_of(module)
    edit = Edit.of(params)
    with validating_server(writer, edit, HBA, NEWEST_VERSION) as judge:
        guard, text = Guard.of(params), read_original(edit)
        before = parse_hba(text or "", judge.version)
        params = recall_bytes(
            params,
            module.warn,
            lambda: [describe_rules(before), describe_includes(before)],
            "rules",
            "before",
            "after",
        )
        wishes = read_wishes(params, judge.version)
        behind = rules_of_include(judge.version, files_around(params["path"]))
        after = ensure_rules(before, wishes, read_placement(params, judge.version), behind)
        check_loadable(before, after)
        access = check_hba_edit(writer, edit, guard, judge, before, after)
        dead = find_dead_rules(after, behind)
        hidden = check_hidden(find_hidden(before, after, dead, [wishes], edit.path, behind), guard.force)
        faults = describe_faults(edit, judge, after)
        report = write_validated(writer, edit, judge, text, after.render())
        doubts = [*hidden, *describe_doubts(wishes, dead), *describe_any_roles(wishes, dead), *faults]
        for doubt in doubts + describe_met_first(before, after, dead, [wishes], edit.path, behind):
            module.warn(doubt)
    described = {"rules": describe_rules(after), "includes": describe_includes(after)}
    return {**report, **access, **described, "unreachable_rules": describe_unreachable(dead)}


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC, supports_check_mode=True, mutually_exclusive=[("placement", "before", "after")]
    )
    with failing_cleanly(module, ConfigError):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
