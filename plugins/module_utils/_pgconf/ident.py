# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_ident.conf: lines MAP SYSTEM-USER DATABASE-USER; lines of one map are alternatives."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .document import Document, parse_document
from .ensure import ensure_records
from .entries import Broken, Entry, Opaque, Record, problems
from .errors import ConfigError
from .layout import Order, Placement, Wishes
from .tokens import (
    Name,
    Token,
    check_comment,
    classify,
    is_file,
    quote,
    read_word,
    render_comment,
    render_name,
    show_word,
    tokenize,
)
from .vocabulary import INCLUDE_SINCE, INCLUDE_WORDS, USER_KEYWORDS

# Column widths of the file that initdb writes.
_MAP_WIDTH, _SYSTEM_WIDTH = 16, 24
_NO_KEYWORDS: frozenset[str] = frozenset()
_PATTERN_USERS_SINCE = 16  # all, +role and /regex in the last column

Field = tuple[Token, ...]


@dataclass(frozen=True)
class UserMapping(Record):
    """One line of pg_ident.conf. A system user that starts with a slash is a regular expression in every version."""

    version: int
    map: str
    system_user: str
    database_user: Name
    comment: str | None = None

    @cached_property
    def subject(self) -> Hashable:
        """The whole line counts: lines of one map are alternatives, so none replaces another."""
        return (self.map, self.system_user, self.database_user)

    @property
    def verdict(self) -> Hashable:
        """A mapping decides nothing beyond its subject."""
        return ()

    def render(self) -> str:
        """The line, in columns."""
        line = _pad(_quote_word(self.map), _MAP_WIDTH) + _pad(_quote_word(self.system_user), _SYSTEM_WIDTH)
        return line + _render_user(self.database_user, self.version) + render_comment(self.comment)

    def with_comment(self, comment: str | None) -> UserMapping:
        """The same mapping with another trailing comment."""
        return replace(self, comment=comment)


def _pad(text: str, width: int) -> str:
    return text.ljust(width - 1) + " "


def _quote_word(text: str) -> str:
    return quote(text, must=is_file(Token(text)))


def _classify_user(token: Token, version: int) -> Name:
    if version >= _PATTERN_USERS_SINCE:
        return classify(token, USER_KEYWORDS, version, groups=True)
    return Name("name", token.text)


def _render_user(name: Name, version: int) -> str:
    if version >= _PATTERN_USERS_SINCE:
        return render_name(name, USER_KEYWORDS, version, groups=True)
    return _quote_word(name.text)


def parse_ident(text: str, version: int) -> Document[Entry]:
    """A lossless document; every line is a UserMapping, Opaque, Broken, or holds no entry. Any text is accepted."""
    return parse_document(text, version, parse_ident_line)


def parse_ident_line(content: str, version: int) -> Entry | None:
    """What one logical line (without its end) is; fields after the third are ignored, as the server does."""
    fields, comment = tokenize(content, version)
    if not fields:
        return None
    if version >= INCLUDE_SINCE and len(fields) == 2 and fields[0][0].text in INCLUDE_WORDS:
        return Opaque(content)
    if any(is_file(token) for field in fields[:3] for token in field):
        return Opaque(content)
    if len(fields) < 3:
        return Broken("the line ends too early; a mapping has three words: map, system user, database user")
    if any(len(field) > 1 for field in fields[:3]):
        return Broken("several values in one column; mind that a comma joins fields")
    words = [field[0] for field in fields[:3]]
    comment = comment.strip(" \t\r") if comment else None
    user = _classify_user(words[2], version)
    return UserMapping(version, words[0].text, words[1].text, user, comment or None)


def read_mapping(fields: Mapping[str, Any], version: int) -> UserMapping:
    """A mapping as a task gives it: map, system_user, database_user, comment.

    Raises ConfigError with one sentence that names the field.
    """
    check_comment(fields.get("comment"), version)
    for noun in ("map", "system_user", "database_user"):
        if not str(fields.get(noun) or ""):
            raise ConfigError(f"{noun} is missing")
    map_name, system_user = (_literal(str(fields[noun]), version) for noun in ("map", "system_user"))
    word = str(fields["database_user"])
    patterns = version >= _PATTERN_USERS_SINCE
    user = read_word(word, USER_KEYWORDS, version, groups=True) if patterns else Name("name", _literal(word, version))
    if user.kind == "file":
        raise ConfigError(f'database_user "{word}" names a file; write "{word}" in double quotes if a role is meant')
    if r"\1" in user.text and system_user.startswith("/") and "(" not in system_user:
        raise ConfigError(r"database_user holds \1 but the expression in system_user has no parentheses to fill it")
    comment = str(fields["comment"]).strip() if fields.get("comment") is not None else None
    mapping = UserMapping(version, map_name, system_user, user, comment)
    again = parse_ident_line(mapping.render(), version)
    if not isinstance(again, UserMapping) or again.subject != mapping.subject:
        raise ConfigError(f"PostgreSQL {version} would read the mapping differently: {mapping.render()}")
    return mapping


def _literal(word: str, version: int) -> str:
    return read_word(word, _NO_KEYWORDS, min(version, INCLUDE_SINCE - 1)).text if word.startswith('"') else word


def ensure_mappings(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    """The document with these mappings present and those absent; the very same object when nothing is due.

    Order means nothing here, so a mapping stays where it is and a missing one goes to the end.
    """
    return ensure_records(document, wishes, Placement(), Order(_never_shadowed, lambda one, other: False))


def read_wishes(params: Mapping[str, Any], version: int) -> Wishes:
    """What the options mappings, block and exclusive of a task ask for; ConfigError names the mapping (from 1)."""
    present: list[Record] = []
    absent: list[Record] = []
    for number, fields in enumerate(params["mappings"], 1):
        try:
            mapping = read_mapping(fields, version)
        except ConfigError as error:
            raise ConfigError(f"mapping {number}: {error}") from error
        (absent if fields.get("state") == "absent" else present).append(mapping)
    return Wishes(present, absent, bool(params.get("exclusive")), params.get("block"))


def describe_doubts(document: Document[Entry]) -> list[str]:
    """Warnings about lines that were left alone although no server loads them, one sentence each."""
    return [
        f"line {number} is invalid for PostgreSQL {document.version} and was left alone: {problem}; "
        "no server loads the file until it is mended"
        for number, _line, problem in problems(document)
    ]


def _never_shadowed(foreign: Sequence[tuple[int, Record]]) -> Any:
    return lambda record: None


def describe_mapping(mapping: UserMapping) -> dict[str, Any]:
    """The mapping in the words of the module's options."""
    user = mapping.database_user
    patterns = mapping.version >= _PATTERN_USERS_SINCE
    return {
        "map": mapping.map,
        "system_user": mapping.system_user,
        "database_user": show_word(user, USER_KEYWORDS, mapping.version, groups=True) if patterns else user.text,
        "comment": mapping.comment,
    }


def describe_mappings(document: Document[Entry]) -> list[dict[str, Any]]:
    """All mappings in the order of the file, each with the line it begins on."""
    return [
        {"line": number, **describe_mapping(line.entry)}
        for number, line in document.numbered()
        if isinstance(line.entry, UserMapping)
    ]
