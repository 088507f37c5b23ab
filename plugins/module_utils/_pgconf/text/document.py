# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file as lines that keep every byte: line ends, continuation, comments, a missing last newline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Callable, Generic, TypeVar

from ..errors import ConfigError
from ..vocabulary import CONTINUATION_SINCE, NEWEST_VERSION, OLDEST_VERSION

Entry = TypeVar("Entry")

_MARKER = re.compile(r"# (BEGIN|END) pgtls (\S.*)\Z")


@dataclass(frozen=True)
class Line(Generic[Entry]):
    """A logical line: ``raw`` holds all its physical lines with their line ends; entry is None for blank and comment."""

    raw: str
    entry: Entry | None = None


@dataclass(frozen=True)
class Block:
    """The place of an owned block: indexes of its two marker lines."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True)
class Document(Generic[Entry]):
    """The whole file, parsed for one major version of the server."""

    version: int
    lines: tuple[Line[Entry], ...]
    continues: bool = True  # whether a backslash joins lines in this kind of file (14 and newer)

    def render(self) -> str:
        """The text, byte for byte where nothing was changed."""
        return "".join(line.raw for line in self.lines)

    def numbered(self) -> Iterator[tuple[int, Line[Entry]]]:
        """Lines with the number of their first physical line, from 1."""
        number = 1
        for line in self.lines:
            yield number, line
            number += line.raw.count("\n")

    def entries(self) -> list[tuple[int, Entry]]:
        """(index into ``lines``, entry) of the lines that hold one."""
        return [(index, line.entry) for index, line in enumerate(self.lines) if line.entry is not None]

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The owned blocks by name; ConfigError when their markers are broken."""
        return find_blocks(self)

    @property
    def newline(self) -> str:
        """The line end that new lines get: that of the first line."""
        return "\r\n" if self.lines and self.lines[0].raw.endswith("\r\n") else "\n"

    def with_lines(self, lines: Sequence[Line[Entry]]) -> Document[Entry]:
        """The same document with other lines; itself when they are the same. Open last lines are closed on the way.

        :raises ConfigError: for one that nothing can follow without changing it.
        """
        if len(lines) == len(self.lines) and all(new is old for new, old in zip(lines, self.lines)):
            return self
        closed = [self._closed(line) for line in lines[:-1]] + list(lines[-1:])
        return Document(self.version, tuple(closed), self.continues)

    def _closed(self, line: Line[Entry]) -> Line[Entry]:
        """The line with as many line ends as it takes to keep the next line out of it."""
        raw = line.raw
        version = self.version if self.continues else 0
        while raw and len(split_lines(raw + "#\n", version)) == 1:
            raw += self.newline
        if raw == line.raw:
            return line
        if split_lines(raw, version)[0][1] != split_lines(line.raw, version)[0][1]:
            # the server strips the carriage return before the backslash together with the line end that follows
            number = next((number for number, one in self.numbered() if one is line), None)
            raise ConfigError(
                "no line can follow a carriage return and a backslash without changing what they end; remove both",
                number,
                line.raw,
            )
        return Line(raw, line.entry)


def check_version(version: int) -> None:
    """Raise ConfigError for a major version that this package does not know."""
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise ConfigError(
            f"server_version {version} is not supported; give a major version from {OLDEST_VERSION} to {NEWEST_VERSION}"
        )


def split_physical(text: str) -> list[str]:
    """Physical lines with their ends; only a line feed ends a line."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def parse_document(text: str, version: int, parse_line: Callable[[str, int], Entry | None]) -> Document[Entry]:
    """A hba or ident file as a lossless document; parse_line says what a logical line (without its end) is."""
    check_version(version)
    return Document(version, tuple(Line(raw, parse_line(line, version)) for raw, line in split_lines(text, version)))


def split_lines(text: str, version: int) -> list[tuple[str, str]]:
    """(raw, joined content) of every logical line of a hba or ident file.

    From 14 on a backslash right before the line end joins the next line, inside quotes and comments too; the server
    strips all line ends of what it has joined so far, and a second backslash does not continue twice. A NUL ends what
    the server sees of a line, and from 14 on it hides the line end too.
    """
    if version < CONTINUATION_SINCE or ("\\" not in text and "\0" not in text):
        return [(line, line.split("\0", 1)[0].rstrip("\r\n")) for line in split_physical(text)]
    result: list[tuple[str, str]] = []
    raw = content = ""
    joined = 0
    for line in split_physical(text):
        raw += line
        seen = line.split("\0", 1)[0]
        content += seen
        if seen != line and line.endswith("\n"):
            continue
        content = content.rstrip("\r\n")
        if len(content) > joined and content.endswith("\\"):
            content = content[:-1]
            joined = len(content)
            continue
        result.append((raw, content))
        raw = content = ""
        joined = 0
    if raw:
        if len(content) > joined:  # after a backslash that ends the file nothing is stripped any more
            content = content.rstrip("\r\n")
            # the line end after this backslash was hidden by a NUL; the end of the file joins just as well
            content = content[:-1] if len(content) > joined and content.endswith("\\") else content
        result.append((raw, content))
    return result


def begin_marker(name: str) -> str:
    """The comment that opens the block."""
    return f"# BEGIN pgtls {name}"


def end_marker(name: str) -> str:
    """The comment that closes the block."""
    return f"# END pgtls {name}"


def check_block_name(name: str) -> None:
    """Raise ConfigError for a name that could not be found again."""
    if not _MARKER.match(begin_marker(name)) or name != name.strip() or re.search(r"[\r\n\0]|\\\Z", name):
        raise ConfigError(f"block {name!r} is not a usable name; write one line of text without blanks at its ends")


def find_blocks(document: Document[Entry]) -> dict[str, Block]:
    """All owned blocks by name; broken, nested or doubled markers raise ConfigError with their line."""
    blocks: dict[str, Block] = {}
    opened: tuple[str, int, int] | None = None
    for index, (number, line) in enumerate(document.numbered()):
        found = _MARKER.match(line.raw.rstrip("\r\n")) if line.raw.startswith("# ") else None
        if found is None:
            continue
        word, name = found.groups()
        if word == "BEGIN":
            if opened is not None:
                raise _broken(f'block "{name}" starts inside block "{opened[0]}"', number, line.raw)
            opened = (name, index, number)
        elif opened is None or opened[0] != name:
            raise _broken(f'block "{name}" ends here but does not start before', number, line.raw)
        elif name in blocks:
            raise _broken(f'block "{name}" is in the file a second time', opened[2], line.raw)
        else:
            blocks[name] = Block(name, opened[1], index)
            opened = None
    if opened is not None:
        raise _broken(f'block "{opened[0]}" starts here but never ends', opened[2], begin_marker(opened[0]))
    return blocks


def _broken(problem: str, number: int, raw: str) -> ConfigError:
    return ConfigError(problem + "; repair or remove the marker comments by hand", number, raw)


def place_before(document: Document[Entry], index: int) -> int:
    """Where to insert so as to stand before line ``index``: above its own comment and outside anybody's block."""
    for block in document.blocks.values():
        if block.begin < index <= block.end:
            index = block.begin
    while index > 0 and is_comment(document.lines[index - 1]):
        index -= 1
    return index


def place_after(document: Document[Entry], index: int) -> int:
    """Where to insert so as to stand after line ``index``, outside anybody's block."""
    for block in document.blocks.values():
        if block.begin <= index < block.end:
            index = block.end
    return index + 1


def is_comment(line: Line[Entry]) -> bool:
    """Whether the line is a comment that may belong to the line below it (a block marker belongs to its block)."""
    return line.entry is None and line.raw.lstrip(" \t").startswith("#") and not _MARKER.match(line.raw.rstrip("\r\n"))
