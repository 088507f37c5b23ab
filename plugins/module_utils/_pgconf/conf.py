# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql.conf: the server's scanner (guc-file.l), line by line, and settings brought in without touching the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .document import Document, Line, check_version, split_physical
from .entries import Broken, Opaque
from .errors import ConfigError
from .settings import Kind, canonical_name, check_name, needs_restart, quote_value, read_value, same_value

_LETTER = r"A-Za-z_\x80-\U0010ffff"
# Longest match wins, as in the server's scanner; of equally long ones the first.
_PATTERNS = tuple(
    (kind, re.compile(pattern, re.ASCII))
    for kind, pattern in (
        ("id", rf"[{_LETTER}][{_LETTER}0-9]*"),
        ("qualified", rf"[{_LETTER}][{_LETTER}0-9]*\.[{_LETTER}][{_LETTER}0-9]*"),
        ("string", r"'(?:[^'\\\n]|\\[^\n]|'')*'"),
        ("unquoted", rf"[{_LETTER}][{_LETTER}0-9._:/-]*"),
        ("integer", r"[+-]?(?:0x[0-9a-fA-F]+|[0-9]+)[a-zA-Z]*"),
        ("real", r"[+-]?[0-9]*\.[0-9]*(?:[Ee][+-]?[0-9]+)?"),
        ("equals", "="),
    )
)
_BLANKS = re.compile(r"[ \t\r]*")
_VALUES = frozenset({"id", "string", "unquoted", "integer", "real"})
_DIRECTIVES = ("include", "include_if_exists", "include_dir")
_COMMENTED = re.compile(rf"[ \t]*#[ \t]*([{_LETTER}][{_LETTER}0-9.]*)[ \t]*=", re.ASCII)
_COMMENT_GOES_ON = re.compile(r"[ \t]+#")
_ESCAPES = {"b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t"}


@dataclass(frozen=True)
class Assignment:
    """An active line ``name = value``: the decoded value, and where its text stands in the raw line."""

    name: str
    value: str
    start: int
    end: int


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
        return Broken("syntax error: a line begins with the name of a setting")
    rest = kinds[2:] if kinds[1:2] == ["equals"] else kinds[1:]
    if len(rest) != 1 or rest[0] not in _VALUES:
        return Broken("syntax error: exactly one value must follow the name; put it in single quotes")
    name = content[tokens[0][1] : tokens[0][2]]
    kind, start, end = tokens[-1]
    if name.lower() in _DIRECTIVES:
        return Opaque(content)
    value = _unescape(content[start + 1 : end - 1]) if kind == "string" else content[start:end]
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
    return re.sub(rb"\\[0-7]{1,3}|\\.|''", replacement, raw, flags=re.DOTALL).decode("utf-8", "surrogateescape")


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


def describe_overrides(
    wanted: Mapping[str, str | None], later: Document[ConfEntry], path: str, kinds: Mapping[str, Kind] | None = None
) -> list[dict[str, Any]]:
    """Wanted settings to which a file that is read later (postgresql.auto.conf) gives another value."""
    found = effective_settings(later)
    result = []
    for name, value in wanted.items():
        canonical = canonical_name(name, later.version)
        if canonical not in found:
            continue
        number, other = found[canonical]
        if value is None or not same_value(canonical, value, other, (kinds or {}).get(canonical)):
            result.append({"name": name, "value": other, "path": path, "line": number})
    return result


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
    return [name for name in changed if needs_restart(name, (kinds or {}).get(name))]


def describe_doubts(document: Document[ConfEntry], overridden: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Warnings, one sentence each: lines that no server loads, and settings that a later file overrides."""
    doubts = [
        f"line {number} is invalid and was left alone: {problem}; no server loads the file until it is mended"
        for number, _line, problem in conf_problems(document)
    ]
    for one in overridden:
        doubts.append(
            f"setting {one['name']} has no effect here: line {one['line']} of {one['path']} sets it to "
            f"'{one['value']}', and PostgreSQL reads that file last; use ALTER SYSTEM RESET {one['name']}"
        )
    return doubts


def ensure_settings(
    document: Document[ConfEntry], wanted: Mapping[str, str | None], kinds: Mapping[str, Kind] | None = None
) -> Document[ConfEntry]:
    """The document in which these settings have these values; the very same object when nothing is due.

    None removes every active assignment. Otherwise the last assignment decides: its value is rewritten in place unless
    it already means the same; a missing one is written below its commented default, else at the end.
    """
    lines = list(document.lines)
    seen: dict[str, str] = {}
    for name, value in wanted.items():
        other = seen.setdefault(canonical_name(name, document.version), name)
        if other != name:
            raise ConfigError(f"{other} and {name} are one setting; give only one of them")
        _ensure_setting(lines, document, name, value, (kinds or {}).get(canonical_name(name, document.version)))
    return document.with_lines(lines)


def _ensure_setting(
    lines: list[Line[ConfEntry]], document: Document[ConfEntry], name: str, value: str | None, kind: Kind | None
) -> None:
    wanted = canonical_name(name, document.version)
    active = [
        (index, line.entry)
        for index, line in enumerate(lines)
        if isinstance(line.entry, Assignment) and canonical_name(line.entry.name, document.version) == wanted
    ]
    if value is None:
        for index, _entry in reversed(active):
            del lines[index]
    elif not active:
        line = f"{name} = {quote_value(value)}{document.newline}"
        lines.insert(_place(lines, name), Line(line, parse_conf_line(line)))
    else:
        index, entry = active[-1]
        if not same_value(wanted, entry.value, value, kind):
            raw = lines[index].raw[: entry.start] + quote_value(value) + lines[index].raw[entry.end :]
            lines[index] = Line(raw, parse_conf_line(raw))


def _place(lines: Sequence[Line[ConfEntry]], name: str) -> int:
    """Below the last commented default of the setting and the comment lines that go on with it, else the end."""
    place = None
    for index, line in enumerate(lines):
        found = _COMMENTED.match(line.raw)
        if found and found.group(1).lower() == name.lower():
            place = index + 1
    if place is None:
        return len(lines)
    while place < len(lines) and _COMMENT_GOES_ON.match(lines[place].raw) and not _COMMENTED.match(lines[place].raw):
        place += 1
    return place
