# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Include lines of pg_hba.conf (16 and newer) as things that a task can add and remove."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigError
from ..text.records import Opaque, Record
from ..text.token_lines import Field, is_include
from ..text.tokens import check_comment, quote, render_comment, tokenize
from ..vocabulary import INCLUDE_SINCE, INCLUDE_WORDS


@dataclass(frozen=True)
class Include(Opaque, Record):
    """A line that brings in other files: ``word`` is the directive, ``name`` a file or directory as written."""

    version: int
    word: str
    name: str
    comment: str | None = None

    @property
    def match_key(self) -> Hashable:
        """A file may be included in two ways, and only one of them stays; a directory is another thing."""
        return ("include_dir" if self.word == "include_dir" else "include", self.name)

    @property
    def effect(self) -> Hashable:
        """The directive."""
        return self.word

    def render(self) -> str:
        """The line."""
        return f"{self.word} {quote(self.name)}{render_comment(self.comment)}"

    def with_comment(self, comment: str | None) -> Include:
        """The same directive with another trailing comment."""
        return replace(self, comment=comment)


def include_of_fields(content: str, fields: Sequence[Field], comment: str | None, version: int) -> Include:
    """The directive of a line that is one."""
    comment = comment.strip(" \t\r") or None if comment else None
    return Include(content, version, fields[0][0].text, fields[1][0].text, comment)


def read_include(fields: Mapping[str, Any], version: int) -> Include | None:
    """The include line that an element of the option rules asks for, None when it asks for a rule.

    Raises ConfigError with one sentence that names the option.
    """
    word = next((word for word in INCLUDE_WORDS if fields.get(word) is not None), None)
    if word is None:
        return None
    name = str(fields[word])
    if version < INCLUDE_SINCE:
        raise ConfigError(f"{word} needs PostgreSQL {INCLUDE_SINCE}; this file is for PostgreSQL {version}")
    if not name.strip():
        raise ConfigError(f"{word} names nothing; write the name of a file or directory")
    check_comment(fields.get("comment"), version)
    comment = str(fields["comment"]).strip() if fields.get("comment") is not None else None
    include = Include("", version, word, name, comment)
    line = include.render()
    found, _comment = tokenize(line, version)
    if not is_include(found, version) or found[1][0].text != name or name.startswith("@"):
        raise ConfigError(f"{word} cannot name {name!r}; PostgreSQL would read the line differently")
    return replace(include, text=line)


def describe_include(include: Include) -> dict[str, Any]:
    """The include line in the words of the module's options."""
    return {include.word: include.name, "comment": include.comment}
