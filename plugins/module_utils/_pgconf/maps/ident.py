# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_ident.conf: lines MAP SYSTEM-USER DATABASE-USER; lines of one map are alternatives."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..errors import ConfigError
from ..text.asked_words import check_expression, check_one_line, check_word
from ..text.document import Document, parse_document
from ..text.edit_plan import Wishes
from ..text.records import Entry, Record, RefusedLine, describe_written
from ..text.regex_checker import regex_problem
from ..text.task_options import gather_wishes, read_each
from ..text.token_lines import Field
from ..text.tokens import (
    Name,
    Token,
    check_comment,
    classify,
    mark_problem,
    read_word,
    render_comment,
    render_name,
    show_word,
)
from ..text.unordered_files import (
    check_readable,
    ensure_unordered,
    in_column,
    parse_words,
    quote_literal,
    single_word,
    trailing_comment,
)
from ..vocabulary import REGEX_SINCE, USER_KEYWORDS

_LIKE_EXPRESSION = re.compile(r"\A\^|\.\*")
_OTHER_PLACES = re.compile(r"\\[2-9]|\$[1-9]")
_OPENSSL_SUBJECT = re.compile(r"(/[A-Za-z]+=[^/=]+)+\Z")
# Column widths of the file that initdb writes.
_MAP_WIDTH, _SYSTEM_WIDTH = 16, 24
_NOUNS = ("map", "system_user", "database_user")
_WHAT = {
    "map": "the name that rules give in their option map",
    "system_user": "the name that the client proves, such as the common name of its certificate",
    "database_user": "the role",
}
_WHAT_ELEMENT = {"map": "map", "system_user": "name", "database_user": "role"}
_NO_KEYWORDS: frozenset[str] = frozenset()
_PATTERN_USERS_SINCE = 16  # all, +role and /regex in the last column


@dataclass(frozen=True)
class UserMapping(Record):
    """One line of pg_ident.conf. A system user that starts with a slash is a regular expression in every version."""

    version: int
    map: str
    system_user: str
    database_user: Name
    comment: str | None = None

    @cached_property
    def match_key(self) -> Hashable:
        """The whole line counts: lines of one map are alternatives, so none replaces another."""
        return (self.map, self.system_user, self.database_user)

    @property
    def written_key(self) -> Hashable:
        """The three words."""
        user = self.database_user
        return (self.map, self.system_user, {"group": "+", "file": "@"}.get(user.kind, "") + user.text)

    @property
    def effect(self) -> Hashable:
        """A mapping decides nothing beyond what it matches."""
        return ()

    def render(self) -> str:
        """The line, in columns."""
        line = in_column(quote_literal(self.map), _MAP_WIDTH) + in_column(
            quote_literal(self.system_user), _SYSTEM_WIDTH
        )
        return line + _render_user(self.database_user, self.version) + render_comment(self.comment)

    def with_comment(self, comment: str | None) -> UserMapping:
        """The same mapping with another trailing comment."""
        return replace(self, comment=comment)


def _classify_user(token: Token, version: int) -> Name:
    if version >= _PATTERN_USERS_SINCE:
        return classify(token, USER_KEYWORDS, version, groups=True)
    return Name("name", token.text)


def _render_user(name: Name, version: int) -> str:
    if version >= _PATTERN_USERS_SINCE:
        return render_name(name, USER_KEYWORDS, version, groups=True)
    return quote_literal(name.text)


def parse_ident(text: str, version: int) -> Document[Entry]:
    """A lossless document; every line is a UserMapping, Opaque, Broken, or holds no entry. Any text is accepted."""
    return parse_document(text, version, parse_ident_line)


def parse_ident_line(content: str, version: int) -> Entry | None:
    """What one logical line (without its end) is; fields after the third are ignored, as the server does."""
    return parse_words(content, version, mapping_of_fields)


def mapping_of_fields(fields: Sequence[Field], comment: str | None, version: int) -> UserMapping:
    """The mapping that a server makes of the fields of a line; ConfigError (with a column) when it refuses the line."""
    words = [single_word(field) for field in fields[:3]]
    if len(words) < 3:
        mark = mark_problem(words[0].text)
        if mark:
            raise ConfigError(mark)
        raise ConfigError("the line ends too early; a mapping has three words: map, system user, database user")
    map_name, system_user, database_user = words
    user = _classify_user(database_user, version)
    for token, is_regex in ((system_user, system_user.text.startswith("/")), (database_user, user.kind == "regex")):
        problem = regex_problem(token.text[1:], version) if is_regex else None
        if problem:
            raise ConfigError(problem, column=token.column)
    return UserMapping(version, map_name.text, system_user.text, user, trailing_comment(comment))


def read_mapping(fields: Mapping[str, Any], version: int) -> UserMapping:
    """A mapping as a task gives it: map, system_user, database_user, comment.

    Raises ConfigError with one sentence that names the field.
    """
    check_comment(fields.get("comment"), version)
    given = {noun: str(fields.get(noun) or "").strip() for noun in _NOUNS}
    for noun, text in given.items():
        _check_text(noun, text)
    map_name, system_user = (_literal(given[noun], version) for noun in ("map", "system_user"))
    word = given["database_user"]
    patterns = version >= _PATTERN_USERS_SINCE
    check_expression("system_user", given["system_user"], version)
    if patterns:
        check_word("database_user", word, USER_KEYWORDS, version)
    user = read_word(word, USER_KEYWORDS, version, groups=True) if patterns else Name("name", _literal(word, version))
    if user.kind == "file":
        raise ConfigError(f'database_user "{word}" names a file; write "{word}" in double quotes if a role is meant')
    if r"\1" in user.text and system_user.startswith("/") and "(" not in system_user:
        raise ConfigError(r"database_user holds \1 but the expression in system_user has no parentheses to fill it")
    comment = str(fields["comment"]).strip() if fields.get("comment") is not None else None
    mapping = UserMapping(version, map_name, system_user, user, comment)
    check_readable(mapping, parse_ident_line(mapping.render(), version))
    return mapping


def _check_text(noun: str, text: str) -> None:
    """Raise ConfigError for what is no word."""
    if not text:
        raise ConfigError(f"{noun} is missing; write {_WHAT[noun]}")
    if text[0] == "[" and (noun == "database_user" or text[:2] in ("['", '["')):
        raise ConfigError(f"{noun} is a list ({text}); write a mapping for each {_WHAT_ELEMENT[noun]}")
    if text[:2] in ("{'", '{"'):
        raise ConfigError(f"{noun} is a dict ({text}); write one word")
    check_one_line(noun, text)


def _literal(word: str, version: int) -> str:
    return read_word(word, _NO_KEYWORDS, min(version, REGEX_SINCE - 1)).text if word.startswith('"') else word


def ensure_mappings(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    """The document with these mappings present and those absent; the very same object when nothing is due."""
    return ensure_unordered(document, wishes)


def read_wishes(params: Mapping[str, Any], version: int) -> Wishes:
    """What the options mappings, block and exclusive of a task ask for; ConfigError names the mapping (from 1)."""

    def read_wish(fields: Mapping[str, Any]) -> Record:
        try:
            return read_mapping(fields, version)
        except ConfigError as error:
            words = tuple(str(fields.get(noun) or "").strip() for noun in _NOUNS)
            if fields.get("state") != "absent" or not all(words):
                raise
            return RefusedLine(version, words, error.problem)

    return gather_wishes(params, "mappings", read_each("mapping", params["mappings"], read_wish))


def describe_doubts(document: Document[Entry], wishes: Sequence[Wishes]) -> list[str]:
    """Warnings, one sentence each: what the task asks for and should not, and a name that nobody can see."""
    doubts = describe_written(record for one in wishes for record in one.absent)
    doubts += [doubt for one in wishes for record in one.present for doubt in _doubts_of(record)]
    for number, line in document.numbered():
        mark = mark_problem(line.entry.map) if isinstance(line.entry, UserMapping) else None
        if mark:
            doubts.append(f"line {number}: {mark}, so no rule names that map")
    return doubts


def _doubts_of(record: Record) -> Iterator[str]:
    """What a mapping means although it looks like something else."""
    if not isinstance(record, UserMapping):
        return
    user = record.database_user.text
    if record.version < _PATTERN_USERS_SINCE and (user in {*USER_KEYWORDS, "*"} or user[:1] in ("+", "/")):
        yield (
            f'database_user "{user}" is the role of that name in PostgreSQL {record.version}; all, +role and expressions need '
            f"PostgreSQL {_PATTERN_USERS_SINCE}"
        )
    name, is_expression = record.system_user, record.system_user.startswith("/")
    if r"\1" in user and not is_expression:
        yield f'database_user holds \\1 but system_user "{name}" is no expression; start it with a slash'
    elif not is_expression and (name == "*" or _LIKE_EXPRESSION.search(name)):
        yield f'system_user "{name}" is that very name; start an expression with a slash'
    other = _OTHER_PLACES.search(user) if is_expression else None
    if other:
        yield f"database_user holds {other.group()}, but PostgreSQL replaces \\1 alone"
    if _OPENSSL_SUBJECT.match(name):
        subject = ",".join(reversed(name[1:].split("/")))
        yield f'system_user "{name}" is an expression because of its slash; write a whole subject as {subject}'


def _shown(text: str) -> str:
    """A word as an option has it: in double quotes where blanks at its ends, or quotes, would not come through."""
    quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return '"' + text.replace('"', '""') + '"' if quoted or text != text.strip() else text


def describe_mapping(mapping: UserMapping) -> dict[str, Any]:
    """The mapping in the words of the module's options."""
    user = mapping.database_user
    patterns = mapping.version >= _PATTERN_USERS_SINCE
    return {
        "map": _shown(mapping.map),
        "system_user": _shown(mapping.system_user),
        "database_user": show_word(user, USER_KEYWORDS, mapping.version, groups=True)
        if patterns
        else _shown(user.text),
        "comment": mapping.comment,
    }


def describe_mappings(document: Document[Entry]) -> list[dict[str, Any]]:
    """All mappings in the order of the file, each with the line it starts on."""
    return [
        {"line": number, **describe_mapping(line.entry)}
        for number, line in document.numbered()
        if isinstance(line.entry, UserMapping)
    ]
