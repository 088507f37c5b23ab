# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing rules into pg_hba.conf where they take effect."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from ..errors import ConfigError
from ..text.document import Document
from ..text.edit_plan import Ordering, Placement, Wishes
from ..text.placing import ensure_records
from ..text.records import Entry, Record, check_no_new_problem, describe_written, problems
from ..text.task_options import gather_wishes, is_absent, read_each
from ..text.tokens import Name
from ..vocabulary import REGEX_SINCE
from .any_role import any_role_by_certificate
from .asked_address import each_address
from .hba import Rule, is_remote, read_match_fields, read_rule, written_rule
from .include_lines import Include, read_include
from .included_rules import DeadRule, PlacedRule, RulesOfInclude, newly_hidden, nothing_known, placed_rules
from .shadowing import Shadow, overlap
from .wording import describe_outcome, show_rule

EFFECTIVE = Placement()
_EVERYBODY = Name("keyword", "all")
# Pairs of rules that are looked at for a warning; far more than any file that people write has.
_MOST_COMPARED = 1_000_000


def ensure_rules(
    document: Document[Entry], wishes: Wishes, placement: Placement = EFFECTIVE, behind: RulesOfInclude = nothing_known
) -> Document[Entry]:
    """The document with these rules present and those absent; the very same object when nothing is due.

    With placement "effective" a rule counts as present only if no foreign rule before it makes it unreachable; a rule
    about the same connections with another method is changed in place; a missing one goes before the first foreign rule
    that would hide it, else to the end. Listed rules keep their order where they overlap. ``behind`` tells the rules of
    included files, which hide others, and are hidden, at the place of their include line.
    """
    return ensure_records(document, wishes, placement, Ordering(lambda foreign: _shadow(foreign, behind), _overlap))


def _shadow(foreign: Sequence[tuple[int, Record]], behind: RulesOfInclude) -> Callable[[Record], int | None]:
    shadow = Shadow()

    def rules(record: Record) -> list[Rule]:
        if isinstance(record, Include):
            return [placed.rule for placed in behind(record) or ()]
        return [record] if isinstance(record, Rule) else []

    def first_hiding(record: Record) -> int | None:
        found = (shadow.position(rule) for rule in rules(record))
        return min((position for position in found if position is not None), default=None)

    for index, record in foreign:
        for rule in rules(record):
            shadow.add(index, rule)
    return first_hiding


def _overlap(one: Record, other: Record) -> bool:
    """Whether the order of two records matters; what an include brings in counts as matching anything."""
    return not (isinstance(one, Rule) and isinstance(other, Rule)) or overlap(one, other)


def read_wishes(params: Mapping[str, Any], version: int) -> Wishes:
    """What the options rules, block and exclusive of a task ask for; ConfigError names the rule (from 1) and the field."""

    def read_wish(fields: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Record]]:
        return [
            (one, _read_absent(one, version) if is_absent(one) else _read_present(one, version))
            for one in each_address(fields)
        ]

    read = [pair for pairs in read_each("rule", params["rules"], read_wish) for pair in pairs]
    return gather_wishes(
        {**params, "rules": [one for one, _record in read]}, "rules", [record for _one, record in read]
    )


def _read_present(fields: Mapping[str, Any], version: int) -> Record:
    return read_include(fields, version) or read_rule(fields, version)


def _read_absent(fields: Mapping[str, Any], version: int) -> Record:
    """What shall go may be what no server of this version takes; then the words alone count."""
    try:
        return read_include(fields, version) or read_match_fields(fields, version)
    except ConfigError as error:
        if fields.get("type") not in (None, "local") and not fields.get("address"):
            raise
        return written_rule(fields, version, error.problem)


def read_placement(params: Mapping[str, Any], version: int) -> Placement:
    """Where the options placement, before and after of a task send the rules."""
    for kind in ("before", "after"):
        if params.get(kind):
            try:
                return Placement(kind, read_match_fields(params[kind], version))
            except ConfigError as error:
                raise ConfigError(f"{kind}: {error}") from error
    return Placement(params.get("placement") or "effective")


def check_loadable(before: Document[Entry], after: Document[Entry]) -> None:
    """Raise ConfigError when the change would leave a file that no server loads although it loaded the old one."""
    if before.entries() and not after.entries():
        raise ConfigError("the file would hold no rule at all, and PostgreSQL does not load such a file; keep one rule")
    check_no_new_problem(problems(before), problems(after))


def describe_unreachable(dead: Sequence[DeadRule]) -> list[dict[str, Any]]:
    """Rules that can never be met: place and text of each, and of the earlier rule that completes its cover.

    The file is None where it is the one at hand.
    """
    return [
        {
            "file": one.rule.file,
            "line": one.rule.line,
            "rule": show_rule(one.rule.rule),
            "shadowed_by_file": one.shadow.file,
            "shadowed_by_line": one.shadow.line,
            "shadowed_by": show_rule(one.shadow.rule),
        }
        for one in dead
    ]


def find_hidden(
    before: Document[Entry],
    document: Document[Entry],
    dead: Sequence[DeadRule],
    wishes: Sequence[Wishes],
    path: str,
    behind: RulesOfInclude = nothing_known,
) -> list[str]:
    """The rules of others that an edit makes unreachable, a clause for each; path is that of the file at hand."""
    if document is before:
        return []
    return [
        f"{_show_placed(one.rule, path)} unreachable, because {show_rule(one.shadow.rule)} would be met first"
        for one in newly_hidden(before, dead, _wanted(wishes), behind)
    ]


def _show_placed(placed: PlacedRule, path: str) -> str:
    return f"{show_rule(placed.rule)} (line {placed.line} of {placed.file or path})"


def check_hidden(hidden: Sequence[str], force: bool) -> list[str]:
    """Refuse an edit that makes rules of others unreachable, whatever they say; with force these are warnings.

    :raises ConfigError: naming the first one.
    """
    if hidden and not force:
        more = f"; and {len(hidden) - 1} more rules" if len(hidden) > 1 else ""
        raise ConfigError(
            f"the change would make the rule {hidden[0]}{more}; nothing was written, remove that rule where it is no "
            "longer meant, correct the change, or set force to true"
        )
    return [f"force is true, so this is only a warning: the change makes the rule {clause}" for clause in hidden]


def _wanted(wishes: Sequence[Wishes]) -> list[Rule]:
    return [record for one in wishes for record in one.present if isinstance(record, Rule)]


def describe_met_first(
    before: Document[Entry],
    document: Document[Entry],
    dead: Sequence[DeadRule],
    wishes: Sequence[Wishes],
    path: str,
    behind: RulesOfInclude = nothing_known,
) -> list[str]:
    """A warning for each rule of a task that rules of others take part of the connections from, and let them in otherwise.

    That is said of a rejection of everybody whenever it is wanted, and of every other rule when it is new. Only connections
    from other hosts count; path is that of the file at hand.
    """
    wanted = _wanted(wishes)
    known = {entry.match_key for _index, entry in before.entries() if isinstance(entry, Rule)}
    asked = [
        rule
        for rule in wanted
        if (_EVERYBODY in rule.users if rule.method == "reject" else rule.match_key not in known)
    ]
    if not asked:
        return []
    own = {rule.match_key for rule in wanted}
    gone = {(one.rule.file, one.rule.line) for one in dead}
    places: dict[Hashable, int] = {}
    others = []
    for index, one in enumerate(placed_rules(document, behind)):
        places.setdefault(one.rule.match_key, index)
        is_open = one.rule.method != "reject" and one.rule.match_key not in own and (one.file, one.line) not in gone
        if is_open and is_remote(one.rule):
            others.append((index, one))
    warnings = []
    for rule in asked[: max(1, _MOST_COMPARED // (len(others) or 1))]:
        above = takewhile(lambda pair, place=places[rule.match_key]: pair[0] < place, others)  # type: ignore[misc]
        found = [one for _index, one in above if one.rule.effect != rule.effect and overlap(one.rule, rule)]
        if found:
            warnings.append(_met_first(rule, found, path))
    return warnings


def _met_first(rule: Rule, found: Sequence[PlacedRule], path: str) -> str:
    is_, lets, more = ("are", "let", f" and {len(found) - 1} more rules") if len(found) > 1 else ("is", "lets", "")
    who = f"{_show_placed(found[0], path)}{more}"
    if rule.method == "reject":
        return f"{who} {lets} others in before {show_rule(rule)} is met; remove what is no longer meant"
    return (
        f"{who} {is_} met before {show_rule(rule)} by some of its connections, and {lets} them in otherwise "
        f"({describe_outcome(found[0].rule)})"
    )


def describe_any_roles(wishes: Wishes, dead: Sequence[DeadRule]) -> list[str]:
    """A warning for each wanted rule that lets the name in a certificate choose any role, as far as it can be met."""
    hidden_keys = {one.rule.rule.match_key for one in dead}
    rules = (rule for rule in _wanted([wishes]) if rule.match_key not in hidden_keys)
    return [sentence for sentence in map(any_role_by_certificate, rules) if sentence]


def _names_like_expressions(rule: Rule) -> list[str]:
    if rule.version >= REGEX_SINCE:
        return []
    return [
        f'{noun} "{name.text}" is the {what} of that name in PostgreSQL {rule.version}; expressions need PostgreSQL {REGEX_SINCE}'
        for noun, what, names in (("user", "role", rule.users), ("database", "database", rule.databases))
        for name in names
        if name.text.startswith("/")
    ]


def describe_doubts(wishes: Wishes, dead: Sequence[DeadRule] = ()) -> list[str]:
    """Warnings, one sentence each: what the task asks for and should not."""
    doubts = describe_written(wishes.absent)
    for rule in (record for record in wishes.present if isinstance(record, Rule)):
        doubts += _names_like_expressions(rule)
    wanted = {record.match_key for record in wishes.present}
    if any(isinstance(rule, Rule) and rule.method == "md5" for rule in wishes.present):
        doubts.append(
            "method md5 is requested: PostgreSQL 18 deprecates MD5 passwords and a later release will drop them; "
            "set the passwords again with password_encryption = scram-sha-256 and use method scram-sha-256"
        )
    for one in dead:
        hidden, shadow = one.rule.rule, one.shadow.rule
        if one.rule.file is None and hidden.match_key in wanted and hidden.match_key != shadow.match_key:
            doubts.append(f"the rule {show_rule(hidden)} is never met because {show_rule(shadow)} is met first")
    return doubts
