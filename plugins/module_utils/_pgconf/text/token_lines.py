# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of pg_hba.conf, pg_ident.conf and pg_hosts.conf as the server gets them: included files and @files followed.

It follows tokenize_auth_file() of the server's hba.c and GetConfFilesInDir() of conffiles.c.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..environment import DirectoryError, Files
from ..errors import ConfigError
from ..vocabulary import CONTINUATION_SINCE, INCLUDE_SINCE, INCLUDE_WORDS, LONG_LINES_SINCE
from .document import check_version, split_lines
from .tokens import Token, has_long_token, is_file, tokenize

DEEPEST = 10
# Servers up to 13 cut a line here (bytes with the line end); what is left over is a line of its own for them.
_LONGEST_LINE = 20_479
_MOST_FILES = 10_000
# Servers up to 15 set no limit and come down when they run out of files; a chain of ever new names ends here.
_DEEPEST_WITHOUT_LIMIT = 100
# So many files are read as the server would, then a file inside itself is called an error without going round again.
_PATIENCE = 1_000

Field = tuple[Token, ...]


@dataclass(frozen=True)
class TokenLine:
    """A line that says something: ``fields`` with every @file replaced by its words, or the ``problem`` with it.

    ``number`` is that of its first physical line in ``file``; ``text`` is the joined line without its end.
    """

    file: str
    number: int
    text: str
    fields: tuple[Field, ...] = ()
    comment: str | None = None
    problem: str | None = None
    column: int = 0


def read_token_lines(text: str, version: int, files: Files) -> Iterator[TokenLine]:
    """The lines of a file and of all that it includes, in reading order; lines that say nothing are left out.

    One by one, because the words of many lines take much more memory than what is made of them.
    """
    check_version(version)
    return _Reader(version, files).lines(text, files.path, 0)


def absolute_path(name: str, including: str) -> str:
    """Where a file lies that is named in another one; canonical as far as text alone tells."""
    if posixpath.isabs(name):
        return name
    return posixpath.normpath(posixpath.join(posixpath.dirname(including), name))


def configuration_files(names: Sequence[str]) -> list[str]:
    """The names that include_dir reads, in its order (by bytes)."""
    chosen = [name for name in names if name.endswith(".conf") and len(name) > 5 and not name.startswith(".")]
    return sorted(chosen, key=lambda name: name.encode("utf-8", "surrogateescape"))


class _Reader:
    def __init__(self, version: int, files: Files) -> None:
        self._version = version
        self._files = files
        self._chain = [files.path]
        self._opened = 0

    def lines(self, text: str, path: str, depth: int) -> Iterator[TokenLine]:
        for number, content, problem in _logical_lines(text, self._version):
            if problem is not None:
                yield TokenLine(path, number, content, problem=problem)
                continue
            fields, comment = tokenize(content, self._version)
            try:
                if has_long_token(content, self._version):
                    raise ConfigError(f"a word of the line is too long for PostgreSQL {self._version}; shorten it")
                fields = self._expand(fields, path, depth)
            except ConfigError as error:
                yield TokenLine(path, number, content, problem=error.problem, column=error.column)
                continue
            if fields:
                line = TokenLine(path, number, content, fields, comment)
                yield from self._included(line, depth) if is_include(fields, self._version) else (line,)

    def _expand(self, fields: tuple[Field, ...], path: str, depth: int) -> tuple[Field, ...]:
        """The fields with @files replaced; a field that becomes empty vanishes."""
        if not any(is_file(token) for field in fields for token in field):
            return fields
        expanded = (self._expand_field(field, path, depth) for field in fields)
        return tuple(field for field in expanded if field)

    def _expand_field(self, field: Field, path: str, depth: int) -> Field:
        tokens: list[Token] = []
        for token in field:
            if not is_file(token):
                tokens.append(token)
                continue
            try:
                lines = self._open(absolute_path(token.text[1:], path), depth + 1) or []
            except ConfigError as error:
                raise ConfigError(f'"{token.text}": {error.problem}', column=token.column) from error
            for line in lines:
                if line.problem is not None:
                    where = f"line {line.number} of {line.file}"
                    raise ConfigError(f'"{token.text}": {where}: {line.problem}', column=token.column)
                tokens += [Token(one.text, one.quoted, token.column) for words in line.fields for one in words]
        return tuple(tokens)

    def _included(self, line: TokenLine, depth: int) -> Iterator[TokenLine]:
        """The lines that an include directive brings in, and the line itself where it cannot be followed."""
        word, name = line.fields[0][0].text, line.fields[1][0].text
        try:
            names = self._names(name, line.file) if word == "include_dir" else [absolute_path(name, line.file)]
        except ConfigError as error:
            yield TokenLine(line.file, line.number, line.text, line.fields, None, error.problem)
            return
        problem = None
        for path in names:
            try:
                lines = self._open(path, depth + 1, missing_is_fine=word == "include_if_exists")
            except ConfigError as error:
                problem = problem or error.problem
                continue
            yield from lines or []
        if problem is not None:
            yield TokenLine(line.file, line.number, line.text, line.fields, None, problem, line.fields[1][0].column)

    def _names(self, name: str, including: str) -> list[str]:
        if not name.strip(" \t\r\n"):
            raise ConfigError("include_dir names no directory; write its name after the word")
        directory = absolute_path(name, including)
        found = self._files.list_directory(directory)
        if found is None:
            raise ConfigError(f"the directory {directory} cannot be opened; correct its name or create it")
        return [posixpath.join(directory, one) for one in configuration_files(found)]

    def _open(self, path: str, depth: int, missing_is_fine: bool = False) -> list[TokenLine] | None:
        """The lines of another file, None when it is missing and may be; ConfigError when it cannot be had."""
        self._check_nesting(path, depth)
        try:
            text = self._files.read(path)
        except DirectoryError:
            if self._version < CONTINUATION_SINCE:
                raise
            return []
        if text is None:
            if missing_is_fine:
                return None
            raise ConfigError(f"the file {path} does not exist; create it or correct its name")
        self._chain.append(path)
        try:
            return list(self.lines(text, path, depth))
        finally:
            self._chain.pop()

    def _check_nesting(self, path: str, depth: int) -> None:
        self._opened += 1
        inside_itself = path in self._chain
        if self._version < INCLUDE_SINCE:
            if inside_itself:
                raise ConfigError(
                    f"the file {path} is read inside itself, which crashes PostgreSQL {self._version}; break the cycle"
                )
            if len(self._chain) > _DEEPEST_WITHOUT_LIMIT:
                raise ConfigError(
                    f"the file {path} is nested more than {_DEEPEST_WITHOUT_LIMIT} files deep; shorten the chain"
                )
        elif depth > DEEPEST or (inside_itself and self._opened > _PATIENCE):
            raise ConfigError(f"the file {path} is nested more than {DEEPEST} files deep; break the cycle or the chain")
        if self._opened > _MOST_FILES:
            raise ConfigError(f"more than {_MOST_FILES} files are included; include each of them once")


def is_include(fields: Sequence[Field], version: int) -> bool:
    """Whether the line is an include directive: exactly two fields, since 16."""
    return version >= INCLUDE_SINCE and len(fields) == 2 and fields[0][0].text in INCLUDE_WORDS


def _logical_lines(text: str, version: int) -> Iterator[tuple[int, str, str | None]]:
    """(number, joined content, problem) as the server counts."""
    number = 1
    for raw, content in split_lines(text, version):
        if version < LONG_LINES_SINCE and len(raw) > _LONGEST_LINE // 4:
            rest = raw.encode("utf-8", "surrogateescape")
            while len(rest) >= _LONGEST_LINE:
                yield number, content, f"the line is too long for PostgreSQL {version}; use shorter lines"
                rest, number = rest[_LONGEST_LINE:], number + 1
            content = rest.decode("utf-8", "surrogateescape").rstrip("\r\n")
            raw = raw if rest else ""
        if raw:
            yield number, content, None
            number += _lines_counted(raw, version)


def _lines_counted(raw: str, version: int) -> int:
    """How many lines the server counts; from 14 on it does not see a line end after a NUL."""
    if version < CONTINUATION_SINCE or "\0" not in raw:
        return raw.count("\n") or 1
    return sum("\0" not in line for line in raw.split("\n")[:-1]) or 1
