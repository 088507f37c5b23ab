# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing rules into pg_hba.conf where they take effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .document import Document
from .ensure import ensure_records
from .entries import Broken, Entry, Record, problems
from .errors import ConfigError
from .guard import show_rule
from .hba import Rule, read_rule, read_subject
from .layout import Order, Placement, Wishes
from .reach import Shadow, overlap, unreachable_rules

EFFECTIVE = Placement()


def ensure_rules(document: Document[Entry], wishes: Wishes, placement: Placement = EFFECTIVE) -> Document[Entry]:
    """The document with these rules present and those absent; the very same object when nothing is due.

    With placement "effective" a rule counts as present only if no foreign rule before it makes it unreachable; a rule
    about the same connections with another method is changed in place; a missing one goes before the first foreign rule
    that would hide it, else to the end. Listed rules keep their order where they overlap.
    """
    return ensure_records(document, wishes, placement, Order(_shadow, _overlap))


def _shadow(foreign: Sequence[tuple[int, Record]]) -> Callable[[Record], int | None]:
    shadow = Shadow()
    for index, record in foreign:
        if isinstance(record, Rule):
            shadow.add(index, record)
    return lambda record: shadow.position(record) if isinstance(record, Rule) else None


def _overlap(one: Record, other: Record) -> bool:
    return isinstance(one, Rule) and isinstance(other, Rule) and overlap(one, other)


def read_wishes(params: Mapping[str, Any], version: int) -> Wishes:
    """What the options rules, block and exclusive of a task ask for; ConfigError names the rule (from 1) and the field."""
    present: list[Record] = []
    absent: list[Record] = []
    for number, fields in enumerate(params["rules"], 1):
        is_absent = fields.get("state") == "absent"
        try:
            rule = read_subject(fields, version) if is_absent else read_rule(fields, version)
        except ConfigError as error:
            raise ConfigError(f"rule {number}: {error}") from error
        (absent if is_absent else present).append(rule)
    return Wishes(present, absent, bool(params.get("exclusive")), params.get("block"))


def read_placement(params: Mapping[str, Any], version: int) -> Placement:
    """Where the options placement, before and after of a task send the rules."""
    for kind in ("before", "after"):
        if params.get(kind):
            try:
                return Placement(kind, read_subject(params[kind], version))
            except ConfigError as error:
                raise ConfigError(f"{kind}: {error}") from error
    return Placement(params.get("placement") or "effective")


def check_loadable(before: Document[Entry], after: Document[Entry]) -> None:
    """Raise ConfigError when the change would leave a file that no server loads although it loaded the old one."""
    if before.entries() and not after.entries():
        raise ConfigError("the file would hold no rule at all, and PostgreSQL does not load such a file; keep one rule")
    known = {(line, problem) for _number, line, problem in problems(before)}
    for number, line, problem in problems(after):
        if (line, problem) not in known:
            raise ConfigError(problem, number, line)


def describe_unreachable(document: Document[Entry]) -> list[dict[str, Any]]:
    """Rules that can never be met: line and text of each, and of the earlier rule that completes its cover."""
    rules = [(number, line.entry) for number, line in document.numbered() if isinstance(line.entry, Rule)]
    return [
        {
            "line": rules[hidden][0],
            "rule": show_rule(rules[hidden][1]),
            "shadowed_by_line": rules[shadowing][0],
            "shadowed_by": show_rule(rules[shadowing][1]),
        }
        for hidden, shadowing in unreachable_rules([rule for _number, rule in rules])
    ]


def describe_doubts(document: Document[Entry], wishes: Wishes) -> list[str]:
    """Warnings, one sentence each: what the task asks for and should not, and what PostgreSQL will not load."""
    doubts = [
        f"line {number} is invalid for PostgreSQL {document.version} and was left alone: {line.entry.problem}; "
        "no server loads the file until it is mended"
        for number, line in document.numbered()
        if isinstance(line.entry, Broken)
    ]
    wanted = {record.subject for record in wishes.present}
    if any(isinstance(rule, Rule) and rule.method == "md5" for rule in wishes.present):
        doubts.append(
            "method md5 is asked for: PostgreSQL 18 deprecates MD5 passwords and a later release will drop them; "
            "set the passwords anew with password_encryption = scram-sha-256 and use method scram-sha-256"
        )
    rules = [line.entry for line in document.lines if isinstance(line.entry, Rule)]
    for hidden, shadowing in unreachable_rules(rules):
        if rules[hidden].subject in wanted and rules[hidden].subject != rules[shadowing].subject:
            doubts.append(
                f"the rule {show_rule(rules[hidden])} is never met because {show_rule(rules[shadowing])} is met first"
            )
    return doubts
