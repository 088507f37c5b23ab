# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql.conf: the server's scanner (guc-file.l), line by line, and settings brought in without touching the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ..errors import ConfigError
from ..setting_kind import Kind
from ..text.document import Document, Line, check_version, split_physical
from ..text.records import Broken, Opaque
from ..text.tokens import mark_problem
from .builtin_table import known_settings
from .value_checks import setting_problem
from .values import LETTER, WORD, canonical_name, check_name, needs_restart, quote_value, read_value, same_value

_UNQUOTED, _QUALIFIED = r"[^\x00-,;-@\[-^`{-\x7f]", r"[^\x00-\-/:-@\[-^`{-\x7f]"
# Longest match wins, as in the server's scanner; of equally long ones the first.
_PATTERNS = tuple(
    (kind, re.compile(pattern, re.ASCII))
    for kind, pattern in (
        ("id", rf"{LETTER}{WORD}*"),
        ("qualified", rf"{LETTER}{WORD}*\.{LETTER}{WORD}*"),
        ("string", r"'(?:[^'\\\n]|\\[^\n]|'')*'"),
        ("unquoted", rf"{LETTER}{_UNQUOTED}*"),
        ("integer", r"[+-]?(?:0x[0-9a-fA-F]+|[0-9]+)[a-zA-Z]*"),
        ("real", r"[+-]?[0-9]*\.[0-9]*(?:[Ee][+-]?[0-9]+)?"),
        ("equals", "="),
    )
)
_BLANKS = re.compile(r"[ \t\r]*")
_VALUES = frozenset({"id", "string", "unquoted", "integer", "real"})
_DIRECTIVES = ("include", "include_if_exists", "include_dir")
_COMMENTED = re.compile(rf"[ \t]*#[ \t]*({LETTER}{_QUALIFIED}*)[ \t]*=", re.ASCII)
_COMMENT_GOES_ON = re.compile(r"[ \t]+#")
AUTO_CONF = "postgresql.auto.conf"
_ESCAPES = {"b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t"}


@dataclass(frozen=True)
class Assignment:
    """An active line ``name = value``: the decoded value, and where its text stands in the raw line."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Directive(Opaque):
    """An include directive: ``word`` in lower case, and the name of a file or directory."""

    word: str
    value: str


ConfEntry = Union[Assignment, Opaque, Broken]


def parse_conf(text: str, version: int) -> Document[ConfEntry]:
    """A lossless document; a line is an Assignment, Opaque (include directives), Broken, or holds no entry."""
    check_version(version)
    lines: list[Line[ConfEntry]] = [Line(raw, parse_conf_line(raw)) for raw in split_physical(text)]
    return Document(version, tuple(lines), continues=False)


def parse_conf_line(raw: str) -> ConfEntry | None:
    """What one physical line is."""
    content = raw[:-1] if raw.endswith("\n") else raw
    tokens = _scan(content)
    if not tokens:
        return None
    kinds = [kind for kind, _start, _end in tokens]
    if kinds[0] not in ("id", "qualified"):
        return Broken(mark_problem(content) or "syntax error: a line starts with the name of a setting")
    rest = kinds[2:] if kinds[1:2] == ["equals"] else kinds[1:]
    if len(rest) != 1 or rest[0] not in _VALUES:
        return Broken(
            mark_problem(content) or "syntax error: exactly one value must follow the name; put it in single quotes"
        )
    name = content[tokens[0][1] : tokens[0][2]]
    kind, start, end = tokens[-1]
    if "\0" in content[start:end]:  # a server reads beyond its buffer then, and differently each time
        return Broken("the value holds a NUL byte; remove it")
    value = _unescape(content[start + 1 : end - 1]) if kind == "string" else content[start:end]
    if name.lower() in _DIRECTIVES:
        return Directive(content, name.lower(), value)
    return Assignment(name, value, start, end)


def _scan(content: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of the tokens up to the comment."""
    tokens: list[tuple[str, int, int]] = []
    position = 0
    while True:
        blanks = _BLANKS.match(content, position)
        position = blanks.end() if blanks else position
        if position >= len(content) or content[position] == "#":
            return tokens
        best = ("error", position + 1)
        for kind, pattern in _PATTERNS:
            found = pattern.match(content, position)
            if found and (best[0] == "error" or found.end() > best[1]) and found.end() > position:
                best = (kind, found.end())
        tokens.append((best[0], position, best[1]))
        position = best[1]


def _unescape(body: str) -> str:
    """The text of a quoted value, as DeescapeQuotedString() of the server makes it."""

    def replacement(found: re.Match[bytes]) -> bytes:
        sequence = found.group(0)[1:]
        if sequence[:1] in b"01234567" and sequence != b"'":
            return bytes([int(sequence, 8) & 0xFF])
        return _ESCAPES.get(sequence.decode("latin-1"), sequence)

    raw = body.encode("utf-8", "surrogateescape")
    decoded = re.sub(rb"\\[0-7]{1,3}|\\.|''", replacement, raw, flags=re.DOTALL)
    return decoded.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")  # a NUL ends the value for the server


def conf_problems(document: Document[ConfEntry]) -> list[tuple[int, str, str]]:
    """(line number, raw line, problem) of every line for which a server rejects the file."""
    return [
        (number, line.raw, line.entry.problem) for number, line in document.numbered() if isinstance(line.entry, Broken)
    ]


def effective_settings(document: Document[ConfEntry]) -> dict[str, tuple[int, str]]:
    """(line number, value) by canonical name; the last assignment decides. Included files are not known here."""
    return {
        canonical_name(line.entry.name, document.version): (number, line.entry.value)
        for number, line in document.numbered()
        if isinstance(line.entry, Assignment)
    }


def read_settings(params: Mapping[str, Any]) -> dict[str, str | None]:
    """The option settings of a task as texts (None: not set); ConfigError names the setting."""
    for name in params["settings"]:
        check_name(str(name))
    return {str(name): read_value(str(name), value) for name, value in params["settings"].items()}


def check_values(wanted: Mapping[str, str | None], version: int, kinds: Mapping[str, Kind] | None = None) -> None:
    """Raise ConfigError for a value that the server would not take, and for a name that it says it does not know.

    Without the server's own table a name that is not known may be one of a server built in another way.
    """
    table = kinds or known_settings(version)
    for name, value in wanted.items():
        if value is not None and (kinds or canonical_name(name, version) in table):
            problem = setting_problem(name, value, version, table)
            if problem:
                raise ConfigError(problem)


def describe_settings(document: Document[ConfEntry]) -> dict[str, str]:
    """The values in effect by canonical name."""
    return {name: value for name, (_number, value) in effective_settings(document).items()}


def describe_named(document: Document[ConfEntry], names: Iterable[str]) -> dict[str, str | None]:
    """The value in effect of each of these settings, None where the file gives none."""
    found = describe_settings(document)
    return {name: found.get(canonical_name(name, document.version)) for name in names}


def describe_restarts(
    before: Document[ConfEntry], after: Document[ConfEntry], kinds: Mapping[str, Kind] | None = None
) -> list[str]:
    """Settings whose effective text differs between two documents and that need a restart, sorted."""
    old, new = describe_settings(before), describe_settings(after)
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    kinds = kinds or known_settings(after.version)
    return [name for name in changed if needs_restart(name, kinds.get(name))]


def describe_overridden(overridden: Sequence[Mapping[str, Any]]) -> list[str]:
    """Warnings, one sentence each: settings that a later file overrides."""
    doubts = []
    for one in overridden:
        name, place = one["name"], f"line {one['line']} of {one['path']}"
        way_out = f"use ALTER SYSTEM RESET {name}" if one["path"].endswith(AUTO_CONF) else "change it there"
        doubts.append(
            f"setting {name} has no effect here: {place}, which PostgreSQL reads later, sets it to '{one['value']}'; {way_out}"
        )
    return doubts


def ensure_settings(
    document: Document[ConfEntry], wanted: Mapping[str, str | None], kinds: Mapping[str, Kind] | None = None
) -> Document[ConfEntry]:
    """The document in which these settings have these values; the very same object when nothing is due.

    None removes every active assignment. Otherwise the last assignment decides: its value is rewritten in place unless
    it already means the same; a missing one is written below its commented default, else at the end.
    """
    _check_different(wanted, document.version)
    table = kinds or known_settings(document.version)
    active, places = _active_lines(document), _places_of_defaults(document.lines)
    lines: list[Line[ConfEntry] | None] = list(document.lines)
    new: dict[int, list[Line[ConfEntry]]] = {}
    end = len(lines) + 1  # after what goes below a default on the last line
    for name, value in wanted.items():
        canonical = canonical_name(name, document.version)
        found = active.get(canonical, [])
        if value is None:
            for index in found:
                lines[index] = None
        elif found:
            lines[found[-1]] = _with_value(document.lines[found[-1]], canonical, value, table.get(canonical))
        else:
            line = f"{name} = {quote_value(value)}{document.newline}"
            place = places.get(name.lower(), end)
            new.setdefault(place, []).append(Line(line, parse_conf_line(line)))
    kept = ((*new.get(index, ()), line) for index, line in enumerate([*lines, None, None]))
    return document.with_lines([line for group in kept for line in group if line is not None])


def _check_different(names: Iterable[str], version: int) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(canonical_name(name, version), name)
        if other != name:
            raise ConfigError(f"{other} and {name} are one setting; give only one of them")


def _active_lines(document: Document[ConfEntry]) -> dict[str, list[int]]:
    """The indexes of the lines that assign each setting, by its canonical name."""
    found: dict[str, list[int]] = {}
    for index, line in enumerate(document.lines):
        if isinstance(line.entry, Assignment):
            found.setdefault(canonical_name(line.entry.name, document.version), []).append(index)
    return found


def _with_value(line: Line[ConfEntry], canonical: str, value: str, kind: Kind | None) -> Line[ConfEntry]:
    """The assignment with this value; itself when it already means the same."""
    entry = line.entry
    if not isinstance(entry, Assignment) or same_value(canonical, entry.value, value, kind):
        return line
    raw = line.raw[: entry.start] + quote_value(value) + line.raw[entry.end :]
    return Line(raw, parse_conf_line(raw))


def _places_of_defaults(lines: Sequence[Line[ConfEntry]]) -> dict[str, int]:
    """By lower-case name, the index below the last commented default of a setting and the comment that goes on with it."""
    places: dict[str, int] = {}
    name = None
    for index, line in enumerate(lines):
        found = _COMMENTED.match(line.raw)
        if found:
            name = found.group(1).lower()
        elif not _COMMENT_GOES_ON.match(line.raw):
            name = None
        if name is not None:
            places[name] = index + 1
    return places
