# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of pg_hba.conf in the order in which they are tried, those of included files at their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from ..environment import Files
from ..errors import ConfigError
from ..text.document import Document
from ..text.records import Entry, Opaque
from ..text.token_lines import read_token_lines
from .hba import Rule, rule_of_fields
from .shadowing import unreachable_rules


@dataclass(frozen=True)
class PlacedRule:
    """A rule and where it stands; ``file`` is None for the file at hand."""

    file: str | None
    line: int
    rule: Rule


# The rules that a line includes, in order; None when they are not known.
RulesOfInclude = Callable[[Opaque], Union[Sequence[PlacedRule], None]]


def nothing_known(entry: Opaque) -> Sequence[PlacedRule] | None:
    """For callers who cannot read other files."""
    return None


def rules_of_include(version: int, files: Files) -> RulesOfInclude:
    """Reads the files that a line includes; each line is looked up once."""
    found: dict[str, Sequence[PlacedRule] | None] = {}

    def behind(entry: Opaque) -> Sequence[PlacedRule] | None:
        if entry.text not in found:
            found[entry.text] = _read(entry.text, version, files)
        return found[entry.text]

    return behind


def _read(text: str, version: int, files: Files) -> Sequence[PlacedRule] | None:
    rules = []
    for line in read_token_lines(text, version, files):
        if line.problem is not None:
            return None
        try:
            rule = rule_of_fields(line.fields, line.comment, version)
        except ConfigError:
            return None
        rules.append(PlacedRule(line.file, line.number, rule))
    return rules


def placed_rules(document: Document[Entry], behind: RulesOfInclude = nothing_known) -> Iterator[PlacedRule]:
    """Every rule that is known."""
    for number, line in document.numbered():
        if isinstance(line.entry, Rule):
            yield PlacedRule(None, number, line.entry)
        elif isinstance(line.entry, Opaque):
            yield from behind(line.entry) or ()


@dataclass(frozen=True)
class DeadRule:
    """A rule that can never be met, and the earlier one that completes its cover."""

    rule: PlacedRule
    shadow: PlacedRule


def find_dead_rules(document: Document[Entry], behind: RulesOfInclude = nothing_known) -> list[DeadRule]:
    """The rules that can never be met, in their order."""
    rules = list(placed_rules(document, behind))
    return [DeadRule(rules[dead], rules[by]) for dead, by in unreachable_rules([placed.rule for placed in rules])]


def newly_hidden(
    before: Document[Entry], dead: Sequence[DeadRule], wanted: Collection[Rule], behind: RulesOfInclude = nothing_known
) -> list[DeadRule]:
    """Those of the dead rules of a changed file that could be met before; one that the task itself wants is none of them.

    The rule is returned where it stood before.
    """
    own = {_saying(rule) for rule in wanted}
    foreign = [one for one in dead if _saying(one.rule.rule) not in own]
    if not foreign:
        return []
    alive: dict[Hashable, list[PlacedRule]] = {}
    for placed in placed_rules(before, behind):
        alive.setdefault(_identity(placed), []).append(placed)
    died = Counter(_identity(one.rule) for one in find_dead_rules(before, behind))
    for identity, count in died.items():
        alive[identity] = alive[identity][:-count]  # of equal ones the first is met
    found = []
    for one in foreign:
        identity = _identity(one.rule)
        if died[identity] > 0:
            died[identity] -= 1
        elif alive.get(identity):
            found.append(DeadRule(alive[identity].pop(0), one.shadow))
    return found


def _saying(rule: Rule) -> Hashable:
    return (rule.match_key, rule.effect)


def _identity(placed: PlacedRule) -> Hashable:
    return (placed.file, _saying(placed.rule))
