# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host of the inventory says of itself, as far as the inventory says it.

Whatever a module returns as ``ansible_facts`` becomes variables of its host that outrank inventory and role defaults
(INJECT_FACTS_AS_VARS), so a host that lies could set any of this collection's variables. Ansible never lets a fact replace the
variable ``ansible_facts`` itself, so a look at that one tells whether a host did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_OURS = ("pgtls_", "__pgtls_")


def refuse_own_facts(host: str, facts: Mapping[str, Any]) -> None:
    """Refuse a host whose facts carry names of this collection's variables.

    :param facts: the variable ``ansible_facts`` of the host.
    :raises AnsibleFilterError: which names the host and the variables.
    """
    claimed = sorted(str(name) for name in facts if str(name).startswith(_OURS))
    if claimed:
        raise AnsibleFilterError(
            f"the facts of {host} set {', '.join(claimed[:5])}, but variables of this collection come from the inventory alone; "
            f"find out which module or fact cache of {host} returned them, and remove them there"
        )


def inventory_variables(hostvars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """The variables of a host, once its facts are known to claim none of this collection's.

    :raises AnsibleFilterError: for a host that is not in the inventory, or whose facts claim some.
    """
    if host not in hostvars:
        raise AnsibleFilterError(f"{host} is not a host of the inventory; correct the variable that names it")
    variables: Mapping[str, Any] = hostvars[host]
    refuse_own_facts(host, variables.get("ansible_facts", {}))
    return variables
