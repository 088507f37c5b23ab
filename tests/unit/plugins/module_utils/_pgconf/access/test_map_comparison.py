# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edit of pg_ident.conf changes: the words, and, by brute force, that they are true and complete."""

from __future__ import annotations

import os
import re
import time

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.cases import WorkBudget
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.map_comparison import (
    MapChange,
    compare_maps,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.sets import Names
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.wording import describe_map_access
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_ident
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.ident import UserMapping
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("PGTLS_EXAMPLES", "300"))
VERSION = 17


def mappings(text: str, version: int = VERSION) -> list[UserMapping]:
    verdict = judge_ident(text, version)
    assert verdict.accepted, verdict.lines
    return [one.entry for one in verdict.entries]


def sentences(before: str, after: str, version: int = VERSION) -> list[str]:
    found = describe_map_access(compare_maps(mappings(before, version), mappings(after, version)))
    return [entry["sentence"] for entry in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("m a x\nm b y", "m b y\nm a x", []),
        (
            "",
            'm "PostgreSQL client1" app1',
            ["PostgreSQL client1 may now log in as app1 where a rule names the map m"],
        ),
        (
            "m a x\nm b x\nn a x",
            "n a x",
            ["a, b may no longer log in as x where a rule names the map m"],
        ),
        # What another line lets in anyway does not change.
        ("m /^a x\nm alice x", "m /^a x", []),
        ("m alice all\nm alice x", "m alice all", []),
        ("m alice all", "m alice x", ["alice may no longer log in as anybody except x where a rule names the map m"]),
        (
            "m joe joe",
            "m joe joe\nm /^(.*)@x$ \\1",
            ["/^(.*)@x$ may now log in as \\1 of /^(.*)@x$ where a rule names the map m"],
        ),
        (
            "m joe x",
            "m joe +staff\nm joe x",
            ["joe may now log in as members of staff except x where a rule names the map m"],
        ),
    ],
)
def test_changes_are_told_in_plain_words(before: str, after: str, expected: list[str]) -> None:
    assert sentences(before, after) == expected


def test_words_that_older_servers_take_literally_are_names() -> None:
    assert sentences("", "m joe all", 15) == ["joe may now log in as all where a rule names the map m"]


def test_an_entry_tells_its_parts() -> None:
    assert describe_map_access(compare_maps([], mappings("m joe x"))) == [
        {
            "change": "gains",
            "map": "m",
            "who": "joe",
            "as": "x",
            "sentence": "joe may now log in as x where a rule names the map m",
        }
    ]


def test_the_list_is_short_and_says_how_much_it_leaves_out() -> None:
    shown = describe_map_access(compare_maps([], mappings("\n".join(f"m u{number} r{number}" for number in range(60)))))
    assert len(shown) == 51
    assert (shown[-1]["change"], shown[-1]["sentence"]) == ("more", "and 10 more changes of access")
    comparison = compare_maps([], mappings("m a b\nm c d"), WorkBudget(1))
    assert "too much changes" in describe_map_access(comparison)[-1]["sentence"]


def test_one_change_among_ten_thousand_mappings_is_found_quickly() -> None:
    lines = [f'map{number % 3} "client {number}" app{number}' for number in range(10_000)]
    before, after = mappings("\n".join(lines)), mappings("\n".join(lines[:5000] + lines[5001:]))
    begin = time.process_time()
    found = describe_map_access(compare_maps(before, after))
    assert time.process_time() - begin < 3
    assert [entry["who"] for entry in found] == ["client 5000"]


# Brute force, by the words of the manual, section "User Name Maps".

IDENTITIES = ["joe", "amy", "amy@x", "bob@x", "ann"]
ROLES = ["joe", "amy", "bob", "staff", "x"]
SYSTEM_WORDS = ["joe", "amy", "amy@x", "/^a", "/^(.*)@x$", "/@", "/^(b)", "/^(n)?"]
ROLE_WORDS = ["joe", "amy", "all", "+staff", "+x", "/^b", "\\1", "x\\1"]


def line_answers(text: str, identity: str, role: str, members: frozenset[tuple[str, str]]) -> bool | None:
    """None ends the search."""
    _map, system, user = text.split()
    group = None
    if system.startswith("/"):
        found = re.search(system[1:], identity)
        if found is None:
            return False
        group = found.group(1) if found.re.groups else None
        if "\\1" in user and not user.startswith(("+", "/")):
            if group is None:
                return None
            return user.replace("\\1", group, 1) == role
    elif system != identity:
        return False
    return role_matches(user, role, members)


def role_matches(user: str, role: str, members: frozenset[tuple[str, str]]) -> bool:
    if user.startswith("+"):
        return role == user[1:] or (role, user[1:]) in members
    return user == "all" or (re.search(user[1:], role) is not None if user.startswith("/") else user == role)


def lets_in(texts: list[str], identity: str, role: str, members: frozenset[tuple[str, str]]) -> bool:
    for text in texts:
        answer = line_answers(text, identity, role, members)
        if answer is not False:
            return bool(answer)
    return False


def is_in(part: Names, name: str, holds: dict[str, bool]) -> bool:
    inside = (name in part.names) == (part.kind == "only")
    return inside and all(holds[condition.word] == answer for condition, answer in part.given)


def covers(change: MapChange, identity: str, role: str, members: frozenset[tuple[str, str]]) -> bool:
    who = {word: re.search(word[1:], identity) is not None for word in SYSTEM_WORDS if word.startswith("/")}
    whom = {word: role_matches(word, role, members) for word in ROLE_WORDS}
    for word in SYSTEM_WORDS:
        for user in ROLE_WORDS:
            whom[f"{user} of {word}"] = line_answers(f"m {word} {user}", identity, role, members) is True
    return any(is_in(part, identity, who) for part in change.identities) and any(
        is_in(part, role, whom) for part in change.roles
    )


lines = st.builds("m {} {}".format, st.sampled_from(SYSTEM_WORDS), st.sampled_from(ROLE_WORDS)).filter(
    # Whether these parentheses hold anything is not told by the expression, so a change of it is no certain change.
    lambda text: "\\1" not in text or "(n)?" not in text
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    before=st.lists(lines, max_size=5),
    after=st.lists(lines, max_size=5),
    kept=st.lists(lines, max_size=3),
    members=st.frozensets(st.tuples(st.sampled_from(ROLES), st.sampled_from(["staff", "x"])), max_size=4),
)
def test_exactly_those_who_fare_differently_are_told(
    before: list[str], after: list[str], kept: list[str], members: frozenset[tuple[str, str]]
) -> None:
    old, new = [*before, *kept], [*kept, *after]
    comparison = compare_maps(mappings("\n".join(old)), mappings("\n".join(new)))
    describe_map_access(comparison)
    for identity in IDENTITIES:
        for role in ROLES:
            first, then = (lets_in(texts, identity, role, members) for texts in (old, new))
            found = [one for one in comparison.changes if covers(one, identity, role, members)]
            assert [one.is_gained for one in found] == ([then] if first != then else [])
