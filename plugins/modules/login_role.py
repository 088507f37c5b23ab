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
  - An existing role gets C(LOGIN) when it lacks it, and C(REPLICATION) with O(replication=true); its password, memberships and other attributes are left alone.
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
  replication:
    description:
      - Whether they may begin replication too (the attribute C(REPLICATION)), as the role of a standby must. V(false) takes it from nobody.
    type: bool
    default: false
notes:
  - Check mode asks the server what exists, so the server must be reachable in check mode too.
  - A standby gets its roles from its primary. There the module changes nothing, and warns of roles that cannot log in yet.
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
  description: Roles that got an attribute that they lacked (in check mode, would get it).
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.option_specs import LOGIN
from ..module_utils._host.server.database import Login
from ..module_utils._host.server.login_roles import check_role_names, describe_roles, ensure_roles


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **LOGIN,
            "name": {"type": "list", "elements": "str", "required": True},
            "replication": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    names = list(dict.fromkeys(module.params["name"]))
    with failing_cleanly(module):
        check_role_names(names)
        replicating = names if module.params["replication"] else ()
        done = ensure_roles(Login.of(module.params), names, module.check_mode, replicating=replicating)
        for warning in done.warnings():
            module.warn(warning)
    module.exit_json(
        changed=bool(done.created or done.altered),
        diff={"before": describe_roles(done.before), "after": describe_roles(done.after)},
        roles=names,
        created=done.created,
        altered=done.altered,
    )


if __name__ == "__main__":
    main()
