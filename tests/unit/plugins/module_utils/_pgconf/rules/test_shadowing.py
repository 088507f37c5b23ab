# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules can never be met."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.guarded import Connection, first_match
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import (
    Rule,
    parse_hba,
    parse_hba_line,
    read_rule,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.shadowing import (
    overlap,
    unreachable_rules,
)
from hypothesis import given
from hypothesis import strategies as st
from pgconf_strategies import rules


def parse(text: str, version: int = 16) -> list[Rule]:
    return [line.entry for line in parse_hba(text, version).lines if isinstance(line.entry, Rule)]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("host all all all md5\nhostssl all all all cert", [(1, 0)]),
        ("hostssl all all all md5\nhost all all all cert", []),
        ("hostssl all all all md5\nhostnossl all all all md5\nhost all all all trust", [(2, 1)]),
        ("hostnogssenc all all all md5\nhostssl all all all md5", [(1, 0)]),
        ("hostnossl all all all md5\nhostgssenc all all all md5", [(1, 0)]),
        ("local all all peer\nhost all all all md5", []),
        ("local all all peer\nlocal replication all peer", []),
        ("local all,replication all peer\nlocal replication all peer", [(1, 0)]),
        ("local /.* all peer\nlocal replication all peer", []),
        ("local / all peer\nlocal x all peer", [(1, 0)]),
        ("local /^app all peer\nlocal app1,app2 all peer", [(1, 0)]),
        ("local /^app all peer\nlocal xapp all peer", []),
        ("local a all peer\nlocal b all peer\nlocal a,b all peer", [(2, 1)]),
        ("local all a peer\nlocal all a,b peer", []),
        ("local all +a peer\nlocal all a peer", [(1, 0)]),
        ("local all +a peer\nlocal all +b peer", []),
        ("local sameuser all peer\nlocal u u peer", [(1, 0)]),
        ("local u u peer\nlocal sameuser u peer", [(1, 0)]),
        ("local samerole all peer\nlocal sameuser all peer", [(1, 0)]),
        ("local sameuser all peer\nlocal samerole all peer", []),
        ("host all all 10.0.0.0/8 md5\nhost all all 10.1.2.3/32 md5", [(1, 0)]),
        ("host all all 0.0.0.0/0 md5\nhost all all all md5", []),
        (
            "host all all 0.0.0.0/0 md5\nhost all all ::/0 md5\nhost all all all md5\nhost all all x.y md5",
            [(2, 1), (3, 1)],
        ),
        ("host all all 10.0.0.0/9 md5\nhost all all 10.128.0.0/9 md5\nhost all all 10.0.0.0/8 md5", [(2, 1)]),
        ("host all all .x md5\nhost all all a.x md5\nhost all all x md5", [(1, 0)]),
        ("host all all samenet md5\nhost all all samehost md5", [(1, 0)]),
        ("host all all samenet md5\nhost all all 127.0.0.1/32 md5", []),
        ("host all all 10.0.0.0 255.0.255.0 md5\nhost all all 10.7.0.1/32 md5", [(1, 0)]),
        ("local all all reject\nlocal all all peer", [(1, 0)]),
        ("local all all peer\nlocal @names all peer", []),
    ],
)
def test_unreachable_is_proven_and_names_its_shadow(text: str, hidden: list[tuple[int, int]]) -> None:
    assert unreachable_rules(parse(text)) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("host all /^svc[0-9]+$ 0.0.0.0/0 reject\nhost all svc7 10.0.0.0/8 md5", [(1, 0)]),
        ("host all /^svc[0-9]+$ 0.0.0.0/0 reject\nhost all svc 10.0.0.0/8 md5", []),
        ('host all "/^(app|svc)[0-9]{1,3}$" 0.0.0.0/0 reject\nhost all svc7,app12 10.0.0.0/8 md5', [(1, 0)]),
        ("host all /^a[0-9]$,/^b[0-9]$ 0.0.0.0/0 reject\nhost all a1,b2 10.0.0.0/8 md5", [(1, 0)]),
        ("host all /^a[0-9]$ 0.0.0.0/0 reject\nhost all /^b[0-9]$ 0.0.0.0/0 md5\nhost all a1,b2 all md5", []),
        ("host all /^a[0-9]$ all reject\nhost all /^b[0-9]$ all md5\nhost all a1,b2 10.0.0.0/8 md5", [(2, 1)]),
        ("host all /^a[0-9]$ all reject\nhost all b2,b3 all md5\nhost all a1,b2 10.0.0.0/8 md5", [(2, 1)]),
        (
            "host all /^a[0-9]$ 10.0.0.0/9 reject\nhost all /^a[0-9]$ 10.128.0.0/9 md5\nhost all a1 10.0.0.0/8 md5",
            [(2, 1)],
        ),
        ("host /^shop_[a-z]+$ all all reject\nhost shop_eu app1 all md5", [(1, 0)]),
        ("host /^shop_[a-z]+$ /^app[0-9]$ all reject\nhost shop_eu,shop_us app1,app2 all md5", [(1, 0)]),
        ("host /^shop_[a-z]+$ all all reject\nhost replication app1 all md5", []),
        ("local /(?i)^APP all peer\nlocal app all peer", [(1, 0)]),
        ("local all /.+ peer\nlocal all +staff peer", [(1, 0)]),
        ("local all /^(.)\\1$ peer\nlocal all aa peer", []),  # only PostgreSQL can tell, so nothing is proven
    ],
)
def test_expressions_hide_the_names_that_they_surely_match(text: str, hidden: list[tuple[int, int]]) -> None:
    assert unreachable_rules(parse(text)) == hidden


def connections() -> list[tuple[Connection, str]]:
    grid = itertools.product(
        ["app1", "db2", "x", "replication"],
        ["app1", "app2", "other", "all"],
        ["10.0.0.1", "10.1.2.3", "127.0.0.1", "::1", "8.8.8.8"],
    )
    result = []
    for database, user, address in grid:
        result += [(Connection("host", database, user, address), kind) for kind in ("plain", "tls", "gss")]
        result.append((Connection("local", database, user), "unix"))
    return result


CONNECTIONS = connections()


@given(st.lists(rules(), min_size=2, max_size=6))
def test_no_connection_meets_an_unreachable_rule(asked: list[dict[str, Any]]) -> None:
    found = [read_rule(fields, 16) for fields in asked]
    hidden = {index for index, _shadow in unreachable_rules(found)}
    for connection, kind in CONNECTIONS:
        match = first_match(found, connection, kind)
        for index in hidden:
            assert match.rule is not found[index]


@given(rules(), rules())
def test_rules_that_do_not_overlap_share_no_connection(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = read_rule(one, 16), read_rule(other, 16)
    assert overlap(first, second) == overlap(second, first)
    if not overlap(first, second):
        for connection, kind in CONNECTIONS:
            both = (first_match([first], connection, kind).rule, first_match([second], connection, kind).rule)
            assert None in both


def test_ten_thousand_rules_are_analysed_without_comparing_all_pairs() -> None:
    line = "host all user{0} 10.{1}.{2}.0/24 md5"
    found = [parse_hba_line(line.format(i % 500, i // 250, i % 250), 16) for i in range(10_000)]
    assert unreachable_rules([rule for rule in found if isinstance(rule, Rule)]) == []


def test_each_of_many_expressions_is_translated_once() -> None:
    expressions = [f"host all /^svc{number}[a-z]+$ 10.0.0.0/8 md5" for number in range(1200)]
    names = [f"host all user{number} 10.0.0.0/16 md5" for number in range(300)]
    found = parse("\n".join([*expressions, *names, "host all svc7x 10.1.0.0/16 md5"]))
    begun = time.process_time()
    assert unreachable_rules(found) == [(1500, 7)]
    assert time.process_time() - begun < 20  # a translation for each pair would take minutes
