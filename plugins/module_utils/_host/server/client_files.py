# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a client, given to libpq as files that are open already: it would wait for a pipe, and follow any link.

Whoever owns them may put there what he likes at any time, so libpq is never told their own names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import ModuleError
from ..files.reading import open_directory, open_regular, read_bytes

_FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
_DIRECTORY = "sslcrldir"
CLIENT_FILES = (*_FILES, _DIRECTORY)
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.r\d+")


@dataclass(frozen=True)
class OpenedFiles:
    """A conninfo that names the open files; names: what they are really called."""

    conninfo: dict[str, str]
    names: Mapping[str, str]

    def in_words(self, text: str) -> str:
        """The words of libpq with the real names."""
        for opened, name in self.names.items():
            text = name.join(re.split(re.escape(opened) + r"(?!\d)", text))
        return text


@contextmanager
def opened_files(conninfo: Mapping[str, str]) -> Iterator[OpenedFiles]:
    """Open the files that a conninfo names, for as long as libpq may read them.

    :raises ModuleError: when one cannot be opened, or is no regular file.
    """
    names: dict[str, str] = {}
    with ExitStack() as stack:
        for word in CLIENT_FILES:
            path = conninfo.get(word, "")
            if path.startswith(("/", ".")) and os.path.exists(path):
                open_one = _copied if word == _DIRECTORY else _opened
                names[word] = stack.enter_context(open_one(word, path))
        real = {opened: conninfo[word] for word, opened in names.items()}
        yield OpenedFiles({**conninfo, **names}, real)


@contextmanager
def _opened(word: str, path: str) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(open_regular(path))
        except OSError as error:
            raise _unreadable(word, path, error) from error
        yield f"/proc/self/fd/{handle}"


@contextmanager
def _copied(word: str, path: str) -> Iterator[str]:
    """A directory of root's own with the same CRLs: OpenSSL opens those by name that it comes to need."""
    with TemporaryDirectory(prefix="pgtls-crls-") as copy:
        try:
            with open_directory(path) as handle:
                hashed = [name for name in os.listdir(handle) if _HASHED_NAME.fullmatch(name)]
        except OSError as error:
            raise _unreadable(word, path, error) from error
        for name in hashed:
            Path(copy, name).write_bytes(read_bytes(os.path.join(path, name)) or b"")
        yield copy


def _unreadable(word: str, path: str, error: OSError) -> ModuleError:
    return ModuleError(f"client file {path} of {word} cannot be read ({error.strerror}); check its owner and mode")
