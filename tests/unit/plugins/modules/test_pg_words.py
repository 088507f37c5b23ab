# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input that people write: each message names the way out, and what cannot be meant otherwise is taken as meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

STOCK = "local all all peer\n"
RULE = {"type": "host", "address": "10.0.0.0/8", "method": "scram-sha-256"}


def edit(
    tmp_path: Path, module: str, text: str | bytes, version: int = 15, **args: Any
) -> tuple[dict[str, Any], bytes]:
    """The result of an edit without a server, and what the file holds then."""
    path = tmp_path / "file.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run_module(module, {"path": str(path), "validate": "syntax", "server_version": version, **args})
    assert "Traceback" not in done["_output"]
    return done, path.read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "10.0.0.0/255.255.255.0"}, "write 10.0.0.0/24"),
        ({"address": "fe80::/ffff::"}, "write fe80::/16"),
        ({"address": "10.0.0.0/33"}, "write a number from 0 to 32"),
        ({"address": "0.0.0.0"}, "write 0.0.0.0/0 for every IPv4 client"),
        ({"address": "::"}, "write ::/0 for every IPv6 client"),
        ({"address": "10.0.0.5"}, "write 10.0.0.5/32 for that one host"),
        ({"address": "10.0.0.0/8 192.168.0.0/16"}, "holds several words; write a list"),
        ({"address": "10.0.0.0 255.0.0.0"}, "holds several words; give netmask an option of its own"),
        ({"address": "10.0.0.0 /8"}, "write 10.0.0.0/8"),
        ({"address": "*"}, "write all, or put it in double quotes"),
        ({"address": "ALL"}, "write all, or put it in double quotes"),
        ({"address": "Any"}, "write all, or put it in double quotes"),
        ({"address": "SameNet"}, "write samenet, or put it in double quotes"),
        ({"address": "10.0.0.*"}, "neither an address nor the name of a host"),
        ({"address": "10.0.0.1-10.0.0.9"}, "neither an address nor the name of a host"),
        ({"address": "db.example:5432"}, "neither an address nor the name of a host"),
        ({"address": "10.0.0.0", "netmask": "24"}, "leave netmask out and write 10.0.0.0/24"),
        ({"address": "10.0.0.0", "netmask": "/8"}, "leave netmask out and write 10.0.0.0/8"),
        ({"address": ["10.0.0.0", "10.1.0.0"], "netmask": "255.0.0.0"}, "write each address with its prefix length"),
        ({"address": []}, "address is an empty list"),
        ({"address": ["10.0.0.0/8", ""]}, "rule 1: address is missing"),
        ({"method": "scram"}, "is scram-sha-256 meant?"),
        ({"method": "SCRAM-SHA-256"}, "is scram-sha-256 meant?"),
        ({"method": "certificate"}, "is cert meant?"),
        ({"method": "krb5"}, "is gss meant?"),
        ({"method": "Trust"}, "is trust meant?"),
        ({"method": "oauth"}, '(not in 15); PostgreSQL 15 has cert'),
        ({"method": "ldap ldapserver=x"}, "write method: ldap, and in options each as name: value"),
        ({"method": "trust # for now"}, "write it in the option comment"),
        ({"user": "*"}, "write all, or put it in double quotes"),
        ({"database": "*"}, "write all, or put it in double quotes"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_told_with_the_way_out(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    refused, left = edit(tmp_path, "pg_hba", STOCK, rules=[{**RULE, **change}])
    assert refused["failed"] and words in refused["msg"], refused
    assert refused["msg"].startswith("rule 1: ") and "\n" not in refused["msg"]
    assert left == STOCK.encode()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"address": " 10.0.0.0/8 "}, "host all all 10.0.0.0/8 scram-sha-256"),
        ({"method": "scram-sha-256 "}, "host all all 10.0.0.0/8 scram-sha-256"),
        ({"address": "10.0.0.0", "netmask": "255.0.0.0 "}, "host all all 10.0.0.0 255.0.0.0 scram-sha-256"),
        ({"address": '"*"', "user": '"*"'}, "host all * * scram-sha-256"),
        ({"address": "db_1.example"}, "host all all db_1.example scram-sha-256"),
        ({"address": "b\u00fccher.example"}, "host all all b\u00fccher.example scram-sha-256"),
    ],
)
def test_what_is_meant_is_written(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    done, left = edit(tmp_path, "pg_hba", STOCK, rules=[{**RULE, **change}])
    assert not done["failed"], done["msg"]
    assert " ".join(left.decode().splitlines()[1].split()) == line


@pytest.mark.parametrize("given", [["10.0.0.0/8", "::1/128", "all"], "10.0.0.0/8, ::1/128,all"])
def test_a_list_of_addresses_is_one_line_each(tmp_path: Path, given: Any) -> None:
    rules = [{"type": "host", "user": "app", "address": given, "method": "reject", "comment": "x"}, RULE]
    done, left = edit(tmp_path, "pg_hba", STOCK, rules=rules, block="b")
    lines = [" ".join(line.split()) for line in left.decode().splitlines()]
    expected = [f"host all app {one} reject # x" for one in ("10.0.0.0/8", "::1/128", "all")]
    assert lines[2:5] == expected and "10.0.0.0/8 scram" in lines[5], done
    assert [rule["address"] for rule in done["rules"][1:]] == ["10.0.0.0/8", "::1/128", "all", "10.0.0.0/8"]
    again, _left = edit(tmp_path, "pg_hba", left, rules=rules, block="b")
    assert not again["changed"]
    gone = [{"type": "host", "user": "app", "address": given, "state": "absent"}]
    _done, left = edit(tmp_path, "pg_hba", left, rules=gone)
    assert b" app " not in left and b"10.0.0.0/8" in left
    wrong, _left = edit(tmp_path, "pg_hba", STOCK, rules=[RULE, {**rules[0], "address": ["all", "10.0.0.5"]}])
    assert wrong["msg"].startswith('rule 2: address "10.0.0.5" has no mask')


@pytest.mark.parametrize(
    ("line", "rule", "version"),
    [
        ("host all all 10.0.0.0/8 oauth issuer=x scope=y", {"type": "host", "address": "10.0.0.0/8"}, 15),
        ("host all all 10.0.0.0/8 scram", {"type": "host", "address": "10.0.0.0/8"}, 15),
        ("host all b,a 10.0.0.5 md5", {"type": "host", "user": ["a", "b"], "address": "10.0.0.5"}, 15),
        ("host all +a 10.0.0.0/255.0.0.0 md5", {"type": "host", "user": "+a", "address": "10.0.0.0/255.0.0.0"}, 17),
        ("host all all 10.0.0.0 255.0.0.0 nosuch", {"type": "host", "address": "10.0.0.0", "netmask": "255.0.0.0"}, 13),
        ("local all x", {"type": "local", "user": "x"}, 15),
        ("local all /( peer", {"type": "local", "user": "/("}, 16),
        ("include site.conf", {"include": "site.conf"}, 15),
        ("include_dir hba.d", {"include_dir": "hba.d"}, 13),
    ],
)
def test_a_line_that_this_version_refuses_can_be_removed(
    tmp_path: Path, line: str, rule: dict[str, Any], version: int
) -> None:
    keeps = "host all all 10.9.0.0/16 nosuch\nlocal all y\n"
    text = f"{STOCK}{line}\n{keeps}"
    gone, left = edit(tmp_path, "pg_hba", text, version, rules=[{**rule, "state": "absent"}])
    assert gone["changed"], gone
    assert left.decode() == STOCK + keeps
    again, _left = edit(tmp_path, "pg_hba", left, version, rules=[{**rule, "state": "absent"}])
    assert not again["failed"] and not again["changed"]


@pytest.mark.parametrize(
    ("line", "words", "version"),
    [("m /( x", ("m", "/(", "x"), 15), ("m @nosuch x", ("m", "@nosuch", "x"), 13), ("m a @nosuch", ("m", "a", "@nosuch"), 18)],
)  # fmt: skip
def test_a_mapping_that_no_server_takes_can_be_removed(
    tmp_path: Path, line: str, words: tuple[str, str, str], version: int
) -> None:
    mapping = dict(zip(("map", "system_user", "database_user"), words))
    gone, left = edit(tmp_path, "pg_ident", f"m a b\n{line}\n", version, mappings=[{**mapping, "state": "absent"}])
    assert gone["changed"] and left == b"m a b\n", gone


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"database_user": ["a", "b"]}, "write a mapping for each role"),
        ({"database_user": "all"}, "is the role of that name in PostgreSQL 15"),
        ({"database_user": "+staff"}, "need PostgreSQL 16"),
        ({"database_user": "\\1", "system_user": "^(.*)$"}, "start it with a slash"),
    ],
)
def test_a_mapping_that_means_something_else_is_told(tmp_path: Path, mapping: dict[str, Any], words: str) -> None:
    asked = {"map": "m", "system_user": "a", "database_user": "b", **mapping}
    done, _left = edit(tmp_path, "pg_ident", "", mappings=[asked])
    assert words in str([done.get("msg"), *done["warnings"]])


def test_blanks_around_words_of_a_mapping_are_not_meant(tmp_path: Path) -> None:
    asked = {"map": "m ", "system_user": " CN=x ", "database_user": '"y "'}
    done, left = edit(tmp_path, "pg_ident", "", mappings=[asked])
    assert left.split(None, 2)[:2] == [b"m", b"CN=x"] and b'"y "' in left
    told = {key: done["mappings"][0][key] for key in asked}
    assert told == {"map": "m", "system_user": "CN=x", "database_user": '"y "'}
    again, _left = edit(tmp_path, "pg_ident", left, mappings=[told])
    assert not again["changed"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"work_mem": "4mb"}, "a unit of B, kB, MB, GB, TB"),
        ({"statement_timeout": "1 sec"}, "a unit of us, ms, s, min, h, d"),
        ({"ssl": "on "}, "remove the blanks around it"),
        ({"ssl_min_protocol_version": " TLSv1.2"}, "remove the blanks around it"),
        ({"include": "x.conf"}, "is a directive, not a setting; write its line by hand"),
    ],
)
def test_a_wrong_setting_is_told_with_the_way_out(tmp_path: Path, setting: dict[str, Any], words: str) -> None:
    refused, left = edit(tmp_path, "pg_conf", "", settings=setting)
    assert refused["failed"] and words in refused["msg"], refused
    assert left == b""


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("module", "text", "args"),
    [
        ("pg_hba", STOCK.encode(), {"rules": [RULE]}),
        ("pg_hba", b"# rules\n" + STOCK.encode(), {"rules": [RULE]}),
        ("pg_ident", b"m x\n", {"mappings": [{"map": "n", "system_user": "a", "database_user": "b"}]}),
        ("pg_ident", b"m x y\n", {"mappings": [{"map": "n", "system_user": "a", "database_user": "b"}]}),
        ("pg_ident", b"# maps\n", {"mappings": [{"map": "n", "system_user": "a", "database_user": "b"}]}),
        ("pg_conf", b"port = 5432\n", {"settings": {"ssl": True}}),
        ("pg_conf", b"# settings\n", {"settings": {"ssl": True}}),
    ],
)
def test_a_byte_order_mark_is_named(tmp_path: Path, module: str, text: bytes, args: dict[str, Any]) -> None:
    done, left = edit(tmp_path, module, MARK + text, **args)
    told = [one for one in done["warnings"] if "byte order mark (EF BB BF)" in one]
    assert len(told) == 1 and "line 1" in told[0] and "save it as UTF-8 without one" in told[0], done
    assert left.startswith(MARK)


def test_a_file_in_utf_16_is_named(tmp_path: Path) -> None:
    done, _left = edit(tmp_path, "pg_hba", STOCK.encode("utf-16"), rules=[RULE])
    assert "is in UTF-16" in str([done.get("msg"), *done["warnings"]])


def test_a_name_that_is_nearly_one_is_told(tmp_path: Path) -> None:
    done, _left = edit(tmp_path, "pg_conf", "wrok_mem = 4MB\n", settings={"ssl": True})
    assert any('no setting "wrok_mem"; is work_mem meant?' in one for one in done["warnings"]), done


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "db.example.com/32"}, 'address "db.example.com/32" is a host name with a mask; write db.example.com'),
        ({"address": "https://db.example/x"}, "is no address; write the name of the host or its network alone"),
        ({"address": "[2001:db8::]/32"}, "write 2001:db8::/32 without brackets"),
        ({"address": "[::1]"}, "write ::1/128 without brackets"),
        ({"address": "10.0.0.256/32"}, "is no network; it has four numbers from 0 to 255"),
        ({"address": "10.0.0.0.0/8"}, "is no network; it has four numbers from 0 to 255"),
        ({"address": "10.0.0.0/8;192.168.0.0/16"}, "holds several words; write a list"),
        ({"address": "10.0.0.0/ 8"}, "holds several words; write 10.0.0.0/8"),
        ({"address": "*.example.com"}, "write .example.com for all hosts below it"),
        ({"address": "10/8"}, "is 0.0.0.10/8 to PostgreSQL; write 10.0.0.0/8, or"),
        ({"address": "192.168/16"}, "is 192.0.0.168/16 to PostgreSQL; write 192.168.0.0/16, or"),
        ({"address": "010.0.0.1/32"}, "is 8.0.0.1/32 to PostgreSQL; write 10.0.0.1/32, or"),
        ({"address": "10", "netmask": "255.0.0.0"}, "is 0.0.0.10 to PostgreSQL; write 10.0.0.0, or"),
        ({"address": "10.0.0.0", "netmask": "0.0.0.255"}, 'netmask "0.0.0.255" has holes; write 255.255.255.0'),
        ({"address": "10.0.0.0", "netmask": "255.0.255.0"}, "has holes; write one that is ones followed by zeros"),
        ({"address": "10.0.0.0", "netmask": "255.255.255.256"}, "write one such as 255.255.255.0"),
        ({"address": "10.0.0.0", "netmask": "ffff::"}, "are of different families; write one such as 255.255.255.0"),
        ({"address": "10.0.0.0", "netmask": ""}, 'address "10.0.0.0" has no mask; write 10.0.0.0/32'),
        ({"user": "ALL"}, 'user "ALL" is the role of that name; write all, or put it in double quotes'),
        ({"user": ["a", "All"]}, 'user "All" is the role of that name; write all, or put it in double quotes'),
        ({"database": "SameUser"}, 'database "SameUser" is the database of that name; write sameuser, or put it in'),
        ({"database": "REPLICATION"}, "write replication, or put it in double quotes"),
        ({"user": "+"}, 'user "+" names no role; write the name of the group after the plus sign'),
        ({"user": "a\nb"}, "user holds a line break; write it on one line"),
        ({"database": "a\nb"}, "database holds a line break; write it on one line"),
        ({"method": None}, "method is missing; write one such as scram-sha-256, or state: absent"),
    ],
)  # fmt: skip
def test_a_wrong_word_of_a_rule_is_told_with_the_way_out(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    refused, left = edit(tmp_path, "pg_hba", STOCK, rules=[RULE | {"address": "10.1.0.0/16"}, {**RULE, **change}])
    assert refused["failed"] and words in refused["msg"], refused
    assert refused["msg"].startswith("rule 2: ") and "\n" not in refused["msg"]
    assert left == STOCK.encode()


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("cert", {"Map": "m"}, 'option "Map" is unknown to PostgreSQL 15; is map meant?'),
        ("cert", {"usermap": "m"}, 'option "usermap" is unknown to PostgreSQL 15; is map meant?'),
        ("cert", {"certmap": "m"}, 'option "certmap" is unknown to PostgreSQL 15; is map meant?'),
        ("radius", {"radiusserver": "x"}, "is radiusservers meant?"),
        ("cert", {"nosuch": "m"}, "; method cert takes clientcert, clientname, map"),
        ("md5", {"nosuch": "m"}, "; method md5 takes clientcert, clientname"),
        ("cert", {"map": None}, 'option "map" has no value; give it one, or leave it out'),
        ("cert", {"map": {"name": "m"}}, 'option "map" is a dict; give it one value'),
        ("radius", {"radiusservers": [["a"]]}, 'option "radiusservers" holds a list in a list; give it one value or one list'),
        ("ldap", {"ldaptls": "maybe"}, 'option "ldaptls" cannot be "maybe", which PostgreSQL takes for no; write true or false'),
        ("ldap", {"ldaptls": 2}, "write true or false"),
        ("ldap", {"ldapport": "ldaps"}, 'option "ldapport" cannot be "ldaps"; write a port such as 389'),
        ("radius", {"radiusports": "radius"}, 'option "radiusports" cannot be "radius"; write ports such as 1812'),
        ("ldap", {"ldapprefix": "a\nb"}, 'option "ldapprefix" holds a line break; write it on one line'),
    ],
)  # fmt: skip
def test_a_wrong_option_of_a_rule_is_told_with_the_way_out(
    tmp_path: Path, method: str, options: dict[str, Any], words: str
) -> None:
    rule = {"type": "hostssl", "address": "all", "method": method, "options": options}
    refused, left = edit(tmp_path, "pg_hba", STOCK, rules=[rule])
    assert refused["failed"] and words in refused["msg"], refused
    assert refused["msg"].startswith("rule 1: ") and "\n" not in refused["msg"]
    assert left == STOCK.encode()


def test_an_expression_is_told_with_its_option(tmp_path: Path) -> None:
    for noun, module in (("user", "pg_hba"), ("database", "pg_hba")):
        refused, _left = edit(tmp_path, module, STOCK, 16, rules=[{**RULE, noun: ["a", "/^app["]}])
        assert refused["msg"].startswith(f'rule 1: {noun} "/^app[": invalid regular expression'), refused["msg"]
    for noun in ("system_user", "database_user"):
        mapping = {"map": "m", "system_user": "a", "database_user": "b", noun: "/^app["}
        refused, _left = edit(tmp_path, "pg_ident", "", 16, mappings=[mapping])
        assert refused["msg"].startswith(f'mapping 1: {noun} "/^app[": invalid regular expression'), refused["msg"]


def test_an_expression_is_a_name_before_16(tmp_path: Path) -> None:
    rule = {**RULE, "database": "/^db", "user": "/^app"}
    told, _left = edit(tmp_path, "pg_hba", STOCK, 15, rules=[rule])
    words = [f'{noun} is the {what} of that name in PostgreSQL 15; expressions need PostgreSQL 16'
             for noun, what in (('user "/^app"', "role"), ('database "/^db"', "database"))]  # fmt: skip
    assert all(word in str(told["warnings"]) for word in words), told["warnings"]
    told, _left = edit(tmp_path, "pg_hba", STOCK, 16, rules=[rule])
    assert "of that name" not in str(told["warnings"])


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("host all all 10/8 md5", {"type": "host", "address": "10/8"}),
        ("host all ALL 10.0.0.0/8 md5", {"type": "host", "user": "ALL", "address": "10.0.0.0/8"}),
        ("host all * 10.0.0.0/8 md5", {"type": "host", "user": "*", "address": "10.0.0.0/8"}),
        ("host SameUser all all md5", {"type": "host", "database": "SameUser", "address": "all"}),
    ],
)
def test_a_line_in_words_that_are_refused_can_be_removed(tmp_path: Path, line: str, rule: dict[str, Any]) -> None:
    gone, left = edit(tmp_path, "pg_hba", f"{STOCK}{line}\n", rules=[{**rule, "state": "absent"}])
    assert gone["changed"] and left == STOCK.encode(), gone


@pytest.mark.parametrize("name", ["ALL", "*", "SameUser", "Replication", "app"])
def test_what_a_result_shows_of_a_name_can_be_asked_for(tmp_path: Path, name: str) -> None:
    line = f"host {name} {name} 10.0.0.0/8 scram-sha-256\n"
    shown, _left = edit(tmp_path, "pg_hba", STOCK + line, rules=[])
    told = {key: shown["rules"][1][key] for key in ("type", "database", "user", "address", "method")}
    again, left = edit(tmp_path, "pg_hba", STOCK + line, rules=[told])
    assert not again["failed"] and not again["changed"], again
    assert left.decode() == STOCK + line


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"map": ""}, "map is missing; write the name that rules give in their option map"),
        ({"system_user": ["a", "b"]}, "system_user is a list (['a', 'b']); write a mapping for each"),
        ({"map": {"a": "b"}}, "map is a dict ({'a': 'b'}); write one word"),
        ({"system_user": "a\nb"}, "system_user holds a line break; write it on one line"),
        ({"database_user": "+"}, 'database_user "+" names no role; write the name of the group after the plus sign'),
        ({"database_user": "ALL"}, 'database_user "ALL" is the role of that name; write all, or put it in double quotes'),
        ({"database_user": "*"}, 'database_user "*" is the role of that name; write all, or put it in double quotes'),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_told_with_the_way_out(tmp_path: Path, mapping: dict[str, Any], words: str) -> None:
    asked = {"map": "m", "system_user": "a", "database_user": "b"}
    refused, left = edit(tmp_path, "pg_ident", "", 16, mappings=[asked, {**asked, **mapping}])
    assert refused["failed"] and words in refused["msg"], refused
    assert refused["msg"].startswith("mapping 2: ") and "\n" not in refused["msg"]
    assert left == b""


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"system_user": "/^(.*)-(.*)$", "database_user": "\\2"}, "holds \\2, but PostgreSQL replaces \\1 alone"),
        ({"system_user": "/^(.*)$", "database_user": "$1"}, "holds $1, but PostgreSQL replaces \\1 alone"),
        ({"system_user": "/O=Any/CN=kite"}, "is an expression because of its slash; write a whole subject as CN=kite,O=Any"),
        ({"system_user": ".*"}, 'system_user ".*" is that very name; start an expression with a slash'),
        ({"system_user": "*"}, 'system_user "*" is that very name; start an expression with a slash'),
        ({"system_user": "^kite$"}, 'system_user "^kite$" is that very name; start an expression with a slash'),
        ({"database_user": "*"}, 'database_user "*" is the role of that name in PostgreSQL 15'),
    ],
)  # fmt: skip
def test_a_mapping_that_maps_nobody_is_told(tmp_path: Path, mapping: dict[str, Any], words: str) -> None:
    done, _left = edit(
        tmp_path, "pg_ident", "", mappings=[{"map": "m", "system_user": "a", "database_user": "b", **mapping}]
    )
    assert not done["failed"] and words in str(done["warnings"]).replace("\\\\", "\\"), done
    named = {"map": "m", "system_user": "*.example.com", "database_user": "b"}
    done, _left = edit(tmp_path, "pg_ident", "", mappings=[named])
    assert done["warnings"] == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"listen-addresses": "*"}, 'settings: "listen-addresses" is not a known setting; is listen_addresses meant?'),
        ({"listen addresses": "*"}, "is listen_addresses meant?"),
        ({"listen_addresses ": "*"}, "is listen_addresses meant?"),
        ({"max_connections=100": ""}, "is max_connections meant?"),
        ({"a.b.c": "1"}, 'settings: "a.b.c" is not a known setting; write it as in the manual'),
        ({"work_mem": "'4MB'"}, 'setting "work_mem" has quotes of its own ("\'4MB\'"); leave them out'),
        ({"work_mem": "4MB # little"}, "write 4MB alone"),
        ({"work_mem": "4MB;"}, "write 4MB alone"),
        ({"ssl": "'on'; # TLS"}, "write on alone"),
        ({"work_mem": "= 4MB"}, "write 4MB alone"),
        ({"ssl_ca_file": "'root.crt'"}, 'setting "ssl_ca_file" has quotes of its own ("\'root.crt\'"); leave them out'),
        ({"shared_preload_libraries": [["a"], "b"]}, 'setting "shared_preload_libraries" holds a list in a list; give it one'),
        ({"shared_preload_libraries": [{"a": 1}]}, 'setting "shared_preload_libraries" holds a dict in a list; give it one'),
    ],
)  # fmt: skip
def test_a_setting_as_in_other_files_is_told_with_the_way_out(
    tmp_path: Path, setting: dict[str, Any], words: str
) -> None:
    refused, left = edit(tmp_path, "pg_conf", "", settings=setting)
    assert refused["failed"] and words in refused["msg"], refused
    assert left == b""


def test_quotes_inside_of_a_setting_are_meant(tmp_path: Path) -> None:
    settings = {"archive_command": "'/a b/c'", "search_path": '"$user", public', "log_line_prefix": "'%m' '%p'"}
    done, _left = edit(tmp_path, "pg_conf", "", settings=settings)
    assert not done["failed"] and done["settings"] == settings


def test_a_list_that_contradicts_itself_is_told_with_the_way_out(tmp_path: Path) -> None:
    mapping = {"map": "m", "system_user": "a", "database_user": "b"}
    refused, _left = edit(tmp_path, "pg_ident", "", mappings=[mapping, {**mapping, "state": "absent"}])
    assert 'present and absent; keep one of the two: "m a b"' in refused["msg"], refused["msg"]
