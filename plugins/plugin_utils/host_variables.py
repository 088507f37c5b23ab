# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host of the inventory says of itself, as far as the inventory says it.

Whatever a module returns as ``ansible_facts`` becomes variables of its host that outrank inventory and role defaults
(INJECT_FACTS_AS_VARS), so a host that lies could set any of this collection's variables, and even who it is. Ansible lets no fact
replace the variable ``ansible_facts`` itself, so a look at that one tells whether a host did. An inventory may also say our variables
in words of its own (``pgtls_clients: "{{ site_clients }}"``); facts of such names are refused as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

try:
    from ansible.template import is_trusted_as_template
except ImportError:  # ansible-core 2.18 marks what it must not read instead
    from ansible.utils.unsafe_proxy import AnsibleUnsafe

    def is_trusted_as_template(value: object) -> bool:
        """Whether a string may be a template."""
        return not isinstance(value, AnsibleUnsafe)


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


_WORD = re.compile(r"[^\W\d]\w*")
# An inventory that writes this means a fact, whatever its name.
_FACT = re.compile(r"""ansible_facts(\.\w+|\[\s*(['"])\w+\2\s*\])""")


def refuse_claims(host: str, facts: Any) -> None:
    """Refuse a host whose facts carry names of this collection's variables, or of those that say who it is.

    :param facts: the variable ``ansible_facts`` of the host.
    :raises AnsibleFilterError: which names the host and the variables.
    """
    _refuse(host, _claims(facts))


def refuse_words_of_ours(hostvars: Mapping[str, Any], host: str) -> None:
    """Refuse a host whose facts have taken the place of variables that the inventory says those of this collection with.

    :param hostvars: the variable of that name; what is no template is asked, so plain dictionaries do as well.
    :raises AnsibleFilterError: which names the host and the variables.
    """
    untemplated: Mapping[str, Any] = getattr(hostvars, "raw_get", hostvars.__getitem__)(host)
    facts = untemplated.get("ansible_facts")
    names = {str(name) for name in facts} if isinstance(facts, Mapping) else set()
    taken = {name for name in names & set(untemplated) if not _is_of_inventory(untemplated[name])}
    if taken:
        _refuse(host, taken & _words_of_ours(untemplated))


def _is_of_inventory(value: Any) -> bool:
    """Whether Ansible would read a string of it as a template, as it does with none that a host returned."""
    if isinstance(value, Mapping):
        return any(_is_of_inventory(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_of_inventory(one) for one in value)
    return isinstance(value, str) and is_trusted_as_template(value)


def _refuse(host: str, names: set[str]) -> None:
    claimed = sorted(names)
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


def _words_of_ours(variables: Mapping[str, Any]) -> set[str]:
    """The words of all templates that our variables are made of, and of those that these are made of."""
    found: set[str] = set()
    due = [value for name, value in variables.items() if str(name).startswith("pgtls_")]
    while due:
        words = {word for text in _templates(due.pop()) for word in _WORD.findall(_FACT.sub("", text))} - found
        found |= words
        due += [variables[word] for word in words if word in variables]
    return found


def _templates(value: Any) -> Iterator[str]:
    """The strings in a value that are templates."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _templates(one)
    elif isinstance(value, str) and "{" in value:
        yield value


def inventory_variables(hostvars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """The variables of a host, which is refused when its facts claim some that only the inventory may set.

    :raises AnsibleFilterError: also for a host that is not in the inventory.
    """
    if host not in hostvars:
        raise AnsibleFilterError(f"{host} is not a host of the inventory; correct the variable that names it")
    variables: Mapping[str, Any] = hostvars[host]
    refuse_claims(host, variables.get("ansible_facts", {}))
    refuse_words_of_ours(hostvars, host)
    return variables
