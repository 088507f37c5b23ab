# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a regular expression of PostgreSQL finds, for those expressions that mean the same in Python.

Both dialects agree on which names match as long as an expression consists of plain characters, simple classes, groups,
alternatives and greedy repetitions. On what a group holds they agree only where one reading is possible (manual, section
9.7.3.5: PostgreSQL prefers the longest match, Python the first).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# The characters that a class in brackets may hold here; ranges only among letters and among digits.
_IN_BRACKETS = r"(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_ .,:;/@=+*?%&~!#$()|-](?!-[^\]]))"
_TOKEN = re.compile(
    r"(?P<capture>\((?!\?))|(?P<group>\(\?:)|(?P<close>\))|(?P<or>\|)|(?P<begin>\^)|(?P<end>\$)"
    r"|(?P<repeat>[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})"
    rf"|(?P<atom>\\[dwsDWS]|\\[!-/:-@\[-`{{-~]|\.|\[\^?{_IN_BRACKETS}+\]|[^\\^$.\[\](){{}}|*+?\ud800-\udfff])",
    re.ASCII,
)
_IGNORE_CASE = "(?i)"
_ANCHORS = {"begin": r"\A", "end": r"\Z"}
_MOST_REPEATS = 5
_OPENING = ("capture", "group")
_ANYTHING = (".*", "(.*)", ".+", "(.+)")
_EVERY_NAME = frozenset({"", "^", "$", ".", "^.", ".$"}) | {
    f"{begin}{body}{end}" for begin in ("", "^") for body in _ANYTHING for end in ("", "$")
}


@dataclass(frozen=True)
class RegexMatch:
    """Whether an expression matches; ``group`` is what its first parentheses hold, None when they hold nothing or are
    missing. ``is_group_certain`` is False where PostgreSQL may find something else in them.
    """

    matches: bool
    group: str | None = None
    is_group_certain: bool = True


Tokens = list[tuple[str, str]]


def search(pattern: str, text: str) -> RegexMatch | None:
    """What the expression (without its slash) finds in a name; None where only PostgreSQL can tell."""
    translated = _translate(pattern)
    if translated is None:
        return None
    expression, is_group_certain = translated
    found = expression.search(text)
    if found is None:
        return RegexMatch(False)
    return RegexMatch(True, found.group(1) if expression.groups else None, is_group_certain or not expression.groups)


def matches_every_name(pattern: str) -> bool:
    """Whether the expression (without its slash) surely matches whatever name there is; no name is empty."""
    return pattern in _EVERY_NAME


@lru_cache(maxsize=50_000)  # more than any file holds: each name is held against every expression
def _translate(pattern: str) -> tuple[re.Pattern[str], bool] | None:
    flags, body = re.DOTALL | re.ASCII, pattern
    if body.startswith(_IGNORE_CASE):
        flags, body = flags | re.IGNORECASE, body[len(_IGNORE_CASE) :]
    tokens = _tokens(body)
    if tokens is None or not _is_simple(tokens):
        return None
    try:
        expression = re.compile("".join(_python(kind, text) for kind, text in tokens), flags)
    except re.error:
        return None
    return expression, _is_group_certain(tokens)


def _tokens(body: str) -> Tokens | None:
    tokens, position = [], 0
    while position < len(body):
        found = _TOKEN.match(body, position)
        if found is None or found.lastgroup is None:
            return None
        tokens.append((found.lastgroup, found.group()))
        position = found.end()
    return tokens


def _python(kind: str, text: str) -> str:
    if kind == "atom" and len(text) == 1 and text != ".":
        return re.escape(text)
    return _ANCHORS.get(kind, text)


def _is_simple(tokens: Tokens) -> bool:
    """Whether few repetitions follow characters or groups without choice, which keeps searches short."""
    choices = [0]  # what leaves a choice in every open group
    previous, closed_with = "", 0
    for kind, _text in tokens:
        if kind in _OPENING:
            choices.append(0)
        elif kind == "close":
            if len(choices) == 1:
                return False
            closed_with = choices.pop()
            choices[-1] += closed_with
        elif kind == "repeat" and (previous not in ("atom", "close") or (previous == "close" and closed_with)):
            return False
        elif kind in ("repeat", "or"):
            choices[-1] += 1
        previous = kind
    return len(choices) == 1 and sum(kind == "repeat" for kind, _text in tokens) <= _MOST_REPEATS


def _is_group_certain(tokens: Tokens) -> bool:
    """Whether the first parentheses can hold one thing only, or the same by either preference."""
    kinds = [kind for kind, _text in tokens]
    if kinds.count("capture") != 1 or "group" in kinds:
        return False
    opening, closing = kinds.index("capture"), kinds.index("close")
    before, inside, after = kinds[:opening], kinds[opening + 1 : closing], kinds[closing + 1 :]
    if "or" in before + after or after[:1] == ["repeat"]:
        return False
    fixed = "repeat" not in before + after
    if fixed and before[:1] == ["begin"] and after[-1:] == ["end"]:
        return True
    to_the_end = after[-1:] == ["end"] or tokens[-2:] == [("atom", "."), ("repeat", "*")]
    modest = "or" not in inside and inside.count("repeat") <= 1 and "repeat" not in before
    return modest and (to_the_end or "repeat" not in after)
