# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of Patroni, which writes their configuration files anew whenever it restarts or reloads them.

It keeps its dynamic configuration in the data directory, and starts the files that it writes with two comments.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import ModuleError
from ..files.reading import open_regular

PATRONI = "patroni"
_DYNAMIC_CONFIGURATION = "patroni.dynamic.json"
_HEADER = b"# It will be overwritten by Patroni!"
_HEAD_BYTES = 4096
_PLACES = {
    "config_file": "postgresql.parameters",
    "hba_file": "postgresql.pg_hba",
    "ident_file": "postgresql.pg_ident",
}


def sign_of_patroni(data_directory: str, files: Iterable[str]) -> str | None:
    """Return what shows that Patroni writes the files of a cluster, as the end of a sentence; None when nothing does."""
    dynamic = os.path.join(data_directory, _DYNAMIC_CONFIGURATION)
    if os.path.lexists(dynamic):
        return f"there is a file {dynamic}, which you may remove where Patroni is gone"
    written = next((path for path in files if _has_header(path)), None)
    return None if written is None else f'{written} starts with "{_HEADER.decode()}"'


def refuse_patroni(path: str, setting: str | None, sign: str | None) -> None:
    """Refuse to edit a file that Patroni will overwrite.

    setting: the setting of the server that names such a file. sign: what sign_of_patroni returned.

    :raises ModuleError: when there is a sign.
    """
    if sign is not None:
        place = _PLACES.get(setting or "")
        below = f", below {place}" if place else ""
        raise ModuleError(
            f"{path} belongs to Patroni ({sign}), which would overwrite what is written here; nothing was written, make "
            f"the change with patronictl edit-config or in Patroni's own configuration{below}, because Patroni is not supported "
            "yet"
        )


def sign_beside(path: str) -> str | None:
    """Return the same for a file to edit of which no more is known than where it lies."""
    directory = os.path.dirname(os.path.abspath(path))
    return sign_of_patroni(directory, (path, os.path.join(directory, "postgresql.conf")))


def _has_header(path: str) -> bool:
    try:
        with open_regular(path) as handle:
            head = os.read(handle, _HEAD_BYTES)
    except (OSError, ModuleError):
        return False
    lines = [line.strip() for line in head.splitlines()]
    comments = next((index for index, line in enumerate(lines) if line and not line.startswith(b"#")), len(lines))
    return _HEADER in lines[:comments]
