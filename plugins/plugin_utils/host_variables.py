# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host of the inventory says of itself, as far as the inventory says it.

Whatever a module returns as ``ansible_facts`` becomes variables of its host that outrank inventory and role defaults
(INJECT_FACTS_AS_VARS), so a host that lies could set any of this collection's variables, and even who it is. Ansible lets no fact
replace the variable ``ansible_facts`` itself, so a look at that one tells whether a host did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_OURS = ("pgtls_", "__pgtls_")
# Variables and functions of templates that say who a host is, or what an expression means.
_MEANING = frozenset(
    {
        "inventory_hostname",
        "inventory_hostname_short",
        "group_names",
        "groups",
        "hostvars",
        "vars",
        "omit",
        "item",
        "undef",
        "lookup",
        "query",
        "q",
        "now",
        "playbook_dir",
        "delegated_vars",
        "ansible_delegated_vars",
        "facts",
        "role_name",
        "role_names",
        "play_hosts",
        "play_hosts_all",
        "rollover_client_report",
        "rollover_server_report",
    }
)


def refuse_claims(host: str, facts: Any) -> None:
    """Refuse a host whose facts carry names of this collection's variables, or of those that say who it is.

    :param facts: the variable ``ansible_facts`` of the host.
    :raises AnsibleFilterError: which names the host and the variables.
    """
    claimed = sorted(_claims(facts))
    if claimed:
        raise AnsibleFilterError(
            f"the facts of {host} set {', '.join(claimed[:5])}, but these variables come from the inventory alone; "
            f"find out which module or fact cache of that host returned them, and remove them there"
        )


def _claims(facts: Any) -> set[str]:
    """The names that no fact may have. In changed_when, ansible-core has the facts of the result itself one level deeper."""
    if not isinstance(facts, Mapping):
        return {"ansible_facts"}
    names = {str(name) for name in facts}
    claimed = {name for name in names if name.startswith(_OURS) or name in _MEANING}
    return claimed | _claims(facts["ansible_facts"]) if "ansible_facts" in names else claimed


def inventory_variables(hostvars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """The variables of a host, which is refused when its facts claim some that only the inventory may set.

    :raises AnsibleFilterError: also for a host that is not in the inventory.
    """
    if host not in hostvars:
        raise AnsibleFilterError(f"{host} is not a host of the inventory; correct the variable that names it")
    variables: Mapping[str, Any] = hostvars[host]
    refuse_claims(host, variables.get("ansible_facts", {}))
    return variables
