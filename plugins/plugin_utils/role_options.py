# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of this collection's roles, as their argument specs describe them, and what a host sets of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

_COLLECTION = Path(__file__).resolve().parents[2]
_PREFIX = "pgtls_"


@dataclass(frozen=True)
class RoleOptions:
    """The options of all roles by name, and every name with the prefix in the specs (results are among them) and playbooks."""

    options: Mapping[str, Mapping[str, Any]]
    names: Collection[str]


@lru_cache(maxsize=1)
def role_options() -> RoleOptions:
    """Read the argument specs of the roles."""
    options: dict[str, Mapping[str, Any]] = {}
    names: set[str] = set()
    for path in sorted(_COLLECTION.glob("playbooks/*.yml")):
        names.update(_names_in(path.read_text(encoding="utf-8")))
    for path in sorted(_COLLECTION.glob("roles/*/meta/argument_specs.yml")):
        text = path.read_text(encoding="utf-8")
        names.update(_names_in(text))
        for entry_point in yaml.safe_load(text)["argument_specs"].values():
            for name, option in (entry_point.get("options") or {}).items():
                if name not in options or "options" in option:  # one role describes the list of all in full
                    options[name] = option
    return RoleOptions(options, frozenset(names))


def _names_in(text: str) -> list[str]:
    return re.findall(rf"\b{_PREFIX}\w+", text)


def unknown_variables(variables: Iterable[str]) -> Iterator[str]:
    """One sentence for each variable with the prefix of this collection that none of its roles has."""
    known = role_options().names
    for name in sorted(variable for variable in variables if str(variable).startswith(_PREFIX)):
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            way_out = f"is {near[0]} meant?" if near else "correct it, or give your own variable another prefix."
            yield f"{name} is no variable of this collection; {way_out}"


def wrong_values(variables: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each value that the spec of its role does not allow.

    A value that cannot be worked out yet, because its template names something of a later play, is left to its role.
    """
    options = role_options().options
    for name in sorted(set(map(str, variables)).intersection(options)):
        try:
            value = _plain(variables[name])
        except AnsibleError:
            continue
        if value is None:
            continue
        found = ArgumentSpecValidator({name: _spec_for(options[name], value)}).validate({name: value})
        for error in found.errors:
            yield f"{name}: {'unknown key ' if isinstance(error, UnsupportedError) else ''}{str(error).rstrip('.')}."


def _plain(value: Any) -> Any:
    """A value without the templating engine that Ansible's own containers hold, which the validator would copy with it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _spec_for(option: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    """The spec of an option, whose keys are those of one dictionary or of each in a list where it takes both."""
    if option.get("type") != "raw" or "options" not in option:
        return option
    return {**option, **({"type": "dict"} if isinstance(value, Mapping) else {"type": "list", "elements": "dict"})}
