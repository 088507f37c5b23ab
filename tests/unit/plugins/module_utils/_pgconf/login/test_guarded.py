# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match, as far as the file tells, and the protection against locking somebody out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import ServerContext
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.guarded import (
    Guarded,
    read_connection,
    read_guard,
    read_guarded,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.lockout import (
    Lockouts,
    find_lockouts,
    read_rules,
    situation_of,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.rule_matching import first_match
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_ident
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule, parse_hba

LOCAL = {"type": "local", "database": "postgres", "user": "postgres"}
REMOTE = {"type": "host", "database": "db", "user": "app1", "address": "10.0.0.1"}
CLIENT = {**REMOTE, "type": "hostssl", "certificate_common_name": "PostgreSQL client1"}
ME = {**LOCAL, "system_user": "postgres"}


def lockouts(before: str, after: str, *guarded: Guarded, files: dict[str, str] | None = None) -> Lockouts:
    around = Files("/etc/pg_hba.conf", (files or {}).get)
    situations = [situation_of(read_rules(text, 16, around), ServerContext()) for text in (before, after)]
    return find_lockouts(situations[0], situations[1], guarded)


def shut_out(before: str, after: str, *connections: dict[str, Any], **more: Any) -> tuple[str, ...]:
    return lockouts(before, after, *read_guard(connections), **more).shut_out


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


def test_reject_and_no_rule_are_refused_with_the_rule_and_its_line() -> None:
    assert shut_out("local all all peer", "\nlocal all all reject\nlocal all all peer", LOCAL) == (
        "the guarded local connection of user postgres to database postgres: it meets the rule "
        '"local all all reject" (line 2 of /etc/pg_hba.conf) and is refused: its method is reject; '
        "it is guarded because guard 1 names it",
    )
    (sentence,) = shut_out("local all all peer", "host all all all md5", LOCAL)
    assert "it meets no rule and is refused" in sentence


def test_what_was_refused_before_is_told_and_not_held_against_the_edit() -> None:
    found = lockouts("local all all reject", "host all all all md5", *read_guard([LOCAL]))
    assert found.shut_out == ()
    (sentence,) = found.impossible
    assert sentence.startswith(
        "the guarded local connection of user postgres to database postgres is already impossible"
    )
    not_wished = replace(read_guarded(LOCAL, "found"), is_wished=False)
    assert lockouts("local all all reject", "host all all all md5", not_wished) == Lockouts()


def test_a_client_that_may_use_tls_is_not_locked_out_by_a_reject_of_plain_text() -> None:
    before, after = "host all all all md5", "hostnossl all all all reject\nhost all all all md5"
    assert not shut_out(before, after, REMOTE)
    assert "guarded hostnossl" in shut_out(before, after, {**REMOTE, "type": "hostnossl"})[0]


def test_possible_rules_and_unknown_files_prove_nothing() -> None:
    before = "host all all all md5"
    assert not shut_out(before, "host all +staff all md5\nhost all all all reject", REMOTE)
    assert not shut_out(before, "include more.conf\nhost all all all reject", REMOTE)
    assert not shut_out(before, "host all +staff all reject\ninclude more.conf", REMOTE)
    assert shut_out(before, "host all all all reject\ninclude more.conf", REMOTE)
    assert shut_out(before, "host all +staff all reject\nhost all all all reject\ninclude more.conf", REMOTE)


def test_memberships_that_are_told_decide() -> None:
    before, after = "host all all all md5", "host all +staff all reject\nhost all all all md5"
    assert not shut_out(before, after, REMOTE)
    assert not shut_out(before, after, {**REMOTE, "roles": ["app1"]})
    assert shut_out(before, after, {**REMOTE, "roles": ["app1", "staff"]})


def test_files_that_are_included_count() -> None:
    files = {"/etc/more.conf": "\nhost all all all reject\n", "/etc/people": "app1\n"}
    (sentence,) = shut_out("host all all all md5", "include more.conf\nhost all all all md5", REMOTE, files=files)
    assert "(line 2 of /etc/more.conf)" in sentence
    assert shut_out("host all all all md5", "host all @people all reject\nhost all all all md5", REMOTE, files=files)


@pytest.mark.parametrize(
    ("connection", "is_shut_out"),
    [
        ({**CLIENT, "has_certificate": False}, True),
        (CLIENT, True),
        ({**CLIENT, "certificate_common_name": "app1"}, False),
        ({**CLIENT, "certificate_common_name": None}, False),
    ],
)
def test_the_certificate_counts_as_far_as_it_is_told(connection: dict[str, Any], is_shut_out: bool) -> None:
    guarded = read_guarded(connection, "it is here")
    assert bool(lockouts("hostssl all all all md5", "hostssl all all all cert", guarded).shut_out) == is_shut_out


def test_a_login_without_a_password_needs_a_rule_that_asks_for_none() -> None:
    before, after = "local all all peer", "local all all scram-sha-256"
    mine = read_guarded({**ME, "lacks_password": True}, "the login of this very task", is_wished=False)
    (sentence,) = lockouts(before, after, mine).shut_out
    assert "there is no password to give" in sentence
    assert not lockouts(before, after, read_guarded(ME, "it has one")).shut_out
    assert not lockouts("local all all md5", after, mine).shut_out  # it came in, so one is kept somewhere
    assert not lockouts(before, "local all all trust", mine).shut_out


def test_the_operating_system_user_counts() -> None:
    assert not shut_out("local all all md5", "local all all peer", LOCAL)
    assert not shut_out("local all all md5", "local all all peer", ME)
    assert shut_out("local all all md5", "local all all peer", {**ME, "system_user": "deploy"})


def test_a_map_that_goes_locks_out() -> None:
    rules = read_rules("hostssl all all all cert map=m", 16)

    def situation(maps: str) -> Any:
        return situation_of(rules, ServerContext(mappings=judge_ident(maps, 16).entries))

    before, after = situation('m "PostgreSQL client1" app1'), situation('m "PostgreSQL client2" app1')
    (sentence,) = find_lockouts(before, after, read_guard([CLIENT])).shut_out
    assert 'no line of the map m lets "PostgreSQL client1" in as app1' in sentence
    found = replace(read_guard([CLIENT])[0], is_wished=False)
    assert find_lockouts(before, after, [found]).shut_out
    assert not find_lockouts(before, before, [found]).shut_out


def test_found_connections_that_no_changed_rule_is_about_are_not_asked_for() -> None:
    many = [f"host all app{number} 10.0.0.0/8 md5" for number in range(2000)]
    guarded = [
        replace(read_guarded({**REMOTE, "user": f"app{number}"}, "it is here"), is_wished=False)
        for number in range(2000)
    ]
    after = "\n".join(["host all app7 all reject", *many])
    (sentence,) = lockouts("\n".join(many), after, *guarded).shut_out
    assert "user app7 " in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": None}, "guard 1: address is needed"),
        ({"type": "local"}, "guard 1: address is needed for every type but local"),
        ({"address": "host.example"}, "numeric address"),
        ({"address": "10.0.0.0/8"}, "numeric address"),
        ({"type": "hostnossl", "certificate_dn": "CN=x"}, "guard 1: a certificate is presented only with TLS"),
    ],
)
def test_bad_guards_are_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_guard([{**REMOTE, **change}])
