# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of pg_ident.conf: facts of section 2 as a table."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.ident_maps import (
    Mapped,
    MappingRequest,
    map_user,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.rule_matching import Unknown
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_ident


def mapped(text: str, identity: str, role: str, version: int = 16, roles: Any = None, name: str = "m") -> Mapped:
    verdict = judge_ident(text, version)
    assert verdict.accepted, verdict.lines
    return map_user(name, verdict.entries, MappingRequest(identity, role, None if roles is None else frozenset(roles)))


def answer(text: str, identity: str, role: str, version: int = 16, roles: Any = None) -> Any:
    found = mapped(text, identity, role, version, roles).answer
    return found.words if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("text", "identity", "role", "expected"),
    [
        ('m "PostgreSQL client1" app1', "PostgreSQL client1", "app1", True),
        ('m "PostgreSQL client1" app1', "PostgreSQL client1", "app2", False),
        ('m "PostgreSQL client1" app1', "PostgreSQL Client1", "app1", False),
        ("n x app1", "x", "app1", False),
        ("M x app1", "x", "app1", False),
        ("m x app2\nm x app1", "x", "app1", True),
        ("m /^.*$ app1", "x", "app1", True),
        ('m "/^x y$" app1', "x y", "app1", True),
        (r"m /^(.*)@example\.com$ \1", "app1@example.com", "app1", True),
        (r"m /^(.*)@example\.com$ \1", "app1@example.org", "app1", False),
        (r"m /^(.*)@example\.com$ \1", "app2@example.com", "app1", False),
        (r"m /^(.*)@e$ x_\1_y", "a@e", "x_a_y", True),
        (r"m /^(.*)@e$ \1\1", "a@e", r"a\1", True),
        (r"m x\1 x\1", r"x\1", r"x\1", True),
        (r"m /^x$ \1", "x", "app1", False),
        (r"m /^y$ \1" + "\nm x app1", "x", "app1", True),
        (r"m /^x$ \1" + "\nm x app1", "x", "app1", False),
        (r"m x app1" + "\n" + r"m /^x$ \1", "x", "app1", True),
    ],
)
@pytest.mark.parametrize("version", [13, 15, 16, 19])
def test_in_every_version(version: int, text: str, identity: str, role: str, expected: bool) -> None:
    assert answer(text, identity, role, version) is expected


@pytest.mark.parametrize(
    ("text", "role", "roles", "since_16", "before"),
    [
        ("m x all", "app1", None, True, False),
        ("m x all", "all", None, True, True),
        ('m x "all"', "app1", None, False, False),
        ("m x /^app", "app1", None, True, False),
        ('m x "/^app"', "app1", None, True, False),
        ("m x +g", "app1", ["g"], True, False),
        ("m x +g", "app1", [], False, False),
        ("m x +g", "app1", None, "whether the user is a member of role g", False),
        ("m x +g", "+g", None, "whether the user is a member of role g", True),
        ("m x +app1", "app1", None, True, False),
        ('m x "+g"', "app1", ["g"], False, False),
        ("m x +g\nm x app1", "app1", None, True, True),
        (r"m /(.*) +\1", "app1", ["x"], False, False),
        ("m /(all) \\1", "app1", None, False, False),
    ],
)
def test_the_last_column_has_patterns_since_16(text: str, role: str, roles: Any, since_16: Any, before: bool) -> None:
    assert answer(text, "x" if "all)" not in text else "all", role, 16, roles) == since_16
    assert answer(text, "x" if "all)" not in text else "all", role, 15, roles) is before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"m /\mx app1", r"what PostgreSQL makes of the regular expression /\mx"),
        (r"m /\mx app1" + "\nm x app1", True),
        (r"m /\mx \1" + "\nm x app1", r"what PostgreSQL makes of the regular expression /\mx"),
        (r"m /(x|xy)(y*) \1", r"what PostgreSQL makes of the regular expression /(x|xy)(y*)"),
    ],
)
def test_what_only_postgresql_can_tell(text: str, expected: Any) -> None:
    assert answer(text, "x", "app1") == expected


def test_without_a_map_names_are_equal_or_not() -> None:
    assert map_user("", None, MappingRequest("app1", "app1")).answer is True
    assert map_user("", (), MappingRequest("App1", "app1")) == Mapped(
        False, '"App1" is not the name of the role, and no map is named'
    )


def test_maps_that_are_not_told_are_a_doubt() -> None:
    assert map_user("m", None, MappingRequest("x", "app1")).answer == Unknown('what the map m says about "x"')


def test_the_reason_names_line_or_map() -> None:
    assert mapped("\nm x app1", "x", "app1").reason == 'line 2 of the map file lets "x" in as app1'
    assert mapped("m x app1", "y", "app1").reason == 'no line of the map m lets "y" in as app1'
    assert mapped("n x app1", "y", "app1").reason == "there is no map m"
    assert "no parentheses that would fill" in mapped(r"m /x \1", "x", "app1").reason
