# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokenizer that pg_hba.conf and pg_ident.conf share: quotes, commas, comments, @files.

It follows next_token() and next_field_expand() of the server's hba.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from ..errors import ConfigError
from ..vocabulary import CARRIAGE_RETURN_IS_DATA_SINCE, LONG_TOKENS_SINCE, REGEX_SINCE


@dataclass(frozen=True)
class Token:
    """A word; ``quoted`` only if a quote was met while the word was still empty, which is the server's own rule.

    ``column`` is where it starts in the (joined) line, from 1, and no part of what it means.
    """

    text: str
    quoted: bool = False
    column: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Name:
    """A database or user word as the server understands it: kind is keyword, regex, group, file or name.

    ``text`` of a group lacks the plus sign, of a file the at sign; a regex keeps its slash.
    """

    kind: str
    text: str


# A token ends at a blank, a comma or a comment outside quotes; an unterminated quote runs to the end of the line.
_TOKEN = re.compile(r'[ \t\r,]*((?:[^ \t\r,#"]|"[^"]*(?:"|\Z))*)')
_TOKEN_CR_IS_DATA = re.compile(r'[ \t,]*((?:[^ \t,#"]|"[^"]*(?:"|\Z))*)')
_NEEDS_QUOTES = re.compile(r'[ \t\r,#"]')
_LONGEST_TOKEN = 10_239
# Characters with a meaning in PostgreSQL's regular expressions.
_REGEX_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|])")


def tokenize(text: str, version: int) -> tuple[tuple[tuple[Token, ...], ...], str | None]:
    """The fields of a logical line, each a tuple of tokens, and the text after the comment sign (None without one)."""
    text = text.split("\0", 1)[0]
    pattern = _TOKEN if version < CARRIAGE_RETURN_IS_DATA_SINCE else _TOKEN_CR_IS_DATA
    fields: list[tuple[Token, ...]] = []
    tokens: list[Token] = []
    position = 0
    while (found := pattern.match(text, position)) is not None:  # it always matches, if only emptily
        position = found.end()
        if found.group(1):
            tokens.append(_unquote(found.group(1), found.start(1) + 1))
        # A comma right after a token glues the next token to the same field.
        if tokens and not (found.group(1) and text.startswith(",", position)):
            fields.append(tuple(tokens))
            tokens = []
        if position >= len(text):
            break
        if text[position] == "#":
            break
    if tokens:
        fields.append(tuple(tokens))
    comment = text[position + 1 :] if position < len(text) else None
    return tuple(fields), comment


def _unquote(raw: str, column: int) -> Token:
    if '"' not in raw:
        return Token(raw, False, column)
    pieces: list[str] = []
    in_quote = was_quote = quoted = False
    for character in raw:
        if character != '"' or was_quote:
            pieces.append(character)
        was_quote = in_quote and character == '"' and not was_quote
        if character == '"':
            in_quote = not in_quote
            quoted = quoted or not pieces
    return Token("".join(pieces), quoted, column)


def has_long_token(text: str, version: int) -> bool:
    """Whether a word of the line is longer than servers up to 15 take (10,239 bytes, less if more must be looked at)."""
    if version >= LONG_TOKENS_SINCE or len(text) < _LONGEST_TOKEN // 4:  # a character has four bytes at most
        return False
    text = text.split("\0", 1)[0]
    position = 0
    while (found := _TOKEN.match(text, position)) is not None:  # it always matches, if only emptily
        position = found.end()
        if _overflows(found.group(1), text[position : position + 1]):
            return True
        if position >= len(text) or text[position] == "#":
            break
    return False


def _overflows(raw: str, behind: str) -> bool:
    length = len(_unquote(raw, 0).text.encode("utf-8", "surrogateescape"))
    # The server looks whether its buffer is full before it looks at a quote or a comma.
    closes = raw.endswith('"') and raw.count('"') % 2 == 0
    return length > _LONGEST_TOKEN or (length == _LONGEST_TOKEN and (closes or behind == ","))


_UTF_16 = frozenset({"\udcff\udcfe"})


def is_file(token: Token) -> bool:
    """Whether the server replaces this token by the tokens of a file."""
    return not token.quoted and len(token.text) > 1 and token.text[0] == "@"


@cache  # of a handful
def _keyword(word: str) -> Name:
    return Name("keyword", word)


def classify(token: Token, keywords: frozenset[str], version: int, groups: bool = False) -> Name:
    """What a database or user word means; ``groups`` where a leading plus sign means membership."""
    text = token.text
    if not token.quoted:
        if text in keywords:
            return _keyword(text)
        if groups and text.startswith("+"):
            return Name("group", text[1:])
        if is_file(token):
            return Name("file", text[1:])
    if version >= REGEX_SINCE and text.startswith("/"):
        return Name("regex", text)
    return Name("name", text)


def read_word(word: str, keywords: frozenset[str], version: int, groups: bool = False) -> Name:
    """A word of an option: as in the file, except that blanks, commas and '#' need no quotes.

    A word wrapped in double quotes is meant literally. On 16 and newer a literal name that starts with a slash can
    only be written as an anchored regular expression.
    """
    if len(word) > 1 and word.startswith('"') and word.endswith('"'):
        text = word[1:-1].replace('""', '"')
        if version >= REGEX_SINCE and text.startswith("/"):
            return Name("regex", "/^" + _REGEX_SPECIAL.sub(r"\\\1", text) + "$")
        return Name("name", text)
    return classify(Token(word), keywords, version, groups)


def keyword_meant(word: str, keywords: frozenset[str]) -> str | None:
    """The keyword that people mean by a word which a server takes for a name, or None."""
    meant = "all" if word == "*" else word.lower()
    return meant if meant in keywords and word not in keywords else None


def show_word(name: Name, keywords: frozenset[str], version: int, groups: bool = False) -> str:
    """The word of an option that :func:`read_word` reads as this name."""
    if name.kind in ("group", "file"):
        return ("+" if name.kind == "group" else "@") + name.text
    if name.kind == "name" and (
        classify(Token(name.text), keywords, version, groups) != name
        or name.text != name.text.strip()
        or not name.text
        or keyword_meant(name.text, keywords)
    ):
        return '"' + name.text.replace('"', '""') + '"'
    return name.text


def quote(text: str, must: bool = False) -> str:
    """A token for the file: in double quotes only where the grammar needs them.

    Raises ConfigError for what the format cannot express. A trailing backslash is quoted because at the end of a line
    it would swallow the next one (14 and newer).
    """
    if "\n" in text or "\0" in text:
        raise ConfigError(f"{text!r} holds a line break or a NUL, which the file format cannot express")
    if must or not text or text.endswith("\\") or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def render_name(name: Name, keywords: frozenset[str], version: int, groups: bool = False) -> str:
    """The name as it stands in the file."""
    if name.kind in ("group", "file"):
        return ("+" if name.kind == "group" else "@") + (quote(name.text) if name.text else "")
    must = name.kind == "name" and classify(Token(name.text), keywords, version, groups).kind != "name"
    return quote(name.text, must)


def render_comment(comment: str | None) -> str:
    """The trailing comment with its sign, or nothing; ``comment`` is checked by :func:`check_comment` before."""
    return f" # {comment}" if comment else ""


def mark_problem(word: str) -> str | None:
    """What the first word of a file tells of an editor that put a mark before it, or None."""
    if word.startswith("\ufeff"):
        return (
            "the file starts with a byte order mark (EF BB BF), which PostgreSQL takes for a part of the first word; save it "
            "as UTF-8 without one"
        )
    if word[:2] in _UTF_16:
        return "the file is in UTF-16, which PostgreSQL does not read; save it as UTF-8"
    return None


def check_comment(comment: str | None, version: int) -> None:
    """Raise ConfigError for a comment that would break out of its line."""
    if comment is None:
        return
    if "\n" in comment or "\r" in comment or "\0" in comment:
        raise ConfigError("comment holds a line break; a comment is on the line of its entry, so write one line")
    if comment.endswith("\\") and version >= 14:
        raise ConfigError(
            "comment ends in a backslash, which would swallow the next line; end it with another character"
        )
