# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of lies: how each alters the result of a module. Pure, with the chance as an argument."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Value = Any
Alteration = Callable[[Value, Random, str], Value]

COMMANDS = (
    "{{{{ lookup('pipe', 'touch {marker}') }}}}",
    "{{{{ query('ansible.builtin.pipe', 'touch {marker}') | first }}}}",
    "{{% set x = lookup('ansible.builtin.pipe', 'touch {marker}') %}}{{{{ x }}}}",
    "{{{{ cycler.__init__.__globals__.os.system('touch {marker}') }}}}",
    "$(touch {marker})",
    "`touch {marker}`",
    "x; touch {marker} #",
    "| touch {marker}",
    "' || touch {marker} || '",
)
LINES = (
    "{}\n",
    "\n{}",
    "{}\r\nhost all all 0.0.0.0/0 trust\n",
    "{}\nsslmode=disable\nhostaddr=192.0.2.1",
    "{}\0",
    "\0",
    "\x1b[2J{}\x9b",
)
PATHS = (
    "../../../../../../{marker}",
    "{marker}",
    "../{}",
    "/{}",
    "{}/../../../..{marker}",
    "~/{}",
    "./{}",
    "//{marker}",
    "..",
    "/dev/zero",
    "C:\\{}",
)
NAMES = (
    "app1",
    "app2",
    "server-raxus",
    "raxus",
    "ca1",
    "localhost",
    "apps1",
    "PostgreSQL client1",
    "postgres",
    "all",
    "verify-revoked",
)
LETTERS = (
    "{}\u202e",
    "\ufeff{}",
    "{}\u2028x",
    "\ud800",
    "{}\U0010ffff",
    "\u0130{}",
    "e\u0301{}",
    "{}\xa0",
    "\x7f{}",
    "%s%n{}",
    "{}{{}}",
    "*",
    "[{}]",
)
TYPES = (
    None,
    True,
    False,
    0,
    -1,
    7.5,
    2**80,
    "",
    "yes",
    [],
    {},
    [None],
    [[]],
    {"a": None},
    [{}],
    [0],
    "None",
    float("1e308"),
)
TAGS = ("TrustedAsTemplate", "Origin", "VaultedValue", "_AnsibleTaggedStr", "datetime.datetime")


def _filled(chance: Random, forms: tuple[str, ...], value: Value, marker: str) -> Value:
    """One of the forms, around the value where that is a string."""
    form = chance.choice(forms)
    return form.replace("{marker}", marker).replace("{}", value if isinstance(value, str) else "x")


def _strings(forms: tuple[str, ...]) -> Alteration:
    def alter(value: Value, chance: Random, marker: str) -> Value:
        return _filled(chance, forms, value, marker) if isinstance(value, str) else value

    return alter


def _commands(value: Value, chance: Random, marker: str) -> Value:
    return chance.choice(COMMANDS).format(marker=marker) if isinstance(value, str) else value


def _tagged(value: Value, chance: Random, marker: str) -> Value:
    """A string that says of itself that it may be a template, in the words of ansible-core."""
    if not isinstance(value, str):
        return value
    tag = {"__ansible_type": chance.choice(TAGS), "path": "x", "ciphertext": "x", "iso8601": "x"}
    template = COMMANDS[0].format(marker=marker)
    return {"__ansible_type": "_AnsibleTaggedStr", "value": template, "tags": [tag], "__ansible_unsafe": template}


def _many(value: Value, chance: Random, _marker: str) -> Value:
    # not the lists around those that are long already: with millions of entries Ansible itself is busy for minutes
    if isinstance(value, list) and len(repr(value)) < 10_000:
        return value * (5000 // len(value)) if value else ["x"] * 5000
    return value


def _deep(value: Value, chance: Random, _marker: str) -> Value:
    for level in range(chance.choice((20, 200))):
        value = [value] if level % 2 else {"x": value}
    return value


def _long(value: Value, chance: Random, _marker: str) -> Value:
    return value + "A" * 1_000_000 if isinstance(value, str) and chance.random() < 0.2 else value


def _typed(_value: Value, chance: Random, _marker: str) -> Value:
    return chance.choice(TYPES)


def _empty(value: Value, _chance: Random, _marker: str) -> Value:
    return type(value)() if isinstance(value, (str, list, dict, int)) else value


def _opposite(value: Value, chance: Random, _marker: str) -> Value:
    if isinstance(value, bool):
        return not value
    return chance.choice((0, -1, 1, 2**31)) if isinstance(value, int) else value


VALUES: dict[str, Alteration] = {
    "commands": _commands,
    "lines": _strings(LINES),
    "paths": _strings(PATHS),
    "names": _strings(NAMES),
    "letters": _strings(LETTERS),
    "tags": _tagged,
    "many": _many,
    "deep": _deep,
    "long": _long,
    "types": _typed,
    "empty": _empty,
    "opposite": _opposite,
}


# Those that alter the result as a whole.
WHOLE = ("words", "missing", "waits")


def _walk(value: Value, alter: Callable[[Value], Value]) -> Value:
    """The same with every value in it altered, the inner ones first."""
    if isinstance(value, dict):
        return alter({key: _walk(one, alter) for key, one in value.items()})
    if isinstance(value, list):
        return alter([_walk(one, alter) for one in value])
    return alter(value)


def _without_keys(value: Value, chance: Random) -> Value:
    if isinstance(value, dict):
        return {key: _without_keys(one, chance) for key, one in value.items() if chance.random() < 0.7}
    return [_without_keys(one, chance) for one in value] if isinstance(value, list) else value


def _words_of_ansible(chance: Random, marker: str) -> dict[str, Value]:
    """Keys that Ansible itself reads in a result."""
    template = COMMANDS[0].format(marker=marker)
    words: dict[str, Value] = {
        "add_host": {
            "host_name": "intruder2",
            "groups": ["ca", "postgres_clients"],
            "host_vars": {"ansible_connection": "local"},
        },
        "add_group": "ca",
        "parent_groups": ["all"],
        "ansible_stats": {"data": {"x": template}, "per_host": False, "aggregate": True},
        "ansible_loop_var": "pgtls_ca_host",
        "pgtls_ca_host": "localhost",
        "ansible_index_var": "inventory_hostname",
        "delegated_vars": {"ansible_host": "localhost", "ansible_delegated_host": "ca1"},
        "_ansible_delegated_vars": {"ansible_host": "localhost", "ansible_delegated_host": "ca1"},
        "_ansible_notify": ["pgtls server changed"],
        "_ansible_no_log": True,
        "_ansible_item_label": template,
        "_ansible_verbose_override": True,
        "_ansible_ignore_errors": True,
        "_ansible_suppress_tmpdir_delete": True,
        "include": "/etc/passwd",
        "include_args": {"pgtls_ca_host": "localhost"},
        "include_variables": {"pgtls_ca_host": "localhost"},
        "results": [{"item": "x", "ansible_facts": {"pgtls_ca_host": "localhost"}}],
        "item": "localhost",
        "warnings": [template] * 3,
        "deprecations": [{"msg": template, "version": "1.0", "collection_name": "../.."}],
        "exception": template,
        "invocation": {"module_args": {"directory": template}},
        "diff": [{"before": template, "after": "x", "before_header": "/etc/passwd"}],
        "stdout": template,
        "skipped": True,
        "skip_reason": template,
        "unreachable": True,
        "failed": False,
        "attempts": 3,
        "finished": 0,
        "ansible_job_id": "../../x",
        "rc": 0,
        "changed": template,
        "notify": "pgtls server changed",
        "register": "pgtls_ca_result",
        "_raw_params": f"touch {marker}",
    }
    return {key: words[key] for key in chance.sample(sorted(words), 8)}


def forged(lie: str, result: dict[str, Value], chance: Random, marker: str) -> dict[str, Value]:
    """The result as one family has it.

    :param lie: the family, and how much it alters: ``names.all``, ``names.some`` (a third of the values) or ``names.one`` (one key).
    """
    family, amount = lie.split(".")
    if family == "words":
        return {**result, **_words_of_ansible(chance, marker)}
    if family == "waits":
        return {**result, "waiting": True, "requests": [], "restart_due": False}
    if family == "missing":
        return _without_keys(result, chance)
    alter = VALUES[family]
    if amount == "one":
        key = chance.choice(sorted(result))
        return {**result, key: _walk(result[key], lambda value: alter(value, chance, marker))}
    share = {"all": 1.0, "some": 0.3}[amount]
    return {
        key: _walk(value, lambda one: alter(one, chance, marker) if chance.random() < share else one)
        for key, value in result.items()
    }
