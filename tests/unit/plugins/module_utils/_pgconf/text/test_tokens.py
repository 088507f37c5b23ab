# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokenizer of pg_hba.conf and pg_ident.conf: each line of the table was tried on real servers."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.tokens import (
    Name,
    Token,
    check_comment,
    classify,
    quote,
    read_word,
    render_name,
    show_word,
    tokenize,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.vocabulary import (
    DATABASE_KEYWORDS,
    USER_KEYWORDS,
)
from hypothesis import given
from hypothesis import strategies as st

T = Token


def fields_of(text: str, version: int = 15) -> list[list[Token]]:
    return [list(field) for field in tokenize(text, version)[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local all all peer", [[T("local")], [T("all")], [T("all")], [T("peer")]]),
        ("a, b", [[T("a"), T("b")]]),
        ("a ,b", [[T("a")], [T("b")]]),
        ("a,,b", [[T("a"), T("b")]]),
        (",a", [[T("a")]]),
        ("a,", [[T("a")]]),
        ("a, 10.0.0.0/8", [[T("a"), T("10.0.0.0/8")]]),
        ('a"b c"d', [[T("ab cd")]]),
        ('"a"ll', [[T("all", True)]]),
        ('""all', [[T("all", True)]]),
        ('al"l"', [[T("all")]]),
        ('"say ""hi"""', [[T('say "hi"', True)]]),
        ('""', [[T("", True)]]),
        ('"trust # no', [[T("trust # no", True)]]),
        ('+"My Group"', [[T("+My Group")]]),
        ("md5#x", [[T("md5")]]),
        ('"a,b#c"', [[T("a,b#c", True)]]),
        ("'a b'", [[T("'a")], [T("b'")]]),
        ("a\x0bb\x0cc\xa0d", [[T("a\x0bb\x0cc\xa0d")]]),
        ("a\\b", [[T("a\\b")]]),
        (" , \t# only a comment", []),
    ],
)
def test_tokenize_reads_as_the_server(text: str, expected: list[list[Token]]) -> None:
    assert fields_of(text) == expected


def test_carriage_return_is_a_blank_until_18() -> None:
    assert fields_of("a\rb", 18) == [[T("a")], [T("b")]]
    assert fields_of("a\rb", 19) == [[T("a\rb")]]


def test_comment_is_what_follows_the_sign() -> None:
    assert tokenize("a # why #2", 15)[1] == " why #2"
    assert tokenize('"#" b', 15)[1] is None


@pytest.mark.parametrize(
    ("token", "version", "expected"),
    [
        (T("all"), 15, Name("keyword", "all")),
        (T("all", True), 15, Name("name", "all")),
        (T("ALL"), 15, Name("name", "ALL")),
        (T("+staff"), 15, Name("group", "staff")),
        (T("+staff", True), 15, Name("name", "+staff")),
        (T("/^a"), 15, Name("name", "/^a")),
        (T("/^a", True), 16, Name("regex", "/^a")),
        (T("@f"), 15, Name("file", "f")),
        (T("@"), 15, Name("name", "@")),
        (T("@f", True), 15, Name("name", "@f")),
    ],
)
def test_classify_tells_what_a_user_word_means(token: Token, version: int, expected: Name) -> None:
    assert classify(token, USER_KEYWORDS, version, groups=True) == expected


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("all", "all"),
        ('"all"', '"all"'),
        ("My Db", '"My Db"'),
        ("a,b", '"a,b"'),
        ("a#b", '"a#b"'),
        ('q"q', '"q""q"'),
        ("ALL", "ALL"),
        ("+My Group", '+"My Group"'),
        ('"+x"', '"+x"'),
        ('"@x"', '"@x"'),
        ("back\\", '"back\\"'),
    ],
)
def test_user_words_are_quoted_where_needed(word: str, written: str) -> None:
    assert render_name(read_word(word, USER_KEYWORDS, 15, groups=True), USER_KEYWORDS, 15, groups=True) == written


def test_literal_slash_name_becomes_an_anchored_expression_since_16() -> None:
    assert read_word('"/a.b"', DATABASE_KEYWORDS, 15) == Name("name", "/a.b")
    assert read_word('"/a.b"', DATABASE_KEYWORDS, 16) == Name("regex", r"/^/a\.b$")


@pytest.mark.parametrize("text", ["a\nb", "a\0b"])
def test_quote_refuses_what_the_format_cannot_express(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot express"):
        quote(text)


def test_comment_may_not_break_out_of_its_line() -> None:
    with pytest.raises(ConfigError, match="line break"):
        check_comment("a\nb", 15)
    with pytest.raises(ConfigError, match="backslash"):
        check_comment("a\\", 14)
    check_comment("a\\", 13)


@given(st.text(st.characters(exclude_characters="\n\0"), max_size=12), st.integers(13, 19))
def test_any_literal_name_survives_writing_and_showing(text: str, version: int) -> None:
    name = Name("name", text)
    if version >= 16 and text.startswith("/"):
        return
    written = render_name(name, USER_KEYWORDS, version, groups=True)
    ((token,),) = tokenize(f"{written} # x", version)[0]
    assert classify(token, USER_KEYWORDS, version, groups=True) == name
    assert read_word(show_word(name, USER_KEYWORDS, version, groups=True), USER_KEYWORDS, version, groups=True) == name


@given(st.text(max_size=40), st.integers(13, 19))
def test_tokenize_accepts_any_text(text: str, version: int) -> None:
    tokenize(text, version)
