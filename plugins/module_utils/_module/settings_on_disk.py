# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings that a server would read from its files now: postgresql.conf, what it includes, postgresql.auto.conf.

The last assignment in reading order wins (manual, section 20.1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .._pgconf.conf import Assignment, parse_conf_line
from .._pgconf.entries import Opaque
from .postmasters import below, read_lines

_DEPTH = 10
_DIRECTIVE = re.compile(r"\s*(include(?:_if_exists|_dir)?)\b(.*)", re.IGNORECASE | re.DOTALL)


def read_settings(config_file: str, data_directory: str | None, root: str = "/") -> dict[str, str]:
    """Return value by lower-case name; what cannot be read or parsed is left out, the server will complain about it."""
    settings = dict(_assignments(config_file, root, 0))
    if data_directory is not None:
        settings.update(_assignments(os.path.join(data_directory, "postgresql.auto.conf"), root, 0))
    return settings


def _assignments(path: str, root: str, depth: int) -> Iterator[tuple[str, str]]:
    for line in read_lines(below(root, path)) if depth <= _DEPTH else []:
        entry = parse_conf_line(line)
        if isinstance(entry, Assignment):
            yield entry.name.lower(), entry.value
        elif isinstance(entry, Opaque):
            for included in _included_files(line, path, root):
                yield from _assignments(included, root, depth + 1)


def _included_files(line: str, path: str, root: str) -> list[str]:
    """The files that an include directive names, in the order in which the server reads them."""
    directive = _DIRECTIVE.match(line)
    # The value of a directive is quoted like that of any setting.
    named = parse_conf_line("included" + directive.group(2)) if directive else None
    if directive is None or not isinstance(named, Assignment):
        return []
    place = os.path.join(os.path.dirname(path), named.value)
    if directive.group(1).lower() != "include_dir":
        return [place]
    return [os.path.join(place, name) for name in _configuration_files(below(root, place))]


def _configuration_files(directory: str) -> list[str]:
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(".conf") and len(name) > 5 and not name.startswith("."))
