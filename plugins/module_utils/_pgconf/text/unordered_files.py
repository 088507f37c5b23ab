# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_ident.conf and pg_hosts.conf have in common: words in columns, and lines whose order means nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Union

from ..errors import ConfigError
from .document import Document
from .edit_plan import Ordering, Placement, Wishes
from .placing import ensure_records
from .records import Broken, Entry, OpaqueWords, Record
from .token_lines import Field, is_include
from .tokens import Token, has_long_token, is_file, quote, tokenize

ReadFields = Callable[[Sequence[Field], Union[str, None], int], Record]


def parse_words(content: str, version: int, read_fields: ReadFields) -> Entry | None:
    """What one logical line (without its end) is; ``read_fields`` makes a record of its fields or raises ConfigError."""
    fields, comment = tokenize(content, version)
    if not fields:
        return None
    if has_long_token(content, version):
        return Broken(f"a word of the line is too long for PostgreSQL {version}; shorten it")
    # An @file may be empty and then shifts the fields after it.
    if is_include(fields, version) or any(is_file(token) for field in fields for token in field):
        return OpaqueWords(content, keys_of_words(fields))
    try:
        return read_fields(fields, comment, version)
    except ConfigError as error:
        return Broken(error.problem, error.column, keys_of_words(fields))


def keys_of_words(fields: Sequence[Field]) -> frozenset[Hashable]:
    """What a line may be called by its first three words."""
    return frozenset({tuple(",".join(token.text for token in field) for field in fields[:3])})


def single_word(field: Field) -> Token:
    """The one word of a column; ConfigError (with a column) when there are several."""
    if len(field) > 1:
        raise ConfigError("several values in one column; note that a comma joins fields", column=field[1].column)
    return field[0]


def quote_literal(text: str) -> str:
    """A word that means itself, quoted where the grammar needs it."""
    return quote(text, must=is_file(Token(text)))


def in_column(text: str, width: int) -> str:
    """The text filled up with blanks, one at least."""
    return text.ljust(width - 1) + " "


def trailing_comment(comment: str | None) -> str | None:
    """The text of the comment after an entry, None without one."""
    return (comment or "").strip(" \t\r") or None


def check_readable(record: Record, parsed: object) -> None:
    """Raise ConfigError when the record's own line, parsed again, is broken or about something else."""
    if isinstance(parsed, Broken):
        raise ConfigError(parsed.problem)
    if not isinstance(parsed, Record) or (parsed.match_key, parsed.effect) != (record.match_key, record.effect):
        raise ConfigError(f"PostgreSQL {record.version} would read the entry differently: {record.render()}")


def ensure_unordered(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    """The document with the wishes fulfilled; the very same object when nothing is due.

    Order means nothing here, so an entry stays where it is and a missing one goes to the end.
    """
    return ensure_records(document, wishes, Placement(), Ordering(_never_shadowed, lambda one, other: False))


def _never_shadowed(foreign: Sequence[tuple[int, Record]]) -> Callable[[Record], None]:
    return lambda record: None
