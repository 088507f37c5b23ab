# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_ident.conf and pg_hosts.conf have in common: words in columns, and lines whose order means nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Union

from .document import Document
from .ensure import ensure_records
from .entries import Broken, Entry, Opaque, Record
from .errors import ConfigError
from .layout import Order, Placement, Wishes
from .reading import Field, is_include
from .tokens import Token, has_long_token, is_file, quote, tokenize

ReadFields = Callable[[Sequence[Field], Union[str, None], int], Record]
ReadRecord = Callable[[Mapping[str, Any], int], Record]


def parse_words(content: str, version: int, read_fields: ReadFields) -> Entry | None:
    """What one logical line (without its end) is; ``read_fields`` makes a record of its fields or raises ConfigError."""
    fields, comment = tokenize(content, version)
    if not fields:
        return None
    if has_long_token(content, version):
        return Broken(f"a word of the line is too long for PostgreSQL {version}; shorten it")
    # An @file may be empty and then shifts the fields behind it.
    if is_include(fields, version) or any(is_file(token) for field in fields for token in field):
        return Opaque(content)
    try:
        return read_fields(fields, comment, version)
    except ConfigError as error:
        return Broken(error.problem, error.column)


def single_word(field: Field) -> Token:
    """The one word of a column; ConfigError (with a column) when there are several."""
    if len(field) > 1:
        raise ConfigError("several values in one column; mind that a comma joins fields", column=field[1].column)
    return field[0]


def quote_literal(text: str) -> str:
    """A word that means itself, quoted where the grammar needs it."""
    return quote(text, must=is_file(Token(text)))


def in_column(text: str, width: int) -> str:
    """The text filled up with blanks, one at least."""
    return text.ljust(width - 1) + " "


def trailing_comment(comment: str | None) -> str | None:
    """The text of the comment behind an entry, None without one."""
    return (comment or "").strip(" \t\r") or None


def check_readable(record: Record, parsed: object) -> None:
    """Raise ConfigError when the record's own line, parsed again, is broken or about something else."""
    if isinstance(parsed, Broken):
        raise ConfigError(parsed.problem)
    if not isinstance(parsed, Record) or (parsed.subject, parsed.verdict) != (record.subject, record.verdict):
        raise ConfigError(f"PostgreSQL {record.version} would read the entry differently: {record.render()}")


def read_each(noun: str, fields_list: Sequence[Mapping[str, Any]], version: int, read: ReadRecord) -> list[Record]:
    """The records that a task lists; ConfigError names the one at fault (from 1)."""
    records = []
    for number, fields in enumerate(fields_list, 1):
        try:
            records.append(read(fields, version))
        except ConfigError as error:
            raise ConfigError(f"{noun} {number}: {error}") from error
    return records


def gather_wishes(params: Mapping[str, Any], option: str, records: Sequence[Record]) -> Wishes:
    """The records of ``option`` sorted by their state, with the options block and exclusive."""
    states = [fields.get("state") == "absent" for fields in params[option]]
    present = [record for record, is_absent in zip(records, states) if not is_absent]
    absent = [record for record, is_absent in zip(records, states) if is_absent]
    return Wishes(present, absent, bool(params.get("exclusive")), params.get("block"))


def ensure_unordered(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    """The document with the wishes fulfilled; the very same object when nothing is due.

    Order means nothing here, so an entry stays where it is and a missing one goes to the end.
    """
    return ensure_records(document, wishes, Placement(), Order(_never_shadowed, lambda one, other: False))


def _never_shadowed(foreign: Sequence[tuple[int, Record]]) -> Callable[[Record], None]:
    return lambda record: None


def describe_broken(version: int, broken: Iterable[tuple[int, str, str]]) -> list[str]:
    """Warnings about (line number, line, problem) of lines that were left alone although no server loads them."""
    return [
        f"line {number} is invalid for PostgreSQL {version} and was left alone: {problem}; "
        "no server loads the file until it is mended"
        for number, _line, problem in broken
    ]
