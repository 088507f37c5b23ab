# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql.conf as the server reads it: included files followed, postgresql.auto.conf last.

It follows ParseConfigFile() and ParseConfigFp() of the server's guc-file.l.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..environment import DirectoryError, Files
from ..errors import ConfigError
from ..setting_kind import Kind
from ..text.document import check_version, split_physical
from ..text.records import Broken
from ..text.token_lines import DEEPEST, absolute_path, configuration_files
from .builtin_table import known_settings
from .postgresql_conf import Assignment, Directive, parse_conf_line
from .values import canonical_name, same_value

_MOST_FILES = 10_000
_PATIENCE = 1_000


@dataclass(frozen=True)
class ConfLine:
    """A line that assigns a value, or one for which the server rejects the files."""

    file: str
    number: int
    text: str
    entry: Assignment | Broken


def read_conf(text: str, version: int, files: Files, auto_conf: str | None = None) -> list[ConfLine]:
    """The assignments and broken lines of a file and of all that it includes, in reading order.

    A directive that cannot be followed is a broken line.
    """
    check_version(version)
    reader = _SettingsReader(files)
    lines = list(reader.lines(text, files.path, 0))
    if auto_conf is not None:
        last = files.read(auto_conf)
        lines += reader.lines(last or "", auto_conf, 0)
    return lines


def describe_overrides(
    wanted: Mapping[str, str | None],
    lines: Sequence[ConfLine],
    version: int,
    is_own: Callable[[str], bool],
    kinds: Mapping[str, Kind] | None = None,
) -> list[dict[str, Any]]:
    """Wanted settings (None: not set) to which another file gives another value in the end.

    ``lines`` are all that the server reads, with the wish fulfilled; ``is_own`` tells the file that was edited.
    """
    found = {
        canonical_name(line.entry.name, version): (line, line.entry.value)
        for line in lines
        if isinstance(line.entry, Assignment)
    }
    table = kinds or known_settings(version)
    result = []
    for name, value in wanted.items():
        canonical = canonical_name(name, version)
        if canonical not in found or is_own(found[canonical][0].file):
            continue
        line, other = found[canonical]
        if value is None or not same_value(canonical, value, other, table.get(canonical)):
            result.append({"name": name, "value": other, "path": line.file, "line": line.number})
    return result


class _SettingsReader:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._chain = [files.path]
        self._opened = 0

    def lines(self, text: str, path: str, depth: int) -> Iterator[ConfLine]:
        for number, raw in enumerate(split_physical(text), 1):
            entry = parse_conf_line(raw)
            content = raw.rstrip("\r\n")
            if isinstance(entry, Directive):
                try:
                    for included in self._paths(entry, path):
                        yield from self._open(included, depth + 1, entry.word == "include_if_exists")
                except ConfigError as error:
                    yield ConfLine(path, number, content, Broken(error.problem))
            elif isinstance(entry, (Assignment, Broken)):
                yield ConfLine(path, number, content, entry)

    def _paths(self, directive: Directive, including: str) -> list[str]:
        if not directive.value.strip(" \t\r\n"):
            raise ConfigError(f"{directive.word} names nothing; write the name of a file or directory after it")
        path = absolute_path(directive.value, including)
        if directive.word != "include_dir":
            return [path]
        names = self._files.list_directory(path)
        if names is None:
            raise ConfigError(f"the directory {path} cannot be opened; correct its name or create it")
        return [posixpath.join(path, name) for name in configuration_files(names)]

    def _open(self, path: str, depth: int, missing_is_fine: bool) -> list[ConfLine]:
        self._opened += 1
        if depth > DEEPEST or (path in self._chain and self._opened > _PATIENCE):
            raise ConfigError(f"the file {path} is nested more than {DEEPEST} files deep; break the cycle or the chain")
        if path == self._chain[-1]:
            raise ConfigError(f"the file {path} includes itself; remove the directive")
        if self._opened > _MOST_FILES:
            raise ConfigError(f"more than {_MOST_FILES} files are included; include each of them once")
        try:
            text = self._files.read(path)
        except DirectoryError as error:
            raise ConfigError(f"{path} is a directory; use include_dir for it") from error
        if text is None:
            if missing_is_fine:
                return []
            raise ConfigError(f"the file {path} does not exist; create it or correct its name")
        self._chain.append(path)
        try:
            return list(self.lines(text, path, depth))
        finally:
            self._chain.pop()
