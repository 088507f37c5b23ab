# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hosts.conf; the verdicts in the tables are those of a PostgreSQL 19rc1 server."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.hosts import (
    HostLine,
    certificates_of,
    check_judge,
    describe_doubts,
    describe_hosts,
    ensure_hosts,
    files_of,
    foreign_claims,
    hosts_problems,
    known_version,
    needed_default,
    parse_hosts,
    parse_hosts_line,
    read_host,
    read_wishes,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken, Opaque

HEAD = "# HOSTNAME       SSL CERTIFICATE             SSL KEY     SSL CA\n"
A = {"host": ["a.example"], "cert": "a.crt", "key": "a.key"}
B = {"host": ["b.example"], "cert": "b.crt", "key": "b.key", "ca": "root.crt"}
LINE_A = "a.example        a.crt                       a.key\n"
LINE_B = "b.example        b.crt                       b.key       root.crt\n"


def edit(text: str, *asked: dict[str, Any], **params: Any) -> str:
    """The text after one task; the second one must have nothing to do."""
    wishes = read_wishes({"hosts": list(asked), **params}, 19)
    after = ensure_hosts(parse_hosts(text, 19), wishes)
    assert ensure_hosts(after, wishes) is after
    again = parse_hosts(after.render(), 19)
    assert ensure_hosts(again, wishes) is again
    return after.render()


@pytest.mark.parametrize(
    "text",
    [
        "* c k",
        "a,b c k",
        "a, b ,, c c k".replace(" ,,", ",,"),
        "/no_sni/ c k\n* c k",
        "/NO_SNI/ c k\n/no_sni/ c k",
        "/NO_SNI/,b c k",
        '"*" c k',
        '"" c k',
        "*.example.com c k",
        "é c k\nÉ c k",
        'a c k ""',
        'a c k "" "echo x" on',
        'a c k r "" off',
        "a c k r cmd tR",
        "a c k\r\nb c k",
        "a\r c k",
        "\\\n* c k\n# x \\\n",
        "",
        "# nothing",
    ],
)
def test_what_the_server_loads_has_no_problem(text: str) -> None:
    assert hosts_problems(parse_hosts(text, 19)) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a,* c k", 1, "is in a list"),
        ("/no_sni/,a c k", 1, "is in a list"),
        ('"*",a c k', 1, "is in a list"),
        ("a", 1, "ends too early"),
        ("a c", 1, "ends too early"),
        ("a, c k", 1, "ends too early"),
        ("a c,x k", 1, "several values"),
        ("a c k,x", 1, "several values"),
        ("a c k r,x", 1, "several values"),
        ("a c k r cmd on,off", 1, "several values"),
        ("a c k r cmd o", 1, "is not a boolean"),
        ('a c k r cmd " on"', 1, "is not a boolean"),
        ("a c k r cmd \r\\\r\n", 1, "is not a boolean"),
        ("a c k r cmd on more", 1, "more than 6 fields"),
        ('a "" k', 1, "certificate has no name"),
        ("a c k\nA c k", 2, "accepts a name only once"),
        ("a,b c k\n\nc,B c k", 3, "accepts a name only once"),
        ("a,a c k", 1, "accepts a name only once"),
        ("* c k\n* c k", 2, "accepts a name only once"),
    ],
)
def test_what_the_server_refuses_has_a_problem_at_its_line(text: str, line: int, words: str) -> None:
    ((number, _raw, problem),) = hosts_problems(parse_hosts(text, 19))
    assert number == line
    assert words in problem


@pytest.mark.parametrize(
    ("line", "kind"),
    [("a c k", HostLine), ("include x", Opaque), ("include_dir x", Opaque), ("@hosts c k", Opaque), ("a c", Broken)],
)
def test_lines_of_other_files_are_not_judged(line: str, kind: type) -> None:
    assert isinstance(parse_hosts_line(line, 19), kind)


def test_lines_in_the_columns_of_the_shipped_file() -> None:
    assert edit(HEAD, A, B) == HEAD + LINE_A + LINE_B
    full = {**A, "host": ["x", "y z"], "passphrase_command": "echo 1", "passphrase_reload": True, "comment": "two"}
    assert edit("", full) == 'x,"y z"          a.crt                       a.key       ""           "echo 1" on # two\n'
    assert edit("", {**A, "host": ["@x"], "cert": "@c"}).split()[:2] == ['"@x"', '"@c"']


@pytest.mark.parametrize(
    "line", ["A.EXAMPLE a.crt a.key", '"a.example" a.crt a.key "" "" no # x', "a.example\ta.crt a.key"]
)
def test_another_spelling_is_no_change(line: str) -> None:
    assert edit(line + "\n", A) == line + "\n"


def test_another_certificate_is_changed_in_place_and_the_comment_stays() -> None:
    assert edit(LINE_B + "A.example old.crt a.key # why\n", A) == LINE_B + LINE_A.replace("\n", " # why\n")


def test_a_wish_takes_over_lines_whose_names_are_all_its_own() -> None:
    both = {**A, "host": ["a.example", "b.example"]}
    assert edit(LINE_A + "# x\n" + LINE_B, both).splitlines() == [
        "# x",
        "a.example,b.example a.crt                       a.key",
    ]
    assert edit(LINE_A + LINE_A, A) == LINE_A
    assert edit(LINE_A, A, block="x") == "# BEGIN pgtls x\n" + LINE_A + "# END pgtls x\n"


def test_names_that_a_wish_shares_only_in_part_are_refused() -> None:
    with pytest.raises(ConfigError, match='^line 2 .*host "b" is already in the file'):
        edit("b,c c k\n", {**A, "host": ["a", "b"]})
    with pytest.raises(ConfigError, match='^line 1 .*host "b" shares its line'):
        edit("b,c c k\n", {"host": ["b"], "state": "absent"})
    assert edit("b,c c k\n", {"host": ["C", "b"], "state": "absent"}, {**A, "host": ["b"]}).startswith("b  ")


def test_another_blocks_lines_are_not_taken_over() -> None:
    owned = "# BEGIN pgtls x\na.example,b.example c k\n# END pgtls x\n"
    with pytest.raises(ConfigError, match="accepts a name only once"):
        edit(owned, A)
    with pytest.raises(ConfigError, match="accepts a name only once"):
        edit(owned, {**A, "host": ["b.example", "a.example"]}, block="y")


def test_old_trouble_is_left_alone_and_told() -> None:
    broken = "a c k\na c k\nx\n"
    assert edit(broken, B) == broken + LINE_B
    assert edit(broken.rstrip(), B) == broken + LINE_B
    doubts = describe_doubts(parse_hosts(broken, 19))
    assert [doubt.split(" is ")[0] for doubt in doubts] == ["line 2", "line 3"]


def test_block_and_exclusive() -> None:
    text = edit("# x\nold c k\n", A, B, block="site")
    assert text == "# x\nold c k\n# BEGIN pgtls site\n" + LINE_A + LINE_B + "# END pgtls site\n"
    assert edit(text, B, block="site") == text.replace(LINE_A, "")
    assert edit(text, block="site") == "# x\nold c k\n"
    assert edit(text.replace(LINE_B, "# hand\nhand c k\n"), A, B, block="site") == text
    assert edit("# x\nold c k\n# y\n", A, exclusive=True) == LINE_A + "# x\n# y\n"
    assert edit("old c k\n", exclusive=True) == ""


def test_absent_needs_the_names_alone() -> None:
    assert edit(LINE_A + LINE_B, {"host": ["A.Example"], "state": "absent"}) == LINE_B


def test_names_that_no_client_asks_for_are_told() -> None:
    doubts = describe_doubts(parse_hosts("*.example.com,10.0.0.1 c k\n* c k\n::1 c k\n", 19))
    assert [doubt.split(" is ")[0] for doubt in doubts] == [
        'line 1: host "*.example.com"',
        'line 1: host "10.0.0.1"',
        'line 3: host "::1"',
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": []}, "host entry 1: host is missing"),
        ({"host": [""]}, "host is missing"),
        ({"host": ["*", "a"]}, "give it an entry of its own"),
        ({"cert": None}, "cert is missing"),
        ({"key": ""}, "key is missing"),
        ({"passphrase_reload": True}, "needs a passphrase_command"),
        ({"cert": "a\nb"}, "line break"),
        ({"comment": "a\nb"}, "comment"),
        ({"comment": "a\\"}, "backslash"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        edit("", {**A, **change})


def test_contradictions_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradicts itself"):
        edit("", A, {**A, "cert": "other.crt"})
    with pytest.raises(ConfigError, match="accepts a name only once"):
        edit("", A, {**B, "host": ["b", "A.example"]})


def test_versions_without_the_file_and_a_server_as_judge_are_refused() -> None:
    assert known_version(None) == known_version(19) == 19
    with pytest.raises(ConfigError, match="server_version 18 has no pg_hosts.conf"):
        known_version(18)
    with pytest.raises(ConfigError, match="server_version 20 is not supported"):
        parse_hosts("", 20)
    with pytest.raises(ConfigError, match="PostgreSQL has no view for pg_hosts.conf"):
        check_judge("server")
    check_judge("syntax")


def test_what_is_described_can_be_asked_for() -> None:
    (shown,) = describe_hosts(parse_hosts('\na,"B c" c k "" "echo x" yes # note\n', 19))
    assert shown == {
        "line": 2,
        "host": ["a", "B c"],
        "cert": "c",
        "key": "k",
        "ca": None,
        "passphrase_command": "echo x",
        "passphrase_reload": True,
        "comment": "note",
    }
    again = read_host(shown, 19)
    assert (list(again.hosts), again.certificate, again.passphrase_reload) == (["a", "B c"], "c", True)


def test_lines_of_somebody_else_about_a_wished_name_are_found():
    text = (
        "A.example,b.example other.crt other.key\n* c k ca\n"
        "# BEGIN pgtls names\na.example old.crt old.key\n# END pgtls names\nd.example c k\n"
    )
    hosts = [
        {"host": ["a.example", "d.example"], "cert": "new.crt", "key": "new.key"},
        {"host": ["*"], "cert": "c", "key": "k", "ca": "ca"},
    ]
    found = foreign_claims(
        parse_hosts(text, 19), read_wishes({"hosts": hosts, "block": "names", "exclusive": False}, 19)
    )
    assert [(number, name) for number, _line, name in found] == [(1, "A.example"), (6, "d.example")]


def test_the_names_of_each_certificate_are_known():
    text = "a.example,b.example one.crt k\nc.example two.crt k\n* one.crt k\nbroken\n"
    assert files_of(parse_hosts(text, 19)) == {"one.crt", "two.crt", "k"}
    assert certificates_of(parse_hosts(text, 19)) == {
        "one.crt": ["a.example", "b.example", "*"],
        "two.crt": ["c.example"],
    }


@pytest.mark.parametrize(
    ("others", "block", "is_needed"),
    [
        ("", "* c k ca\na c k\n", False),
        ("# a comment\n", "* c k ca\n", False),
        ("mine c k\n", "* c k ca\na c k\n", True),
        ("mine c k\n", "a c k\n", False),
        ("* c k\n", "", False),
    ],
)
def test_the_default_line_of_a_block_is_needed_while_others_have_lines(others, block, is_needed):
    text = f"{others}# BEGIN pgtls names\n{block}# END pgtls names\n"
    found = needed_default(parse_hosts(text, 19), "names")
    assert (found is not None and found.render().split()) == (["*", "c", "k", "ca"] if is_needed else False)
    assert needed_default(parse_hosts(others, 19), "names") is None
