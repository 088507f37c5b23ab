# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which regular expressions PostgreSQL takes: the expected answers are those of real servers."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.regex_checker import regex_problem
from hypothesis import given
from hypothesis import strategies as st

GOOD = [
    "",
    "^app_[0-9]+$",
    "a|b||",
    "|",
    "()",
    "(?:a)(?=b)(?!c)(?<=d)(?<!e)",
    "a{2}b{2,}c{2,3}?",
    "a{255}",
    "a{0}",
    "a{",
    "a{,5}",
    "}",
    "]",
    "[]a]",
    "[^]]",
    "[a-]",
    "[-a]",
    "[--a]",
    "[a-z[:digit:]_]",
    "[[.hyphen.]-[.zero.]]",
    "[[=a=]]",
    "[[.a.]]",
    r"[\w\d\s]",
    "[[:<:]]a[[:>:]]",
    r"(a)\1",
    r"(a(b)\2)",
    r"\12",
    r"\0",
    r"\777",
    r"\x41\u0041\U00000041",
    r"\cA",
    r"\m\M\y\Y\A\Z",
    r"\.\*\-\é",
    "(?#comment)a",
    "(?#never closed",
    "(?i)A",
    "(?x) a b # note\n c",
    "***:a",
    "***:(?i)a",
    "***=((*",
    "(?q)((*",
    "(?e)a)",
    r"(?e)\w",
    r"(?b)a\{2\}\(b\)",
    "(?b)*a",
    "(?b)a(b",
    "a*?b+?c??",
    "(^a|b$)",
    "(a){0}\\1",
]
BAD = {
    "(": "not closed",
    ")": "not opened",
    "(a": "not closed",
    "a)": "not opened",
    "[": "bracket",
    "[a": "bracket",
    "[]": "bracket",
    "[[:alpha:]": "bracket",
    "[[:foo:]]": "not a character class",
    "[[::]]": "not a character class",
    "[[.foo.]]": "collating element",
    "[[..]]": "collating element",
    "[[=foo=]]": "collating element",
    "[z-a]": "backwards",
    "[a-b-c]": "no character before",
    "[[:alpha:]-z]": "no character before",
    r"[a-\d]": "no character after",
    r"[\A]": "inside brackets",
    r"[\1]": "inside brackets",
    "*": "nothing before",
    "a**": "nothing before",
    "a|*": "nothing before",
    "(*a)": "nothing before",
    "^*": "nothing before",
    "(?=a)*": "nothing before",
    r"\y+": "nothing before",
    "{1}": "nothing before",
    "a{1": "not closed",
    "a{1a}": "repetition count",
    "a{3,2}": "repetition count",
    "a{256}": "greater than 255",
    "a{1,256}": "greater than 255",
    "a{1}{2}": "nothing before",
    "\\": "backslash",
    r"\q": "not an escape",
    r"\u12": "digits",
    r"\xg": "digits",
    r"\xfffffffff": "names no character",
    r"\c": "not followed",
    r"\89": "digits",
    r"\1": "refers to no",
    r"(\1)": "refers to no",
    r"\2(a)(b)": "refers to no",
    r"(a)(?=\1)": "refers to no",
    "(?z)a": "not an embedded option",
    "(?i": "not closed",
    "(?P<n>a)": "not an embedded option",
    "a(?P<n>a)": "repeats nothing",
    "a(?i)": "repeats nothing",
    "(?": "repeats nothing",
    "a(?<a)": "repeats nothing",
    "***": "nothing before",
    "***a": "only",
    "***?": "only",
    r"(?b)\(a": "not closed",
    r"(?b)a\{2": "not closed",
    r"(?b)a\)": "not opened",
}


@pytest.mark.parametrize("pattern", GOOD)
def test_postgresql_takes_it(pattern: str) -> None:
    for version in (13, 14, 19):
        assert regex_problem(pattern, version) is None


@pytest.mark.parametrize(("pattern", "words"), list(BAD.items()))
def test_postgresql_refuses_it(pattern: str, words: str) -> None:
    for version in (13, 14, 19):
        problem = regex_problem(pattern, version)
        assert problem is not None
        assert words in problem


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\W]", 14, 13),
        (r"[\D\S]", 14, 13),
        ("[[:word:]]", 14, 13),
        (r"[\w-a]", 13, 14),
    ],
)
def test_brackets_changed_in_14(pattern: str, good: int, bad: int) -> None:
    assert regex_problem(pattern, good) is None
    assert regex_problem(pattern, bad) is not None


def test_ranges_compare_bytes() -> None:
    assert regex_problem("[\u00e9-\u00e8]", 16) is None
    assert regex_problem("[\u00e9-z]", 16) is not None


@given(st.text(alphabet=r"ab^$.*+?|()[]{},-:=!<>#\1209xqb ", max_size=30), st.sampled_from([13, 14, 19]))
def test_any_expression_gets_a_verdict(pattern: str, version: int) -> None:
    regex_problem(pattern, version)
