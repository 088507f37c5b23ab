# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of access in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..login.rule_matching import expression_matches
from ..rules.wording import REFUSED
from ..vocabulary import GSS, PLAIN, TLS, UNIX
from .cases import WHO, Given
from .changes import AccessChange, Comparison, put_losses_together
from .map_comparison import ROLE, MapChange, MapComparison
from .sets import EXCEPT, PHYSICAL, Names, Range, show_ranges, with_loopback

MOST_ENTRIES = 50
_MOST_WORDS = 8
_PHYSICAL = "physical replication"
GAINS, LOSES, METHOD = "gains", "loses", "method"
_ORDER = (LOSES, METHOD, GAINS)
_CUT_SHORT = "too much changes for a complete comparison; the entries above are part of what changes"
_ENTRY = ("change", "who", "from", "over", "database", "before", "after", "sentence")
_MAP_ENTRY = ("change", "map", "who", "as", "sentence")


def describe_access(comparison: Comparison, most: int = MOST_ENTRIES) -> list[dict[str, Any]]:
    """The changes as pg_hba returns them: losses first, then other methods, then gains; ``most`` and a last one.

    Where there would be more, those who lose access lose it together, whatever they had to show before.
    """
    changes: Sequence[AccessChange] = comparison.changes
    if len(changes) > most:
        changes = put_losses_together(changes)
    ordered = sorted(changes, key=lambda one: _ORDER.index(_kind(one)))
    entries = [_describe(change, comparison.has_gss) for change in ordered[:most]]
    return entries + _remarks(_ENTRY, len(changes) - most, comparison.is_complete)


def describe_map_access(comparison: MapComparison, most: int = MOST_ENTRIES) -> list[dict[str, Any]]:
    """The changes as pg_ident returns them."""
    ordered = sorted(comparison.changes, key=lambda one: one.is_gained)
    entries = [_describe_map(change) for change in ordered[:most]]
    return entries + _remarks(_MAP_ENTRY, len(ordered) - most, comparison.is_complete)


def _remarks(keys: Sequence[str], left_out: int, is_complete: bool) -> list[dict[str, Any]]:
    """Entries that say something about the list."""
    sentences = [f"and {left_out} more changes of access"] if left_out > 0 else []
    sentences += [] if is_complete else [_CUT_SHORT]
    return [{**dict.fromkeys(keys), "change": "more", "sentence": sentence} for sentence in sentences]


def _kind(change: AccessChange) -> str:
    return GAINS if change.before == REFUSED else LOSES if change.after == REFUSED else METHOD


def _describe(change: AccessChange, has_gss: bool) -> dict[str, Any]:
    who, over = _listed(_users(change.users)), _transport(change.classes, has_gss)
    where = None if change.classes == {UNIX} else _listed(_addresses(change.addresses))
    database = _listed(_databases(change.databases))
    place = "through the socket" if where is None else f"from {where} over {over}"
    if database != "all":
        place = f"{'for' if database == _PHYSICAL else 'to database'} {database} {place}"
    outcome = f"{change.before} -> {change.after}"
    what = {GAINS: f"gains access ({outcome})", LOSES: f"loses access ({outcome})", METHOD: outcome}[_kind(change)]
    return {
        "change": _kind(change),
        "who": who,
        "from": where,
        "over": over,
        "database": database,
        "before": change.before,
        "after": change.after,
        "sentence": f"{who} {place}: {what}",
    }


def _listed(words: Sequence[str]) -> str:
    shown = list(words[:_MOST_WORDS])
    if len(words) > len(shown):
        return f"{', '.join(shown)} and {len(words) - len(shown)} more"
    return ", ".join(shown)


def _users(parts: Iterable[Names]) -> list[str]:
    return [word for part in _in_order(_without_matched(parts)) for word in _name_words(part, "everybody")]


def _without_matched(parts: Iterable[Names]) -> list[Names]:
    """Named ones that an expression in another part surely matches are left to it, and a role to its own members."""
    listed = list(parts)
    certain = {name for part in listed if part.kind != EXCEPT and not part.given for name in part.names}
    matched = set()
    for position, part in enumerate(listed):
        words = [condition.word for condition, answer in part.given if answer]
        if part.kind == EXCEPT and len(part.given) == len(words) == 1:
            own = {name for name in part.names & certain if _surely_matches(words[0], name)}
            listed[position] = replace(part, names=part.names - own)
            matched |= own
    return [part if part.given or part.kind == EXCEPT else replace(part, names=part.names - matched) for part in listed]


def _surely_matches(word: str, name: str) -> bool:
    return word == f"+{name}" or (word.startswith("/") and expression_matches(word, name) is True)


def _databases(parts: Iterable[Names]) -> list[str]:
    words = []
    for part in _in_order(parts):
        words += [_PHYSICAL] if part.kind == PHYSICAL else _name_words(part, "all")
    return words


def _in_order(parts: Iterable[Names]) -> list[Names]:
    return sorted(parts, key=lambda one: (one.kind == PHYSICAL, one.kind == EXCEPT, sorted(one.names), _key(one.given)))


def _key(given: Given) -> list[tuple[str, bool]]:
    return sorted((condition.word, answer) for condition, answer in given)


def _name_words(part: Names, everything: str) -> list[str]:
    """Names as written; sets of them by the word that stands in the file."""
    met = [condition for condition, answer in sorted(part.given, key=str) if answer]
    unmet = [_show(condition.column, condition.word) for condition, answer in sorted(part.given, key=str) if not answer]
    condition_words = " and ".join(_show(condition.column, condition.word) for condition in met)
    if part.kind != EXCEPT:
        suffix = f" (as {condition_words})" if met else ""
        return [name + suffix + _except(unmet) for name in sorted(part.names)]
    names = [name for name in sorted(part.names) if all(_may_match(one.word, name) for one in met)]
    return [(condition_words or everything) + _except([*names, *unmet])]


def _show(column: str, word: str) -> str:
    return f"members of {word[1:]}" if column in (WHO, ROLE) and word.startswith("+") else word


def _may_match(word: str, name: str) -> bool:
    return not word.startswith("/") or expression_matches(word, name) is not False


def _except(words: Sequence[str]) -> str:
    listed = _listed(words)
    return f" except {listed if len(words) == 1 else f'({listed})'}" if words else ""


def _addresses(parts: Iterable[Range]) -> list[str]:
    by_given: dict[Given, list[Range]] = {}
    for part in sorted(with_loopback(parts), key=lambda one: (_key(one.given), one.family, one.first)):
        by_given.setdefault(part.given, []).append(Range(part.family, part.first, part.last))
    return [word for given, ranges in by_given.items() for word in _address_words(given, ranges)]


def _address_words(given: Given, ranges: Sequence[Range]) -> list[str]:
    met = [condition.word for condition, answer in sorted(given, key=str) if answer]
    unmet = [condition.word for condition, answer in sorted(given, key=str) if not answer]
    networks = show_ranges([one for one in ranges if one.family])
    networks += ["the socket"] if any(not one.family for one in ranges) else []
    if met:
        inside = "" if networks == ["any address"] else f" within {_listed(networks)}"
        networks = [" and ".join(met) + inside]
    return [*networks[:-1], networks[-1] + _except(unmet)]


def _transport(classes: frozenset[str], has_gss: bool) -> str:
    if classes == {UNIX}:
        return "the socket"
    network = classes - {UNIX}
    shown = []
    if network == ({PLAIN, TLS, GSS} if has_gss else {PLAIN, TLS}):
        shown.append("TCP")
    else:
        plain = "TCP without encryption" if has_gss else "TCP without TLS"
        shown += [words for one, words in ((TLS, "TLS"), (PLAIN, plain), (GSS, "GSSAPI encryption")) if one in network]
    return " or ".join([*shown, "the socket"] if UNIX in classes else shown)


def _describe_map(change: MapChange) -> dict[str, Any]:
    who, role = _listed(_map_words(change.identities)), _listed(_map_words(change.roles))
    kind = GAINS if change.is_gained else LOSES
    may = "may now" if change.is_gained else "may no longer"
    return {
        "change": kind,
        "map": change.map,
        "who": who,
        "as": role,
        "sentence": f"{who} {may} log in as {role} where a rule names the map {change.map}",
    }


def _map_words(parts: Iterable[Names]) -> list[str]:
    return [word for part in _in_order(_without_matched(parts)) for word in _name_words(part, "anybody")]
