# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that no option can use are refused for all modules, with the name of the option at whatever depth."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.unusable_values import unusable_values

SPEC = {
    "name": {"type": "str"},
    "settings": {"type": "dict"},
    "lifetime_days": {"type": "int"},
    "mode": {"type": "raw"},
    "rules": {"type": "list", "elements": "dict", "options": {"user": {"type": "raw"}, "port": {"type": "int"}}},
}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"name": "a\x00b"}, "name holds a NUL character"),
        ({"settings": {"a": ["\ud800"]}}, "settings holds a character that is not Unicode"),
        ({"settings": {"a\x00": 1}}, "settings holds a NUL character"),
        ({"rules": [{"user": "a"}, {"user": ["b", "\udd00"]}]}, "rules.user holds a character that is not Unicode"),
        ({"rules": [{"port": 2**40}]}, "rules.port is 1099511627776, but must be between"),
        ({"lifetime_days": 1_000_001}, "lifetime_days is 1000001, but must be between -1000000 and 1000000"),
        ({"lifetime_days": 10**50}, "lifetime_days is a number of 51 digits"),
        ({"mode": ["0640"]}, "mode is ['0640'], but must be an octal number"),
        ({"mode": True}, "mode is True, but must be an octal number"),
    ],
)
def test_it_is_named(params: dict[str, Any], expected: str) -> None:
    (sentence,) = unusable_values(params, SPEC)
    assert sentence.startswith(expected)


def test_what_can_be_used_passes() -> None:
    params = {
        "name": "Gr\u00fc\u00dfe \U0001f600",
        "settings": {"a": None, "b": ["x", 1]},
        "lifetime_days": 1_000_000,
        "mode": "0640",
        "rules": [{"user": ["a"], "port": 5432}, None],
    }
    assert list(unusable_values(params, SPEC)) == []
