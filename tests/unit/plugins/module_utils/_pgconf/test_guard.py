# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match, as far as the file tells, and the protection against locking somebody out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.guard import (
    check_guard,
    read_connection,
    read_connections,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.hba import Rule, parse_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.matching import first_match

LOCAL = {"type": "local", "database": "postgres", "user": "postgres"}
REMOTE = {"type": "host", "database": "db", "user": "app1", "address": "10.0.0.1"}


def guard(before: str, after: str, *connections: dict[str, Any], version: int = 16) -> None:
    check_guard(parse_hba(before, version), parse_hba(after, version), read_connections(connections))


@pytest.mark.parametrize(
    ("text", "connection", "expected"),
    [
        ("local all all peer", LOCAL, "peer"),
        ("local all postgres md5\nlocal all all peer", LOCAL, "md5"),
        ("host all all all md5", LOCAL, None),
        ("local replication all peer", LOCAL, None),
        ("local all all peer", {**LOCAL, "database": "replication"}, None),
        ("local replication all peer", {**LOCAL, "database": "replication"}, "peer"),
        ("local sameuser all peer", LOCAL, "peer"),
        ('local "all" all peer', LOCAL, None),
        ("local /^post all peer", LOCAL, "peer"),
    ],
)
def test_first_match_is_the_rule_that_decides(text: str, connection: dict[str, Any], expected: str | None) -> None:
    rules = [line.entry for line in parse_hba(text, 16).lines if isinstance(line.entry, Rule)]
    match = first_match(rules, read_connection(connection), "unix")
    assert (match.rule.method if match.rule else None) == expected


def test_what_only_the_server_knows_is_possible() -> None:
    rules = [line.entry for line in parse_hba("host all +g all md5\nhost all all samenet md5\n", 16).lines]
    match = first_match([rule for rule in rules if isinstance(rule, Rule)], read_connection(REMOTE), "tls")
    assert match.rule is None
    assert len(match.possible) == 2


def test_reject_and_no_rule_are_refused_with_the_rule() -> None:
    with pytest.raises(
        ConfigError, match='guarded local connection of user postgres.*meets the rule "local all all reject"'
    ):
        guard("local all all peer", "local all all reject\nlocal all all peer", LOCAL)
    with pytest.raises(ConfigError, match="no rule lets it in"):
        guard("local all all peer", "host all all all md5", LOCAL)


def test_what_was_refused_before_may_stay_so() -> None:
    guard("local all all reject", "host all all all md5", LOCAL)


def test_a_client_that_may_use_tls_is_not_locked_out_by_a_reject_of_plain_text() -> None:
    guard("host all all all md5", "hostnossl all all all reject\nhost all all all md5", REMOTE)
    with pytest.raises(ConfigError, match="guarded hostnossl"):
        guard(
            "host all all all md5",
            "hostnossl all all all reject\nhost all all all md5",
            {**REMOTE, "type": "hostnossl"},
        )


def test_possible_rules_and_includes_prove_nothing() -> None:
    guard("host all all all md5", "host all +staff all md5\nhost all all all reject", REMOTE)
    guard("host all all all md5", "include more.conf\nhost all all all reject", REMOTE)
    with pytest.raises(ConfigError):
        guard("host all all all md5", "host all all all reject\ninclude more.conf", REMOTE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": None}, "guard 1: address is needed"),
        ({"type": "local"}, "guard 1: address is needed for every type but local"),
        ({"address": "host.example"}, "numeric address"),
        ({"address": "10.0.0.0/8"}, "numeric address"),
    ],
)
def test_bad_guards_are_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_connections([{**REMOTE, **change}])
