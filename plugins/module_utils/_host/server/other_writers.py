# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The marks of other tools that write configuration files as a whole, Patroni's aside.

Where a tool runs by itself, an edit is gone a moment later, so it is refused. A template of another play is written when somebody
runs that play, so an edit of its file is only told.
"""

from __future__ import annotations

import os
import re

from ..errors import ModuleError
from ..files.reading import open_regular

CLOUDNATIVE_PG = "cloudnative-pg"
_HEAD_BYTES = 4096
_AGENT = re.compile(r"\b(?:managed|generated\b.*) by (Puppet|Chef|Salt|SaltStack|CFEngine)\b", re.IGNORECASE)
_TEMPLATE = re.compile(r"\bansible[ _-]managed\b|\bmanaged by ansible\b", re.IGNORECASE)
# The operator adds this comment, and an include line, at the end of the file that initdb wrote.
_CLOUDNATIVE_PG = re.compile(rb"^# load CloudNativePG \S+", re.MULTILINE)


def sign_of_operator(config_file: str) -> str | None:
    """Return what shows that CloudNativePG writes the files of a cluster, as the end of a sentence; None when nothing does."""
    if not _CLOUDNATIVE_PG.search(_read(config_file, None)):
        return None
    return f"{config_file} loads its files"


def refuse_overwritten(path: str) -> None:
    """Refuse to edit a file that another tool writes by itself.

    :raises ModuleError: that names the tool, its mark and the way out.
    """
    sign = sign_of_operator(path) or sign_of_operator(
        os.path.join(os.path.dirname(os.path.abspath(path)), "postgresql.conf")
    )
    if sign is not None:
        raise ModuleError(
            f"{path} belongs to CloudNativePG ({sign}), which would overwrite what is written here; nothing was written, make "
            "the change in the section postgresql of the resource Cluster"
        )
    for line in _head(path):
        found = _AGENT.search(line)
        if found:
            raise ModuleError(
                f'{path} belongs to {found.group(1)} (it starts with "{line}"), which would overwrite what is written here; '
                f"nothing was written, make the change there, or remove that line where {found.group(1)} no longer writes the file"
            )


def note_of_template(path: str) -> str | None:
    """Return a warning about a file that a template of another play writes, None for any other."""
    line = next((line for line in _head(path) if _TEMPLATE.search(line)), None)
    if line is None:
        return None
    return (
        f'{path} starts with "{line}", so a play that templates it takes this change away when it runs again; make the change '
        "there, or let that play leave the file alone"
    )


def _head(path: str) -> list[str]:
    """The comments with which a file starts."""
    lines = _read(path, _HEAD_BYTES).decode("utf-8", "surrogateescape").splitlines()
    texts = [line.strip() for line in lines]
    end = next((index for index, line in enumerate(texts) if line and not line.startswith("#")), len(texts))
    return texts[:end]


def _read(path: str, most: int | None) -> bytes:
    """The first bytes of a file, or all of it; none where it cannot be read."""
    try:
        with open_regular(path) as handle:
            return os.read(handle, os.fstat(handle).st_size if most is None else most)
    except (OSError, ModuleError):
        return b""
