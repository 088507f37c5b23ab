# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an edit locks out a connection that must stay possible: the explainer says what becomes of it before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..environment import Files
from ..errors import ConfigError
from ..rules.hba import Rule, rule_of_fields
from ..text.records import Opaque
from ..text.token_lines import read_token_lines
from .authentication import NEEDS_PASSWORD, REFUSED, LoginAttempt, ServerContext
from .explain import Explanation, explain
from .guarded import Guarded, surely_meets_one
from .rule_matching import rule_matches
from .verdict import NO_FILES, Located

NOTHING_KNOWN: Mapping[str, Rule] = MappingProxyType({})


@dataclass(frozen=True)
class Situation:
    """The rules that a server would try, in their order, and what else counts for a login.

    ``is_complete`` is False when after the last rule a file is included that cannot be read: nothing is known from there.
    ``is_missing``: the server runs with rules whose file is gone, and everybody counts as possible.
    """

    rules: tuple[Located, ...]
    is_complete: bool = True
    server: ServerContext = field(default_factory=ServerContext)
    is_missing: bool = False


@dataclass(frozen=True)
class Lockouts:
    """Sentences: who would be locked out, and which requested connections are impossible anyway."""

    shut_out: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()


def read_rules(
    text: str, version: int, files: Files = NO_FILES, known: Mapping[str, Rule] = NOTHING_KNOWN
) -> list[Located]:
    """The rules of a file and of those it includes, as far as they can be read; an Opaque stands for what cannot.

    Lines that no server loads are left out. ``known`` are rules that were read before, by :func:`rules_by_line`; a line
    with the same text is the very same rule, which is quick and takes no memory.
    """
    found = []
    for line in read_token_lines(text, version, files):
        if line.problem is not None:
            found.append(Located(line.file, line.number, Opaque(line.text), line.text))
            continue
        try:
            rule = known.get(line.text) or rule_of_fields(line.fields, line.comment, version)
        except ConfigError:
            continue
        found.append(Located(line.file, line.number, rule, line.text))
    return found


def situation_of(entries: Sequence[Located], server: ServerContext) -> Situation:
    """The situation of a connection that meets these entries of :func:`read_rules`."""
    known = next((index for index, one in enumerate(entries) if isinstance(one.entry, Opaque)), len(entries))
    return Situation(tuple(entries[:known]), known == len(entries), server)


def find_lockouts(before: Situation, after: Situation, guarded: Iterable[Guarded]) -> Lockouts:
    """Who was possible and no longer is, and which requested connection was impossible before."""
    shut_out, impossible = [], []
    differing = _differing_rules(before, after)
    for one in guarded:
        is_same = not before.is_missing and before.server == after.server and not _is_reached(one, differing)
        if is_same and not one.is_wished:
            continue
        old = None if before.is_missing else _closed(before, one)
        if old is not None:
            if one.is_wished:
                impossible.append(f"the guarded {one.connection} is already impossible: it {old}; {one.origin}")
            continue
        new = _closed(after, _with_known_password(one, before))
        if new is not None:
            shut_out.append(f"the guarded {one.connection}: it {new}; it is guarded because {one.origin}")
    return Lockouts(tuple(shut_out), tuple(impossible))


def _differing_rules(before: Situation, after: Situation) -> list[Located]:
    """The rules without those that both have at their beginning and at their end."""
    old, new = ([(one.entry.match_key, one.entry.effect) for one in where.rules] for where in (before, after))
    most = min(len(old), len(new))
    begin = next((index for index in range(most) if old[index] != new[index]), most)
    end = next((index for index in range(most - begin) if old[-1 - index] != new[-1 - index]), most - begin)
    return [*before.rules[begin : len(old) - end], *after.rules[begin : len(new) - end]]


def _is_reached(one: Guarded, rules: Sequence[Located]) -> bool:
    return any(
        rule_matches(located.entry, one.connection, attempt.connection_class) is not False
        for located in rules
        for attempt in one.attempts
    )


def _with_known_password(one: Guarded, before: Situation) -> Guarded:
    """Who had to give a password and came in has one, wherever it is kept."""
    outcomes = {explain(before.rules, attempt, before.server).outcome for attempt in one.attempts}
    return replace(one, lacks_password=False) if NEEDS_PASSWORD in outcomes else one


def _closed(where: Situation, one: Guarded) -> str | None:
    """Why the connection is surely refused whichever way it comes, as the end of a sentence, or None."""
    reasons = [_closed_way(where, attempt, one.lacks_password) for attempt in one.attempts]
    return None if None in reasons else reasons[0]


def _closed_way(where: Situation, attempt: LoginAttempt, lacks_password: bool) -> str | None:
    found = explain(where.rules, attempt, where.server)
    if found.outcome == NEEDS_PASSWORD and lacks_password:
        return f"{_what_it_meets(found, attempt)}, and there is no password to give"
    if found.outcome != REFUSED:
        return None
    if not where.is_complete and not surely_meets_one((one.entry for one in where.rules), attempt):
        return None
    return _what_it_meets(found, attempt)


def _what_it_meets(found: Explanation, attempt: LoginAttempt) -> str:
    return found.sentence.replace(f"the {attempt.connection} ", "", 1)
