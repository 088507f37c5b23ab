# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edit of pg_hba.conf changes: the words, and, by brute force in random worlds, that they are true and complete."""

from __future__ import annotations

import ipaddress
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.cases import Given, WorkBudget
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.changes import (
    AccessChange,
    put_losses_together,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.comparison import compare_access
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.sets import Names, Range
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.wording import describe_access
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.wording import REFUSED, describe_outcome
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("PGTLS_EXAMPLES", "300"))
VERSION = 17


def rules(text: str) -> list[Rule]:
    verdict = judge_hba(text, VERSION)
    assert not text or verdict.accepted, verdict.lines
    return [one.entry for one in verdict.entries]


def sentences(before: str, after: str) -> list[str]:
    return [entry["sentence"] for entry in describe_access(compare_access(rules(before), rules(after)))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("local all all peer", "local all all peer # why", []),
        ("local all all peer\nhost all all all md5", "host all all all md5\nlocal all all peer", []),
        (
            "hostssl all app1 10.0.0.0/8 scram-sha-256",
            "hostssl all app1 10.0.0.0/8 cert",
            ["app1 from 10.0.0.0/8 over TLS: scram-sha-256 -> certificate"],
        ),
        (
            "local all all peer",
            "local all all peer\nhost shop,crm app1 10.0.0.1/32 trust",
            ["app1 to database crm, shop from 10.0.0.1/32 over TCP: gains access (refused -> trust)"],
        ),
        (
            "host all all 10.0.0.0/8 md5",
            "host all app1 10.1.0.0/16 reject\nhost all all 10.0.0.0/8 md5",
            ["app1 from 10.1.0.0/16 over TCP: loses access (md5 -> refused)"],
        ),
        (
            "host all all all md5",
            "host all app1 all reject\nhost all all all scram-sha-256",
            [
                "app1 from any address over TCP: loses access (md5 -> refused)",
                "everybody except app1 from any address over TCP: md5 -> scram-sha-256",
            ],
        ),
        (
            "host all all all md5",
            "hostnossl all all all reject\nhost all all all md5",
            ["everybody from any address over TCP without TLS: loses access (md5 -> refused)"],
        ),
        (
            "host all all all md5",
            "host all +staff samenet reject\nhost all all all md5",
            ["members of staff from samenet over TCP: loses access (md5 -> refused)"],
        ),
        (
            "host all /^app all md5\nhost all app1 ::1/128 md5",
            "host all /^app all trust\nhost all app1 ::1/128 md5",
            ["/^app from any address over TCP: md5 -> trust"],
        ),
        (
            "host sameuser all all md5",
            "host all all all md5",
            ["everybody to database all except sameuser from any address over TCP: gains access (refused -> md5)"],
        ),
        (
            "local all all peer",
            "local all all peer\nlocal replication all peer",
            ["everybody for physical replication through the socket: gains access (refused -> peer)"],
        ),
        (
            "host all all 0.0.0.0/0 md5",
            "host all all 10.0.0.0 255.0.255.0 reject\nhost all all 0.0.0.0/0 md5",
            ["everybody from 10.0.0.0 255.0.255.0 within 0.0.0.0/0 over TCP: loses access (md5 -> refused)"],
        ),
        (
            "host all all all md5",
            "hostgssenc all all .example.com gss include_realm=0\nhost all all all md5",
            ["everybody from .example.com over GSSAPI encryption: md5 -> gss (include_realm=0)"],
        ),
        # Who has a database of the own name is a member of a role of that name.
        ("host samerole all all trust\nhost sameuser all all md5", "host samerole all all trust", []),
        (
            "host sameuser all all trust\nhost samerole all all md5\nhost all all all reject",
            "host samerole all all md5\nhost all all all reject",
            ["everybody to database sameuser from any address over TCP: trust -> md5"],
        ),
        # A rule that nobody meets changes nothing, and neither does one that says what the next one says.
        ("host all all all md5", "host all all all md5\nhost all app1 all trust", []),
        ("host all all all md5", "host all app1 all md5\nhost all all all md5", []),
        (
            "hostssl all all all ldap ldapserver=x ldapprefix=y ldapsuffix=z",
            "hostssl all all all trust clientcert=verify-ca\nlocal all all md5",
            [
                "everybody from any address over TLS: ldap (ldapprefix=y, ldapserver=x, ldapsuffix=z) -> trust with a "
                "certificate of the CA",
                "everybody through the socket: gains access (refused -> md5)",
            ],
        ),
    ],
)
def test_changes_are_told_in_plain_words(before: str, after: str, expected: list[str]) -> None:
    assert sentences(before, after) == expected


def test_an_entry_tells_its_parts() -> None:
    before, after = "hostssl all app1 10.0.0.0/8 scram-sha-256", "hostssl all app1 10.0.0.0/8 cert map=m"
    assert describe_access(compare_access(rules(before), rules(after))) == [
        {
            "change": "method",
            "who": "app1",
            "from": "10.0.0.0/8",
            "over": "TLS",
            "database": "all",
            "before": "scram-sha-256",
            "after": "certificate (map m)",
            "sentence": "app1 from 10.0.0.0/8 over TLS: scram-sha-256 -> certificate (map m)",
        }
    ]


def test_secrets_of_a_rule_are_not_told() -> None:
    rule = "host all all all ldap ldapserver=x ldapbasedn=y ldapbinddn=z ldapbindpasswd=verysecret"
    assert "verysecret" not in str(sentences("host all all all md5", rule))


def test_the_list_is_short_and_says_how_much_it_leaves_out() -> None:
    lines = [f"host db{number} app{number} 10.0.0.{number}/32 md5" for number in range(80)]
    shown = describe_access(compare_access(rules(""), rules("\n".join(lines))))
    assert len(shown) == 51
    assert (shown[-1]["change"], shown[-1]["sentence"]) == ("more", "and 30 more changes of access")
    assert set(shown[-1]) == set(shown[0])


def test_where_too_many_lose_access_they_lose_it_together() -> None:
    lines = [f"host all app{number} 10.0.0.{number}/32 {('md5', 'trust')[number % 2]}" for number in range(80)]
    text = "\n".join([*lines, "host all all all scram-sha-256"])
    assert sentences(text, "host all all all reject\n" + text) == [
        "everybody from any address over TCP: loses access (let in -> refused)"
    ]


def test_what_takes_too_long_says_so() -> None:
    comparison = compare_access(rules(""), rules("host all all all md5\nlocal all all peer"), WorkBudget(2))
    assert not comparison.is_complete
    assert "too much changes" in describe_access(comparison)[-1]["sentence"]


@pytest.mark.parametrize("change", ["method", "first", "last", "moved"])
def test_one_change_among_ten_thousand_rules_is_found_quickly(change: str) -> None:
    lines = [f"hostssl all app{number} 10.{number >> 8}.{number & 255}.0/24 cert" for number in range(10_000)]
    changed = list(lines)
    if change == "method":
        changed[5000] = changed[5000].replace("cert", "md5")
    elif change == "moved":
        changed.append(changed.pop(10))
    else:
        changed.insert(0 if change == "first" else len(lines), "host all all 10.2.0.0/16 reject")
    before, after = rules("\n".join(lines)), rules("\n".join(changed))
    begin = time.process_time()
    found = describe_access(compare_access(before, after))
    assert time.process_time() - begin < 3
    expected = {
        "method": "app5000 from 10.19.136.0/24 over TLS: certificate -> md5",
        "first": "app512 from 10.2.0.0/24",
    }
    assert [entry["sentence"] for entry in found[:1]][0:1] == [] or expected[change] in found[0]["sentence"]
    assert bool(found) == (change in expected)


# Brute force: a world answers what only a server knows, and every connection in it meets its first match.

USERS = ["app1", "app2", "bob", "staff", "x"]
DATABASES = ["app1", "shop", "staff", "y"]
CLIENTS = ["10.0.0.1", "10.1.2.3", "10.255.0.9", "11.0.0.1", "127.0.0.1", "::1", "fe80::1", "2001:db8::7"]
CLASSES = {"unix": "local", "plain": "hostnossl", "tls": "hostssl", "gss": "hostgssenc"}
TYPES = {
    "local": {"unix"},
    "host": {"plain", "tls", "gss"},
    "hostssl": {"tls"},
    "hostnossl": {"plain", "gss"},
    "hostgssenc": {"gss"},
    "hostnogssenc": {"plain", "tls"},
}
USER_WORDS = ["all", "app1", "app2", "bob", "+staff", "+x", "/^app", "/b", "app1,+staff", "/^app,bob", "/(a)\\1"]
DATABASE_WORDS = ["all", "shop", "app1", "sameuser", "samerole", "replication", "all,replication", "/^s", "shop,y"]
ADDRESS_WORDS = [
    *("all", "0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "127.0.0.1/32", "fe80::/10", "samenet"),
    *("samehost", ".example.com", "a.example.com", "10.0.0.1 255.0.0.255"),
]
METHODS = ["trust", "md5", "reject", "scram-sha-256"]


@dataclass(frozen=True)
class World:
    """Who is a member of what, which addresses are the server's own, and the name of each client."""

    members: frozenset[tuple[str, str]]
    net: frozenset[str]
    host: frozenset[str]
    names: tuple[tuple[str, str], ...]

    def is_member(self, user: str, role: str) -> bool:
        return user == role or (user, role) in self.members


@dataclass(frozen=True)
class Knock:
    user: str
    database: str | None  # None: physical replication
    way: str
    client: str | None


@st.composite
def lines(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(list(TYPES)))
    words = [kind, draw(st.sampled_from(DATABASE_WORDS)), draw(st.sampled_from(USER_WORDS))]
    words += [] if kind == "local" else [draw(st.sampled_from(ADDRESS_WORDS))]
    return " ".join([*words, draw(st.sampled_from(METHODS))])


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    before = draw(st.lists(lines(), max_size=6))
    after = list(before)
    for _change in range(draw(st.integers(1, 3))):
        if after and draw(st.booleans()):
            moved = after.pop(draw(st.integers(0, len(after) - 1)))
            if draw(st.booleans()):
                after.insert(draw(st.integers(0, len(after))), moved)
        else:
            after.insert(draw(st.integers(0, len(after))), draw(lines()))
    return before, after


@st.composite
def worlds(draw: st.DrawFn) -> World:
    pairs = [(user, role) for user in USERS for role in ("staff", "x", "shop", "app1", "y") if user != role]
    net = set(draw(st.lists(st.sampled_from(CLIENTS), max_size=3))) | {"127.0.0.1", "::1"}
    host = set(draw(st.lists(st.sampled_from(sorted(net)), max_size=2))) | {"127.0.0.1", "::1"}
    names = st.sampled_from(["a.example.com", "b.example.com", "example.com", "other"])
    return World(
        frozenset(draw(st.lists(st.sampled_from(pairs), max_size=5))),
        frozenset(net),
        frozenset(host),
        tuple((client, draw(names)) for client in CLIENTS),
    )


def word_is_about(word: str, name: str) -> bool:
    return re.search(word[1:], name) is not None if word.startswith("/") else word == name


def is_user(word: str, user: str, world: World) -> bool:
    if word.startswith("+"):
        return world.is_member(user, word[1:])
    return word == "all" or word_is_about(word, user)


def is_database(word: str, knock: Knock, world: World) -> bool:
    if knock.database is None or word == "replication":
        return knock.database is None and word == "replication"
    if word == "sameuser":
        return knock.database == knock.user
    if word == "samerole":
        return world.is_member(knock.user, knock.database)
    return word == "all" or word_is_about(word, knock.database)


def is_address(words: list[str], client: str, world: World) -> bool:
    word = words[0]
    if word in ("all", "samenet", "samehost"):
        return word == "all" or client in (world.net if word == "samenet" else world.host)
    if word[0].isalpha() and "/" not in word or word.startswith("."):
        name = dict(world.names)[client]
        return name.endswith(word) if word.startswith(".") else name == word
    if len(words) == 2:
        parts = [int(ipaddress.ip_address(one)) for one in (client, *words)]
        return ":" not in client and parts[0] & parts[2] == parts[1] & parts[2]
    network, address = ipaddress.ip_network(word), ipaddress.ip_address(client)
    return network.version == address.version and address in network


def outcome(texts: list[str], knock: Knock, world: World) -> str:
    for text in texts:
        kind, databases, users, *address, method = text.split()
        if (
            knock.way in TYPES[kind]
            and any(is_user(word, knock.user, world) for word in users.split(","))
            and any(is_database(word, knock, world) for word in databases.split(","))
            and (knock.client is None or is_address(address, knock.client, world))
        ):
            return REFUSED if method == "reject" else method
    return REFUSED


def holds(conditions: Given, knock: Knock, world: World) -> bool:
    for condition, answer in conditions:
        if condition.column == "who":
            found = is_user(condition.word, knock.user, world)
        elif condition.column == "database":
            found = is_database(condition.word, knock, world)
        else:
            found = is_address(condition.word.split(), knock.client or "", world)
        if found != answer:
            return False
    return True


def is_name(part: Names, name: str | None, knock: Knock, world: World) -> bool:
    if (name is None) != (part.kind == "physical"):
        return False
    inside = name is None or (name in part.names) == (part.kind == "only")
    return inside and holds(part.given, knock, world)


def is_in_range(part: Range, knock: Knock, world: World) -> bool:
    if knock.client is None:
        return part.family == 0
    address = ipaddress.ip_address(knock.client)
    inside = part.family == address.version and part.first <= int(address) <= part.last
    return inside and holds(part.given, knock, world)


def covers(change: AccessChange, knock: Knock, world: World) -> bool:
    return (
        knock.way in change.classes
        and any(is_name(part, knock.user, knock, world) for part in change.users)
        and any(is_name(part, knock.database, knock, world) for part in change.databases)
        and any(is_in_range(part, knock, world) for part in change.addresses)
    )


KNOCKS = [
    Knock(user, database, way, client)
    for user in USERS
    for database in [*DATABASES, None]
    for way in CLASSES
    for client in ([None] if way == "unix" else CLIENTS)
]


@settings(max_examples=EXAMPLES, deadline=None)
@given(edit=edits(), world=worlds(), knocks=st.lists(st.sampled_from(KNOCKS), min_size=40, max_size=40))
def test_exactly_those_who_fare_differently_are_told(
    edit: tuple[list[str], list[str]], world: World, knocks: list[Knock]
) -> None:
    before, after = edit
    comparison = compare_access(rules("\n".join(before)), rules("\n".join(after)))
    describe_access(comparison)
    together = put_losses_together(comparison.changes)
    for knock in knocks:
        seen = (
            knock
            if comparison.has_gss or knock.way != "gss"
            else Knock(knock.user, knock.database, "plain", knock.client)
        )
        old, new = outcome(before, knock, world), outcome(after, knock, world)
        found = [one for one in comparison.changes if covers(one, seen, world)]
        assert [(one.before, one.after) for one in found] == ([(old, new)] if old != new else [])
        assert len([one for one in together if covers(one, seen, world)]) == (old != new)


def test_outcome_words_agree_with_the_brute_force() -> None:
    assert {describe_outcome(rule) for rule in rules("\n".join(f"local all all {one}" for one in METHODS))} == {
        REFUSED,
        *(one for one in METHODS if one != "reject"),
    }


PAGE = Path(__file__).resolve().parents[6] / "docs/what-an-edit-changes.md"
EXAMPLE = re.compile(r"^```before\n(.*?)^```\n```after\n(.*?)^```\n```told\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("before", "after", "told"), EXAMPLE.findall(PAGE.read_text(encoding="utf-8")))
def test_the_examples_of_the_page_are_true(before: str, after: str, told: str) -> None:
    assert sentences(before, after) == told.splitlines()


def test_the_page_has_examples() -> None:
    assert (
        PAGE.read_text(encoding="utf-8").count("```told") == len(EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))) > 3
    )
