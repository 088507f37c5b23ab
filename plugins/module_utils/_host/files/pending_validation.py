# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new file that its server has not judged yet: the old one stays beside it, so that a killed run can be undone.

The copy is named after the file and the new content: ``pg_hba.conf.pgtls-before-<digest>``, or ``-none-`` when there
was no file. It is undone only while the file still has that content, so that nobody's later edit is lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from .directory import Directory, locked_directory
from .links import safe_target
from .writer import DesiredFile, FileAttributes, Writer, write_files


@contextmanager
def until_judged(writer: Writer, previous: DesiredFile, candidate: bytes) -> Iterator[None]:
    """Keep a copy of the old file while the new one is written and judged (and, when refused, taken back)."""
    directory, name = os.path.split(safe_target(previous.path))
    kind = "none" if previous.content is None else "before"
    copy = os.path.join(directory, f"{name}.pgtls-{kind}-{_digest(candidate)}")
    attributes = FileAttributes(mode=0o600) if previous.content is None else previous.attributes
    write_files(writer, [DesiredFile(copy, previous.content or b"", attributes)])
    yield
    write_files(writer, [DesiredFile(copy, None)])


def undo_killed(writer: Writer, path: str) -> None:
    """Put a file back that a killed run had replaced and nobody judged; to be called by the only writer."""
    directory, name = os.path.split(safe_target(path))
    if writer.check_mode or not os.path.isdir(directory):
        return
    pattern = re.compile(re.escape(name) + r"\.pgtls-(before|none)-([0-9a-f]{16})")
    with locked_directory(directory) as folder:
        for match in filter(None, map(pattern.fullmatch, os.listdir(folder.handle) if folder.alone else ())):
            if _undo(folder, name, match):
                writer.warn(f"an earlier run ended before {path} was judged; it was restored as it was before that")


def _undo(folder: Directory, name: str, match: re.Match[str]) -> bool:
    copy, kind, digest = match.group(0, 1, 2)
    found = folder.look(name)
    unjudged = found is not None and _digest(found.content) == digest
    if unjudged and kind == "before":
        folder.move(copy, name)
        return True
    if unjudged:
        folder.remove(name)
    folder.remove(copy)
    return unjudged


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]
