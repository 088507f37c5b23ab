# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_ident.conf."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.ident import (
    UserMapping,
    describe_mapping,
    describe_mappings,
    ensure_mappings,
    parse_ident,
    parse_ident_line,
    read_mapping,
    read_wishes,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken, Opaque
from hypothesis import given
from hypothesis import strategies as st
from pgconf_strategies import VERSIONS, mappings, texts

APP1 = {"map": "certmap_app1", "system_user": "PostgreSQL client1", "database_user": "app1"}
APP2 = {"map": "certmap_app2", "system_user": "PostgreSQL client2", "database_user": "app2"}
LINE1 = 'certmap_app1    "PostgreSQL client1"    app1\n'
LINE2 = 'certmap_app2    "PostgreSQL client2"    app2\n'


def edit(text: str, *asked: dict[str, Any], version: int = 15, **params: Any) -> str:
    """The text after one task; the second one must have nothing to do."""
    wishes = read_wishes({"mappings": list(asked), **params}, version)
    after = ensure_mappings(parse_ident(text, version), wishes)
    assert ensure_mappings(after, wishes) is after
    again = parse_ident(after.render(), version)
    assert ensure_mappings(again, wishes) is again
    return after.render()


@pytest.mark.parametrize(
    ("line", "kind", "version"),
    [
        ("m u r", UserMapping, 15),
        ("m u r and more", UserMapping, 15),
        ("m u", Broken, 15),
        ("m u,v r", Broken, 15),
        ("m @users r", Opaque, 15),
        ("include x", Opaque, 16),
        ("include x", Broken, 15),
        ("# x", type(None), 15),
    ],
)
def test_lines_are_judged_as_the_server_does(line: str, kind: type, version: int) -> None:
    assert isinstance(parse_ident_line(line, version), kind)


def test_mappings_of_the_scenario() -> None:
    text = "# MAPNAME       SYSTEM-USERNAME         PG-USERNAME\n"
    assert edit(text, APP1, APP2) == text + LINE1 + LINE2
    assert edit(text + LINE1, APP1) == text + LINE1
    assert (
        edit('certmap_app1 Postgre"SQL client1" "app1" # x\n', APP1) == 'certmap_app1 Postgre"SQL client1" "app1" # x\n'
    )


def test_another_mapping_of_the_map_is_no_conflict() -> None:
    assert edit(LINE1, {**APP1, "database_user": "other"}).splitlines()[0] == LINE1.strip()


def test_absent_removes_all_copies() -> None:
    assert edit(LINE1 + LINE2 + LINE1, {**APP1, "state": "absent"}) == LINE2


def test_block_and_exclusive() -> None:
    text = edit("# x\nold u r\n", APP1, APP2, block="clients")
    assert text == "# x\nold u r\n# BEGIN pgtls clients\n" + LINE1 + LINE2 + "# END pgtls clients\n"
    assert edit(text, APP2, block="clients") == text.replace(LINE1, "")
    assert edit(text.replace(LINE2, "# hand\nhand u r\n"), APP1, APP2, block="clients") == text
    assert edit("# x\nold u r\n# y\n", APP1, exclusive=True) == LINE1 + "# x\n# y\n"


def test_all_plus_and_slash_have_a_meaning_since_16() -> None:
    assert edit("", {**APP1, "database_user": "all"}, version=15).split()[-1] == "all"
    assert edit("", {**APP1, "database_user": '"all"'}, version=16).split()[-1] == '"all"'
    assert edit('m u "all"\n', {"map": "m", "system_user": "u", "database_user": "all"}, version=15) == 'm u "all"\n'
    assert edit('m u "all"\n', {"map": "m", "system_user": "u", "database_user": "all"}, version=16) != 'm u "all"\n'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"map": ""}, "mapping 1: map is missing"),
        ({"system_user": "a\nb"}, "line break"),
        ({"system_user": "/^x", "database_user": r"\1"}, "no parentheses"),
        ({"comment": "a\nb"}, "comment"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        edit("", {**APP1, **change})


def test_described_with_the_line() -> None:
    assert describe_mappings(parse_ident("\n" + LINE1, 15)) == [{"line": 2, **APP1, "comment": None}]


@given(texts, st.lists(mappings, max_size=4), VERSIONS, st.sampled_from([{}, {"block": "b"}]))
def test_twice_is_once_and_foreign_lines_stay(
    noise: str, asked: list[dict[str, Any]], version: int, params: dict[str, Any]
) -> None:
    text = noise + "\n"
    asked = list({(one["map"], one["system_user"], one["database_user"]): one for one in asked}.values())
    wishes = read_wishes({"mappings": asked, **params}, version)
    document = parse_ident(text, version)
    after = ensure_mappings(document, wishes)
    again = parse_ident(after.render(), version)
    assert ensure_mappings(again, wishes) is again
    if not any(isinstance(line.entry, UserMapping) for line in document.lines):
        assert after.render().startswith(text)
    for one in wishes.present:
        assert one.match_key in {line.entry.match_key for line in again.lines if isinstance(line.entry, UserMapping)}


@given(mappings, VERSIONS)
def test_what_is_described_can_be_asked_for(fields: dict[str, Any], version: int) -> None:
    mapping = read_mapping(fields, version)
    assert read_mapping(describe_mapping(mapping), version).match_key == mapping.match_key
