# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions that mean the same in PostgreSQL and in Python, and those that are left to PostgreSQL."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.regex_matching import RegexMatch, search


@pytest.mark.parametrize(
    ("pattern", "text", "group"),
    [
        ("", "anything", None),
        ("^app", "app1", None),
        ("pp", "app1", None),
        ("(?i)APP", "app1", None),
        ("^app[0-9]{1,3}$", "app123", None),
        ("^(app|web)1$", "web1", "web"),
        (r"^(.*)@example\.com$", "a@b@example.com", "a@b"),
        ("^CN=([^,]+),.*$", "CN=app1,O=x,C=y", "app1"),
        ("^CN=([^,]+),.*", "CN=app1,O=x", "app1"),
        ("^([a-z]+)_", "abc_d", "abc"),
        (r"^\w+\.(\d+)$", "host.12", None),
        ("a|b", "b", None),
        ("^^a$$", "a", None),
        ("^$", "", None),
        ("^(a)?b$", "b", None),
        ("^(?:a|b)c$", "bc", None),
        (r"\(x\)", "(x)", None),
        ("^.$", "\n", None),
    ],
)
def test_what_is_found(pattern: str, text: str, group: Any) -> None:
    found = search(pattern, text)
    assert found is not None
    assert found.matches
    if group is not None:
        assert found == RegexMatch(True, group)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^app$", "app1"),
        ("^app$", "app\n"),
        ("APP", "app"),
        ("^[^a]", "a"),
        ("^a^", "a"),
        (r"^\d$", "٣"),
        ("a{2}", "a"),
    ],
)
def test_what_is_not_found(pattern: str, text: str) -> None:
    assert search(pattern, text) == RegexMatch(False)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\yapp",
        r"\mapp",
        r"(a)\1",
        "a*?b",
        "a**",
        "^*",
        "*",
        "(?=a)",
        "***=a",
        "[[:alpha:]]",
        "[a\\d]",
        "[]a]",
        "[a-",
        "(a",
        "a)",
        "a]",
        "a{",
        "(a+)+",
        "((a*)b)*",
        "(a|a)*b",
        "a*a*a*a*a*a*b",
        r"\x41",
        "[z-a]",
        "[A-z]",
        "\udcff",
    ],
)
def test_what_only_postgresql_can_tell(pattern: str) -> None:
    assert search(pattern, "app") is None


@pytest.mark.parametrize(
    ("pattern", "text", "is_certain"),
    [
        ("^(a|ab)(c|bcd)$", "abcd", False),
        ("(a|ab)", "ab", False),
        ("^(a|ab)$", "ab", True),
        ("^x(a|ab)b$", "xabb", True),
        ("([a-z]*)([0-9]*)", "ab12", False),
        ("^(?:x)(a)$", "xa", False),
        ("^(a)*$", "aa", False),
        ("^x*(a*)b*", "aab", False),
        ("(.+)@", "a@b", True),
    ],
)
def test_where_both_dialects_put_the_same_into_a_group(pattern: str, text: str, is_certain: bool) -> None:
    found = search(pattern, text)
    assert found is not None
    assert found.matches
    assert found.is_group_certain is is_certain


def test_no_expression_makes_us_search_for_long() -> None:
    begin = time.process_time()
    for pattern in ("^(a|a)*b$", "^(a|b|ab)*c$", "a*a*a*a*a*b", "(a+)+b", "(aa?)*b"):
        search(pattern, "a" * 63)
    assert time.process_time() - begin < 5
