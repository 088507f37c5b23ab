# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rule finds its place, and what stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule, parse_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba_edit import (
    check_loadable,
    describe_doubts,
    describe_unreachable,
    ensure_rules,
    find_hidden,
    read_placement,
    read_wishes,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.included_rules import (
    find_dead_rules,
    rules_of_include,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.shadowing import Shadow
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.wording import show_rule
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.document import Document
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Entry
from hypothesis import example, given
from hypothesis import strategies as st
from pgconf_strategies import VERSIONS, rules, texts

STOCK = """\
# PostgreSQL Client Authentication Configuration File

# TYPE  DATABASE        USER            ADDRESS                 METHOD

# "local" is for Unix domain socket connections only
local   all             all                                     peer
# IPv4 local connections:
host    all             all             127.0.0.1/32            scram-sha-256
"""


def fields(line: str, **more: Any) -> dict[str, Any]:
    """A rule for the option from a short line: type database user [address] method."""
    words = line.split()
    address = words[3] if words[0] != "local" else None
    method = words[-1] if len(words) > (4 if address else 3) else None
    return {"type": words[0], "database": words[1].split(","), "user": words[2].split(","), "address": address} | {
        "method": method,
        **more,
    }


def edit(text: str, *lines: Any, version: int = 15, **params: Any) -> str:
    """The text after one task; the second task and a task on the text read again must have nothing to do."""
    params = {"rules": [fields(line) if isinstance(line, str) else line for line in lines], **params}
    document = parse_hba(text, version)
    wishes, placement = read_wishes(params, version), read_placement(params, version)
    after = ensure_rules(document, wishes, placement)
    assert ensure_rules(after, wishes, placement) is after
    again = parse_hba(after.render(), version)
    assert ensure_rules(again, wishes, placement) is again
    return after.render()


def short(text: str) -> list[str]:
    """The lines without padding, blank lines and stock comments."""
    return [
        " ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith(('# "', "# IP"))
    ]


def test_nothing_due_is_the_same_document() -> None:
    assert edit(STOCK, "host all all 127.0.0.1/32 scram-sha-256", "local all all peer") == STOCK
    assert edit(STOCK, "host all all 127.0.0.1/32 scram-sha-256", fields("local all all ident")) == STOCK


@pytest.mark.parametrize(
    ("above", "asked"),
    [
        ("host all /^svc[0-9]+$ 0.0.0.0/0 reject", "host all svc7 10.0.0.0/8 md5"),
        ("host all /^app,/^svc[0-9]+$ 0.0.0.0/0 reject", "host all svc7,app1 10.0.0.0/8 md5"),
        ("host /^shop_[a-z]+$ all all reject", "host shop_eu app1 10.0.0.0/8 md5"),
        ("host /^(shop|store)_[a-z]+$ /^app[0-9]$ all reject", "host shop_eu app1 10.0.0.0/8 md5"),
    ],
)
def test_missing_rule_goes_above_an_expression_that_would_hide_it(above: str, asked: str) -> None:
    assert short(edit(f"{above}\n", asked, version=16)) == [asked, above]


@pytest.mark.parametrize("above", ["host all /^(.)vc\\1?[0-9]$ all reject", "host all /^svc[0-6]$ all reject"])
def test_missing_rule_stays_below_an_expression_that_does_not_surely_hide_it(above: str) -> None:
    assert short(edit(f"{above}\n", "host all svc7 10.0.0.0/8 md5", version=16))[0] == above


def test_missing_rule_goes_to_the_end() -> None:
    assert edit(STOCK, "hostssl all all 0.0.0.0/0 md5") == STOCK + (
        "hostssl all             all             0.0.0.0/0               md5\n"
    )


def test_missing_rule_goes_above_the_rule_that_would_hide_it_and_that_rules_comment() -> None:
    lines = edit(STOCK, "local all app1 md5").splitlines()
    assert lines[4].split() == ["local", "all", "app1", "md5"]
    assert lines[5].startswith('# "local"')


def test_hidden_rule_is_moved_with_its_spelling() -> None:
    text = "local all all peer\nlocal\tall   app1\tmd5 # mine\n"
    assert edit(text, "local all app1 md5") == "local\tall   app1\tmd5 # mine\nlocal all all peer\n"


def test_same_rule_with_another_method_is_changed_in_place() -> None:
    text = "host all all 10.0.0.0/8 md5 # old\r\nlocal all all peer\r\n"
    after = edit(text, "host all all 10.0.0.0/8 scram-sha-256")
    assert (
        after
        == "host    all             all             10.0.0.0/8              scram-sha-256 # old\r\nlocal all all peer\r\n"
    )


def test_comment_counts_only_when_asked_for() -> None:
    text = "local all all peer # old\n"
    assert edit(text, fields("local all all peer")) == text
    assert edit(text, fields("local all all peer", comment="new")).endswith("peer # new\n")
    assert edit(text, fields("local all all peer", comment="")).endswith("peer\n")


def test_two_halves_hide_the_whole() -> None:
    text = "host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 md5\n"
    assert short(edit(text, "host all app1 0.0.0.0/0 md5"))[1] == "host all app1 0.0.0.0/0 md5"


def test_listed_rules_keep_their_order_where_they_overlap() -> None:
    text = "host all all 10.0.0.0/8 md5\nhost all app1 10.1.0.0/16 reject\n"
    lines = short(edit(text, "host all app1 10.1.0.0/16 reject", "host all all 10.0.0.0/8 md5"))
    assert lines == ["host all app1 10.1.0.0/16 reject", "host all all 10.0.0.0/8 md5"]


def test_listed_rules_that_do_not_overlap_stay_where_they_are() -> None:
    text = "host all app2 10.0.0.0/8 md5\nhost all app1 10.0.0.0/8 md5\n"
    assert edit(text, "host all app1 10.0.0.0/8 md5", "host all app2 10.0.0.0/8 md5") == text


def test_new_rules_stand_in_listed_order() -> None:
    lines = short(edit("", "local all c peer", "local all a peer", "local all b peer"))
    assert lines == ["local all c peer", "local all a peer", "local all b peer"]


def test_absent_removes_every_same_rule() -> None:
    text = "host all all 10.0.0.0/8 md5\n# kept\nhost  all all 10.9.9.9 255.0.0.0 trust\nlocal all all peer\n"
    assert edit(text, fields("host all all 10.0.0.0/8", state="absent")) == "# kept\nlocal all all peer\n"


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("first", ["local all b peer", "local all a peer", "host all x all md5", "host all y all md5"]),
        ("last", ["host all x all md5", "host all y all md5", "local all b peer", "local all a peer"]),
    ],
)
def test_first_and_last_are_the_edges(placement: str, expected: list[str]) -> None:
    text = "host all x all md5\nlocal all a peer\nhost all y all md5\n"
    assert short(edit(text, "local all b peer", "local all a peer", placement=placement)) == expected


@pytest.mark.parametrize("placement", ["first", "last"])
def test_repeated_rules_settle_at_the_edge(placement: str) -> None:
    text = "local all all peer\nhost all x all md5\nlocal all all peer\n"
    once = edit(text, "local all all peer", placement=placement)
    assert edit(once, "local all all peer", placement=placement) == once


def test_before_and_after_another_rule() -> None:
    text = "host all x all md5\nhost all y all md5\n"
    before, after = fields("host all y all"), fields("host all x all")
    expected = ["host all x all md5", "local all a peer", "local all b peer", "host all y all md5"]
    assert short(edit(text, "local all a peer", "local all b peer", before=before)) == expected
    assert short(edit(text, "local all a peer", "local all b peer", after=after)) == expected
    moved = edit("local all a peer\n" + text, "local all a peer", after=fields("host all y all"))
    assert short(moved)[-1] == "local all a peer"
    with pytest.raises(ConfigError, match="given as the place"):
        edit(text, "local all a peer", before=fields("host all z all"))


def test_exclusive_keeps_comments_and_spelling() -> None:
    text = "# head\nlocal  all all peer\n# two\nhost all all all trust\nhost all x all md5\nbroken\n"
    after = edit(text, "local all all peer", "local all new peer", "host all x all md5", exclusive=True)
    assert short(after) == ["# head", "local all all peer", "local all new peer", "# two", "host all x all md5"]
    assert "local  all all peer\n" in after


def test_new_block_stands_before_what_would_hide_one_of_its_rules() -> None:
    lines = edit(STOCK, "hostssl all app1 all cert", "local all app1 md5", block="site").splitlines()
    assert lines[4] == "# BEGIN pgtls site"
    assert lines[7] == "# END pgtls site"
    assert lines[8].startswith('# "local"')


def test_existing_block_stays_and_hand_edits_are_put_right() -> None:
    text = edit("local all all peer\n", "host all a all md5", "host all b all md5", block="site")
    assert text.splitlines()[1] == "# BEGIN pgtls site"
    spoiled = text.replace("host    all             b", "# hand\nhost all hand all trust\nhost    all             b")
    assert spoiled != text
    assert edit(spoiled, "host all a all md5", "host all b all md5", block="site") == text
    assert short(edit(text, "host all b all md5", block="site"))[2:-1] == ["host all b all md5"]
    assert edit(text, block="site") == "local all all peer\n"


def test_block_keeps_another_spelling_of_its_rules() -> None:
    text = "# BEGIN pgtls b\nhost all a 10.0.0.0 255.0.0.0 md5\n# END pgtls b\n"
    assert edit(text, "host all a 10.0.0.0/8 md5", block="b") == text


def test_block_moves_up_when_its_place_is_ineffective() -> None:
    text = "# top\n\nhost all all all reject\n# BEGIN pgtls b\nhost all a all md5\n# END pgtls b\n"
    assert short(edit(text, "host all a all md5", block="b")) == [
        "# top",
        "# BEGIN pgtls b",
        "host all a all md5",
        "# END pgtls b",
        "host all all all reject",
    ]


def test_a_block_that_somebody_emptied_is_placed_anew() -> None:
    """Who sorts the rules of a file leaves our markers at its top; filled there, they would overrule its reject."""
    sorted_by_another_tool = "# BEGIN pgtls b\n# END pgtls b\nhost all evil all reject\nhost all a all md5\n"
    assert short(edit(sorted_by_another_tool, "host all a all md5", block="b")) == [
        "host all evil all reject",
        "# BEGIN pgtls b",
        "host all a all md5",
        "# END pgtls b",
    ]
    beside = sorted_by_another_tool + "# BEGIN pgtls other\nhost all a all md5\n# END pgtls other\n"
    assert short(edit(beside, "host all a all md5", block="b"))[-3:] == [
        "# BEGIN pgtls other",
        "host all a all md5",
        "# END pgtls other",
    ]
    without_a_copy = "# BEGIN pgtls b\n# empty\n# END pgtls b\nhost all evil all reject\n"
    assert short(edit(without_a_copy, "host all a all md5", block="b"))[0] == "host all evil all reject"


def test_block_first_and_last() -> None:
    text = "local all all peer\n"
    assert short(edit(text, "host all a all md5", block="b", placement="first"))[0] == "# BEGIN pgtls b"
    moved = edit(
        "# BEGIN pgtls b\nhost all a all md5\n# END pgtls b\n" + text, "host all a all md5", block="b", placement="last"
    )
    assert short(moved)[-1] == "# END pgtls b"


def test_rules_and_blocks_never_enter_another_block() -> None:
    text = "# BEGIN pgtls other\nlocal all x peer\nlocal all all peer\n# END pgtls other\n"
    assert short(edit(text, "local all a peer"))[0] == "local all a peer"
    assert short(edit(text, "local all a peer", block="b"))[:3] == [
        "# BEGIN pgtls b",
        "local all a peer",
        "# END pgtls b",
    ]
    assert short(edit(text, "host all a all md5", after=fields("local all x")))[-1] == "host all a all md5"


def test_last_line_without_newline_or_with_a_backslash_keeps_newcomers_out() -> None:
    assert edit("local all all peer", "host all a all md5").startswith("local all all peer\nhost ")
    for text in ("local all all peer # x\\", "local all all peer # x\\\n"):
        after = parse_hba(edit(text, "host all a all md5"), 15)
        assert len([line for line in after.lines if isinstance(line.entry, Rule)]) == 2


def test_contradictions_in_the_list_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradicts itself"):
        edit("", "local all all peer", "local all all trust")
    with pytest.raises(ConfigError, match="both present and absent"):
        edit("", "local all all peer", fields("local all all", state="absent"))
    with pytest.raises(ConfigError, match="rule 2: address is missing"):
        edit("", "local all all peer", {"type": "host", "method": "md5"})


def test_last_rule_may_not_go() -> None:
    before = parse_hba("local all all peer\n", 15)
    with pytest.raises(ConfigError, match="no rule at all"):
        check_loadable(
            before, ensure_rules(before, read_wishes({"rules": [fields("local all all", state="absent")]}, 15))
        )


def test_doubts_name_md5_and_hidden_rules() -> None:
    document = parse_hba("local all all reject\nlocal all app1 peer\nnonsense\n", 15)
    wishes = read_wishes({"rules": [fields("local all app1 peer"), fields("host all all all md5")]}, 15)
    md5, hidden = describe_doubts(wishes, find_dead_rules(document))
    assert "PostgreSQL 18" in md5
    assert 'because "local all all reject" is met first' in hidden


def test_unreachable_rules_are_told_with_their_shadow() -> None:
    document = parse_hba("# x\nhost all all all md5\nhost all a 10.0.0.0/8 md5\n", 15)
    assert describe_unreachable(find_dead_rules(document)) == [
        {
            "file": None,
            "line": 3,
            "rule": '"host all a 10.0.0.0/8 md5"',
            "shadowed_by_file": None,
            "shadowed_by_line": 2,
            "shadowed_by": '"host all all all md5"',
        }
    ]


INCLUDED = {
    "/etc/pg/open": "host all all 10.0.0.0/8 trust\n",
    "/etc/pg/closed": "# all of them\nhost all all all reject\n",
    "/etc/pg/broken": "host all all\n",
}
BEHIND = rules_of_include(16, Files("/etc/pg/main", INCLUDED.get))


def hidden_by(text: str, *lines: str, **params: Any) -> list[str]:
    """The rules of others that a task makes unreachable, without the reasons; the files above can be included."""
    wishes = read_wishes({"rules": [fields(line) for line in lines], **params}, 16)
    before = parse_hba(text, 16)
    after = ensure_rules(before, wishes, read_placement(params, 16), BEHIND)
    found = find_hidden(before, after, find_dead_rules(after, BEHIND), [wishes], "hba", BEHIND)
    return [clause.partition(" unreachable")[0] for clause in found]


@pytest.mark.parametrize(
    ("text", "lines", "params", "expected"),
    [
        ("host all evil all reject\n", ["host all all all md5"], {"placement": "first"}, ['"host all evil all reject" (line 1 of hba)']),
        ("host all evil all reject\n", ["host all all all md5"], {}, []),
        ("host all evil all reject\n", ["host all evil all md5"], {}, []),  # it is changed in place, as was asked
        ("host all evil all reject\n", ["host all evil all md5"], {"block": "b", "placement": "first"}, ['"host all evil all reject" (line 1 of hba)']),
        ("host all evil all md5\n", ["host all evil all md5"], {"block": "b", "placement": "first"}, []),  # it says the same
        ("host all a all md5\nhost all a all md5\n", ["host all all all trust"], {"placement": "first"}, ['"host all a all md5" (line 1 of hba)']),
        ("host all all all trust\nhost all a all md5\n", ["host all all all md5"], {"placement": "first", "block": "b"},
         ['"host all all all trust" (line 1 of hba)']),
        ("include open\n", ["host all all all trust"], {"placement": "first"}, ['"host all all 10.0.0.0/8 trust" (line 1 of /etc/pg/open)']),
        ("host all a 10.0.0.0/9 md5\nhost all a 10.128.0.0/9 md5\nhost all b all md5\n", ["host all a all md5"], {"placement": "first"},
         ['"host all a 10.0.0.0/9 md5" (line 1 of hba)', '"host all a 10.128.0.0/9 md5" (line 2 of hba)']),
        ("host all a all md5\n", ["host all all all md5"], {"placement": "first", "exclusive": True}, []),
    ],
)  # fmt: skip
def test_rules_of_others_that_an_edit_hides(
    text: str, lines: list[str], params: dict[str, Any], expected: list[str]
) -> None:
    assert hidden_by(text, *lines, **params) == expected


@given(st.lists(rules(), max_size=5), st.lists(rules(), max_size=2), VERSIONS, st.sampled_from(["first", "effective"]))
def test_what_an_edit_hides_is_told_and_nothing_else(
    existing: list[dict[str, Any]], asked: list[dict[str, Any]], version: int, placement: str
) -> None:
    before = ensure_rules(parse_hba("", version), read_wishes({"rules": distinct(existing, version)}, version))
    before = parse_hba(before.render(), version)
    wishes = read_wishes({"rules": distinct(asked, version)}, version)
    after = ensure_rules(before, wishes, read_placement({"placement": placement}, version))
    dead, died = find_dead_rules(after), find_dead_rules(before)
    hidden = {one.rule.rule.render() for one in dead} - {one.rule.rule.render() for one in died}
    own = {record.match_key for record in wishes.present}
    foreign = [one.rule.rule for one in dead if one.rule.rule.match_key not in own and one.rule.rule.render() in hidden]
    told = find_hidden(before, after, dead, [wishes], "hba")
    assert [clause.partition(" (line ")[0] for clause in told] == [show_rule(rule) for rule in foreign]


def edited(text: str, *rules: dict[str, Any], version: int = 16, **options: Any) -> str:
    """Like edit(), with files that can be included."""
    wishes, placement = read_wishes({"rules": rules, **options}, version), read_placement(options, version)
    after = ensure_rules(parse_hba(text, version), wishes, placement, BEHIND)
    again = parse_hba(after.render(), version)
    assert ensure_rules(again, wishes, placement, BEHIND) is again
    return after.render()


def test_an_include_is_added_changed_and_removed_like_a_rule() -> None:
    text = "local all all peer\n"
    added = edited(text, {"include": "my file", "comment": "why"})
    assert added == 'local all all peer\ninclude "my file" # why\n'
    assert edited(added, {"include": "my file"}) == added
    changed = edited(added, {"include_if_exists": "my file"})
    assert changed == 'local all all peer\ninclude_if_exists "my file" # why\n'
    assert edited(changed, {"include": "my file", "state": "absent"}) == text
    assert edited("include_dir d\n", {"include": "d", "state": "absent"}) == "include_dir d\n"
    first = edited(text, {"include_dir": "d"}, placement="first")
    assert first == "include_dir d\nlocal all all peer\n"


def test_an_include_takes_part_in_block_and_exclusive() -> None:
    block = edited("local all all peer\n", {"include": "x"}, fields("local all a md5"), block="b", placement="last")
    assert short(block)[1:] == ["# BEGIN pgtls b", "include x", "local all a md5", "# END pgtls b"]
    assert edited("include x\ninclude y\n", {"include": "y"}, exclusive=True) == "include y\n"


def test_included_rules_hide_others_and_are_hidden() -> None:
    wanted = fields("host all app1 10.1.0.0/16 md5")
    text = "include open\nlocal all all peer\n"
    assert edited(text, wanted).startswith("host    all             app1")
    assert edited("include broken\n", wanted).startswith("include broken\n")
    assert edited("host all all all reject\n", {"include": "open"}) == "include open\nhost all all all reject\n"
    assert edited("host all all all reject\n", {"include": "unknown"}) == "host all all all reject\ninclude unknown\n"
    document = parse_hba("include closed\nhost all app1 10.1.0.0/16 md5\ninclude open\n", 16)
    found = describe_unreachable(find_dead_rules(document, BEHIND))
    assert [(one["file"], one["line"], one["shadowed_by_file"], one["shadowed_by_line"]) for one in found] == [
        (None, 2, "/etc/pg/closed", 2),
        ("/etc/pg/open", 1, "/etc/pg/closed", 2),
    ]


@pytest.mark.parametrize(
    ("wish", "version", "words"),
    [
        ({"include": "x"}, 15, "needs PostgreSQL 16"),
        ({"include": " "}, 16, "names nothing"),
        ({"include": "@x"}, 16, "read the line differently"),
        ({"include": "a\nb"}, 16, "line break"),
        ({"include_dir": "x", "comment": "a\nb"}, 16, "line break"),
    ],
)
def test_bad_includes_are_one_sentence(wish: dict[str, Any], version: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        edited("", wish, version=version)
    assert str(caught.value).startswith("rule 1: ")


def foreign_lines(document: Document[Entry], subjects: set[Any]) -> list[str]:
    """Raw lines of everything but the wanted rules and our markers; added line ends do not count."""
    return [
        line.raw.rstrip("\r\n")
        for line in document.lines
        if not (isinstance(line.entry, Rule) and line.entry.match_key in subjects)
        and not re.match("# (BEGIN|END) pgtls", line.raw)
    ]


@example("\r\\", [], [{"type": "local", "database": "all", "user": "all", "method": "peer"}], 15, {"placement": "last"})
@given(
    texts,
    st.lists(rules(), max_size=5),
    st.lists(rules(), max_size=4),
    VERSIONS,
    st.sampled_from(
        [{}, {"placement": "first"}, {"placement": "last"}, {"block": "b"}, {"block": "b", "placement": "first"}]
    ),
)
def test_twice_is_once_foreign_lines_stay_and_rules_take_effect(
    noise: str, existing: list[dict[str, Any]], asked: list[dict[str, Any]], version: int, params: dict[str, Any]
) -> None:
    start = ensure_rules(parse_hba("", version), read_wishes({"rules": distinct(existing, version)}, version))
    text = noise + "\n" + start.render()
    asked = distinct(asked, version)
    document = parse_hba(text, version)
    wishes, placement = read_wishes({"rules": asked, **params}, version), read_placement(params, version)
    try:
        after = ensure_rules(document, wishes, placement)
    except ConfigError as error:  # the only text behind which no line can stand
        assert "no line can follow a carriage return and a backslash" in str(error) and "\r\\" in noise
        return
    again = parse_hba(after.render(), version)
    assert ensure_rules(again, wishes, placement).render() == after.render()
    assert ensure_rules(again, wishes, placement) is again
    subjects = {record.match_key for record in wishes.present}
    assert foreign_lines(again, subjects) == foreign_lines(document, subjects)
    if params.get("placement") != "last":
        assert_effective(again, wishes.present)


def distinct(asked: list[dict[str, Any]], version: int) -> list[dict[str, Any]]:
    """The rules without those that contradict an earlier one of the list."""
    kept: dict[Any, dict[str, Any]] = {}
    for one in asked:
        kept.setdefault(read_wishes({"rules": [one]}, version).present[0].match_key, one)
    return list(kept.values())


def assert_effective(document: Document[Entry], present: Any) -> None:
    """No wanted rule is hidden by foreign rules that stand before the first line about it."""
    wanted = {record.match_key for record in present}
    rules_of_file = [entry for _index, entry in document.entries() if isinstance(entry, Rule)]
    first: dict[Any, int] = {}
    for index, entry in enumerate(rules_of_file):
        first.setdefault(entry.match_key, index)
    for record in present:
        shadow = Shadow()
        for index, entry in enumerate(rules_of_file[: first[record.match_key]]):
            if entry.match_key not in wanted:
                shadow.add(index, entry)
        assert shadow.position(record) is None
