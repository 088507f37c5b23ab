#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: login_role
short_description: Create roles that can log in
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Creates roles with the attribute C(LOGIN) and without a password, such as those that log in by certificate.
  - An existing role gets C(LOGIN) when it lacks it; its password, memberships and other attributes are left alone.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.login
options:
  name:
    description:
      - Names of the roles, exactly as they are (no case folding).
    type: list
    elements: str
    required: true
notes:
  - Check mode asks the server what exists, so the server must be reachable in check mode too.
"""

EXAMPLES = r"""
- name: Create the roles that log in by certificate
  pgtls.postgresql.login_role:
    name: [app1, app2]
    login_port: 5501
"""

RETURN = r"""
roles:
  description: All roles that were named.
  returned: success
  type: list
  elements: str
created:
  description: Roles that were created (in check mode, would be).
  returned: success
  type: list
  elements: str
altered:
  description: Roles that got the attribute LOGIN (in check mode, would get it).
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.option_specs import LOGIN
from ..module_utils._host.server.database import Login, connect, execute
from ..module_utils._host.server.login_roles import check_role_names, describe_roles, read_roles, statements_for


def main() -> None:
    module = AnsibleModule(
        argument_spec={**LOGIN, "name": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    names = list(dict.fromkeys(module.params["name"]))
    with failing_cleanly(module):
        check_role_names(names)
        connection = connect(Login.of(module.params))
        try:
            before = read_roles(connection, names)
            statements = statements_for(before, names)
            if statements and not module.check_mode:
                execute(connection, "; ".join(statements))  # one message is one transaction
        finally:
            connection.close()
    created = [name for name in names if name not in before]
    altered = [name for name in names if before.get(name) is False]
    module.exit_json(
        changed=bool(created or altered),
        diff={"before": describe_roles(before), "after": describe_roles(dict.fromkeys(names, True))},
        roles=names,
        created=created,
        altered=altered,
    )


if __name__ == "__main__":
    main()
