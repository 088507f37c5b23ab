# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around a configuration file: the files it may include, and the server that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from .errors import ConfigError
from .setting_kind import Kind


class DirectoryError(ConfigError):
    """What was to be read as a file is a directory; the server opens it, and finds nothing in it."""


def no_file(path: str) -> str | None:
    """A reader for whom every file is missing."""
    return None


def no_directory(path: str) -> Sequence[str] | None:
    """A reader for whom every directory is missing."""
    return None


@dataclass(frozen=True)
class Files:
    """The file itself and how others are reached from it.

    ``path`` is the main file's own path; relative names are relative to the directory of the file that holds them.
    ``read`` gives the text of a file (utf-8 with surrogateescape), None when it is missing, and raises ConfigError when
    it is there but cannot be read (DirectoryError for a directory). ``list_directory`` gives the names of everything in
    a directory that is not a directory itself, None when there is no such directory.
    """

    path: str = ""
    read: Callable[[str], str | None] = no_file
    list_directory: Callable[[str], Sequence[str] | None] = no_directory


@dataclass(frozen=True)
class Build:
    """What a server was built with, and the few settings that count while it reads its files.

    The default is a build as distributions ship it, with TLS turned on. ``oauth_validators`` are the members of the
    setting oauth_validator_libraries, None when unknown (then no rule is refused for their sake). ``settings`` is the
    server's own table of settings by lower-case name, None for the built-in table of its version.
    ``resolvable`` are the names of RADIUS servers that the resolver knows, None when every name shall count as known.
    """

    ssl: bool = True
    ssl_on: bool = True
    gss: bool = True
    ldap: bool = True
    pam: bool = True
    oauth_validators: tuple[str, ...] | None = None
    settings: Mapping[str, Kind] | None = None
    resolvable: frozenset[str] | None = None


DISTRIBUTION_BUILD = Build()
