# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that keep every byte, and owned blocks."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.ident import parse_ident
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule, parse_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.postgresql_conf import parse_conf
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.document import (
    Line,
    check_block_name,
    find_blocks,
    split_lines,
    split_physical,
)
from hypothesis import given
from pgconf_strategies import VERSIONS, texts


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("rej\\\nect\n", 14, ["reject"]),
        ("rej\\\nect\n", 13, ["rej\\", "ect"]),
        ("# note \\\nhost x\nb\n", 14, ["# note host x", "b"]),
        ("# note \\\nhost x\n", 13, ["# note \\", "host x"]),
        ("a\\\r\nb\r\n", 14, ["ab"]),
        ("a\\", 14, ["a"]),
        ("a\\\\\nb\n", 14, ["a\\b"]),
        ("a\\\\\n\nb\n", 14, ["a\\", "b"]),
        ("a\x0bb\x85c\n", 14, ["a\x0bb\x85c"]),
        ("a", 14, ["a"]),
        ("", 14, []),
    ],
)
def test_logical_lines_follow_the_version(text: str, version: int, expected: list[str]) -> None:
    assert [content for _raw, content in split_lines(text, version)] == expected


def test_line_number_is_that_of_the_first_physical_line() -> None:
    document = parse_hba("# a \\\nb\nlocal all all peer\n", 15)
    assert [number for number, line in document.numbered() if isinstance(line.entry, Rule)] == [3]


@given(texts, VERSIONS)
def test_render_of_parse_is_the_same_text(text: str, version: int) -> None:
    assert "".join(split_physical(text)) == text
    assert parse_hba(text, version).render() == text
    assert parse_ident(text, version).render() == text
    assert parse_conf(text, version).render() == text


@given(texts, VERSIONS)
def test_appending_never_changes_the_lines_before(text: str, version: int) -> None:
    document = parse_hba(text, version)
    try:
        appended = document.with_lines([*document.lines, Line("local all all peer\n")])
    except ConfigError:
        assert split_lines(text, version)[-1][1].endswith(("\r", "\n"))
        return
    again = parse_hba(appended.render(), version)
    entries = [line.entry for line in document.lines if line.entry is not None]
    assert [line.entry for line in again.lines if line.entry is not None][:-1] == entries
    assert appended.render().startswith(text)


@pytest.mark.parametrize("text", ["\r\\", "# a\nlocal all all cert map=x\r\\"])
def test_nothing_is_put_behind_a_carriage_return_and_a_backslash_that_end_the_file(text: str) -> None:
    """Closing the line would let the server strip the carriage return, which is a part of the last word."""
    document = parse_hba(text, 15)
    with pytest.raises(ConfigError, match="remove both") as caught:
        document.with_lines([*document.lines, Line("local all all peer\n")])
    assert caught.value.line_number == len(text.split("\n"))


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("# BEGIN pgtls a\n", "never ends", 1),
        ("x\n# END pgtls a\n", "does not start", 2),
        ("# BEGIN pgtls a\n# BEGIN pgtls b\n# END pgtls b\n# END pgtls a\n", "starts inside", 2),
        ("# BEGIN pgtls a\n# END pgtls b\n", "does not start", 2),
        ("# BEGIN pgtls a\n# END pgtls a\n# BEGIN pgtls a\n# END pgtls a\n", "second time", 3),
    ],
)
def test_broken_markers_are_an_error_with_their_line(text: str, problem: str, line: int) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        find_blocks(parse_hba(text, 15))
    assert caught.value.line_number == line
    assert str(caught.value).startswith(f"line {line} ")


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a\\"])
def test_block_names_must_be_findable(name: str) -> None:
    with pytest.raises(ConfigError):
        check_block_name(name)


def test_unknown_major_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="from 13 to 19"):
        parse_hba("", 12)
