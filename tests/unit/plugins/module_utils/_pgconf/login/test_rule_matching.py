# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule a connection meets: facts of sections 1.4 and 7.2 as tables, with what only the server knows as doubts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.rule_matching import (
    Connection,
    Unknown,
    first_match,
    rule_matches,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule, parse_hba

DOUBT = "doubt"


def rule(text: str, version: int = 16) -> Rule:
    (line,) = parse_hba(text, version).lines
    assert isinstance(line.entry, Rule), line.entry
    return line.entry


def answer(text: str, connection_class: str, version: int = 16, **fields: Any) -> Any:
    """True, False, or the words of a doubt."""
    values = {"type": "x", "database": "db", "user": "app1", "address": "10.0.0.1", **fields}
    if connection_class == "unix":
        values["address"] = None
    found = rule_matches(rule(text, version), Connection(**values), connection_class)
    return found.words if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("connection_type", "classes"),
    [
        ("local", {"unix"}),
        ("host", {"plain", "tls", "gss"}),
        ("hostssl", {"tls"}),
        ("hostnossl", {"plain", "gss"}),
        ("hostgssenc", {"gss"}),
        ("hostnogssenc", {"plain", "tls"}),
    ],
)
def test_types_and_classes(connection_type: str, classes: set[str]) -> None:
    address = "" if connection_type == "local" else "all "
    text = f"{connection_type} all all {address}trust"
    assert {name for name in ("unix", "plain", "tls", "gss") if answer(text, name)} == classes


@pytest.mark.parametrize(
    ("database", "fields", "expected"),
    [
        ("all", {}, True),
        ('"all"', {}, False),
        ('"all"', {"database": "all"}, True),
        ("ALL", {}, False),
        ("all", {"physical_replication": True}, False),
        ("db", {"physical_replication": True}, False),
        ("/.*", {"physical_replication": True}, False),
        ("replication", {"physical_replication": True}, True),
        ("all,replication", {"physical_replication": True}, True),
        ("replication", {}, False),
        ("replication", {"database": "replication"}, False),
        ('"replication"', {"database": "replication"}, True),
        ('"replication"', {"physical_replication": True}, False),
        ("sameuser", {}, False),
        ("sameuser", {"database": "app1"}, True),
        ("samerole", {"database": "app1"}, True),
        ("samerole", {}, "whether the user is a member of role db"),
        ("samerole", {"roles": frozenset()}, False),
        ("samerole", {"roles": frozenset({"db"})}, True),
        ("samegroup", {"roles": frozenset({"db"})}, True),
        ("x,db", {}, True),
        ("samerole,db", {}, True),
        ("DB", {}, False),
        ("/^d", {}, True),
        ('"/^d"', {}, True),
        ("/b$", {}, True),
        ("/", {}, True),
        ("/^x", {}, False),
        (r"/\yd", {}, r"what PostgreSQL makes of the regular expression /\yd"),
        ("@f", {}, "the content of the file f"),
    ],
)
def test_databases(database: str, fields: dict[str, Any], expected: Any) -> None:
    assert answer(f"local {database} all trust", "unix", **fields) == expected


@pytest.mark.parametrize(
    ("user", "fields", "expected"),
    [
        ("all", {}, True),
        ("app1", {}, True),
        ("APP1", {}, False),
        ("sameuser", {}, False),
        ("+app1", {}, True),
        ("+g", {}, "whether the user is a member of role g"),
        ("+g", {"roles": frozenset({"g", "h"})}, True),
        ("+g", {"roles": frozenset({"h"})}, False),
        ('"+g"', {"user": "+g"}, True),
        ("+g,app1", {}, True),
        ("/^app[0-9]+$", {}, True),
        ("/^app[a-z]+$", {}, False),
        ("@f", {}, "the content of the file f"),
    ],
)
def test_users(user: str, fields: dict[str, Any], expected: Any) -> None:
    assert answer(f"local all {user} trust", "unix", **fields) == expected


def test_up_to_15_a_slash_is_a_letter() -> None:
    assert answer("local /^d all trust", "unix", version=15) is False
    assert answer("local /^d all trust", "unix", version=15, database="/^d") is True


@pytest.mark.parametrize(
    ("address", "client", "expected"),
    [
        ("all", "10.0.0.1", True),
        ("all", "fd00::1", True),
        ("0.0.0.0/0", "10.0.0.1", True),
        ("0.0.0.0/0", "fd00::1", False),
        ("::/0", "10.0.0.1", False),
        ("10.1.2.3/8", "10.200.0.1", True),
        ("10.0.0.0 255.0.0.0", "11.0.0.1", False),
        ("010.0.0.1/32", "8.0.0.1", True),
        ("10/8", "0.1.2.3", True),
        ("10.0.0.1 255.0.0.255", "10.9.9.1", True),
        ("::ffff:10.0.0.0/104", "10.0.0.1", False),
        ("fd00::/8", "FD00:0::1", True),
        ("samehost", "10.0.0.1", "the server's own addresses (the word samehost)"),
        ("samenet", "127.0.0.1", True),
        ("samehost", "::1", True),
    ],
)
def test_addresses(address: str, client: str, expected: Any) -> None:
    assert answer(f"host all all {address} trust", "plain", address=client) == expected


@pytest.mark.parametrize(
    ("pattern", "names", "expected"),
    [
        ("h.example.com", None, "the name that a reverse lookup of 10.0.0.1 gives, because of the host name h.example.com"),
        ("h.example.com", ("H.Example.com",), True),
        ("h.example.com", ("g.example.com",), False),
        ("h.example.com", (), False),
        (".example.com", ("h.example.com",), True),
        (".example.com", ("example.com",), False),
        ("example.com", ("h.example.com",), False),
        (".example.com", ("h.example.com", "h.other"), "which of its names a reverse lookup of 10.0.0.1 gives"),
        ("10.0.0.256", ("h.example.com",), False),
    ],
)  # fmt: skip
def test_host_names(pattern: str, names: Any, expected: Any) -> None:
    assert answer(f"host all all {pattern} trust", "tls", host_names=names) == expected


def test_what_is_surely_different_beats_a_doubt() -> None:
    assert answer("host other +g samenet trust", "tls") is False
    assert answer("hostssl db +g all trust", "plain") is False


def test_first_match_decides_and_doubts_are_told_in_order() -> None:
    texts = [
        "host all +g all reject",
        "host other all all trust",
        "host all all h.example md5",
        "host all all all ident",
    ]
    rules = [rule(text) for text in (*texts, "host all all all trust")]
    match = first_match(rules, Connection("hostssl", "db", "app1", "10.0.0.1"), "tls")
    assert (match.rule, match.possible) == (rules[3], (rules[0], rules[2]))
    assert [words.split(" ")[0] for words in match.doubts] == ["whether", "the"]
    assert not match.is_locked_out
