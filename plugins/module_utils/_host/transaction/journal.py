# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a transaction: which files of a server are remembered, where, and how the server was before.

Root obeys it, so root's own journal lies where root alone can write (see state_directory.py). What it remembers lies beside the
files, in directories of others: the journal tells by digest and inode whether that is still what a run put there.
It holds no content of any file.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from ..errors import ModuleError
from ..files.directory import Ownership, look_at
from ..files.state_directory import check_state_directory, make_state_directory, state_directory
from ..files.writer import DesiredFile, FileAttributes, Writer, write_files
from ..server.clusters import Cluster

JOURNAL_NAME = "pgtls-transaction.json"
_FORMAT = 2


@dataclass(frozen=True)
class SavedFile:
    """A covered file as it was at the start.

    path: as the task names it. target: the same without symbolic links. existed: False when there was no such file.
    linked: its remembered content is a hard link, not a copy; device and inode tell whether it still is that link, size
    and written (mtime in ns) whether somebody wrote through it since. digest: SHA-256 of a copy.
    made: the remembered content is complete; until then nothing was changed.
    """

    path: str
    target: str
    made: bool = False
    existed: bool = False
    linked: bool = False
    uid: int = 0
    gid: int = 0
    mode: int = 0
    size: int = 0
    written: int = 0
    device: int = 0
    inode: int = 0
    digest: str = ""

    @property
    def identity(self) -> Ownership:
        """Owner, group and mode at the start, never with set-id bits."""
        return Ownership(self.uid, self.gid, self.mode & 0o777)


@dataclass(frozen=True)
class ServerBefore:
    """The server at the start: what it served and used, digests of what it complained about, where its output went.

    waiting: what it used of the settings that waited for a restart. waiting_defaults: the same of those that nothing gave a value.
    """

    running: bool = False
    served_fingerprint: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()
    output: str | None = None
    waiting: dict[str, str] = field(default_factory=dict)
    waiting_defaults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Journal:
    """A transaction; closed says that only its remembered files are left to be removed. begun_at: seconds since 1970."""

    begun_at: float
    base: ServerBefore = ServerBefore()
    files: tuple[SavedFile, ...] = ()
    closed: bool = False

    def replacing(self, files: list[SavedFile]) -> Journal:
        """The same transaction with these files."""
        return replace(self, files=tuple(files))


@dataclass(frozen=True)
class UndoOptions:
    """may_restart: the server may be restarted for settings that wait for it, or when it lets nobody in any more."""

    may_restart: bool
    timeout_seconds: int


def journal_path(cluster: Cluster) -> str:
    """Return where the journal of a cluster lies."""
    return os.path.join(state_directory(cluster.data_directory), JOURNAL_NAME)


def ignored_journal(cluster: Cluster) -> str | None:
    """Return the path of a journal that root does not believe, because the data directory's owner could have put it there."""
    path = os.path.join(os.path.realpath(cluster.data_directory), JOURNAL_NAME)
    return path if os.geteuid() == 0 and os.path.lexists(path) else None


def beside(target: str, cluster: Cluster) -> str:
    """Return the path of the remembered content of a file: hidden, in its directory, one for each cluster.

    It is not read from the journal, so that nobody can make root remove or read another file.
    """
    directory, name = os.path.split(target)
    mark = sha256(os.path.realpath(cluster.data_directory).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return os.path.join(directory, f".{name}.pgtls-before-{mark}")


def content_digest(content: bytes) -> str:
    """Return what the remembered copy of a file is recognised by."""
    return sha256(content).hexdigest()


def digest(complaint: str) -> str:
    """Return what a complaint of the server is recognised by; its words may quote a file."""
    return sha256(complaint.encode("utf-8", "surrogateescape")).hexdigest()


def render_journal(journal: Journal) -> bytes:
    """Return a journal as the bytes of its file."""
    return (json.dumps({"format": _FORMAT, **asdict(journal)}, indent=1, sort_keys=True) + "\n").encode()


def parse_journal(content: bytes, path: str) -> Journal:
    """Read the bytes of a journal.

    :raises ModuleError: when they are no journal of this format.
    """
    try:
        fields: dict[str, Any] = json.loads(content)
        if fields.pop("format") != _FORMAT:
            raise ValueError("another format")
        base = fields.pop("base")
        files = tuple(SavedFile(**one) for one in fields.pop("files"))
        if not all(os.path.isabs(one.target) and os.path.normpath(one.target) == one.target for one in files):
            raise ValueError("a path that is not absolute")
        return Journal(**fields, base=ServerBefore(**{**base, "complaints": tuple(base["complaints"])}), files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModuleError(
            f"the journal {path} cannot be understood; compare the server's files with the hidden files "
            "*.pgtls-before-* beside them, fix them by hand, then remove both"
        ) from error


def read_journal(cluster: Cluster) -> Journal | None:
    """Return the journal of a cluster, None when no transaction is open.

    :raises ModuleError: when it, or its directory, belongs to somebody else, or it is not a journal.
    """
    path = journal_path(cluster)
    found = look_at(path) if check_state_directory(os.path.dirname(path)) else None
    if found is None:
        return None
    if found.identity.uid not in (0, os.geteuid()):
        raise ModuleError(
            f"the journal {path} belongs to uid {found.identity.uid}, so it is not trusted; "
            "find out who put it there, then remove it"
        )
    return parse_journal(found.content, path)


def write_journal(writer: Writer, cluster: Cluster, journal: Journal | None) -> None:
    """Put the journal in its place in one step, readable by its owner alone; None removes it."""
    content = None if journal is None else render_journal(journal)
    path = journal_path(cluster)
    if content is not None and not writer.check_mode:
        make_state_directory(os.path.dirname(path))
    write_files(writer, [DesiredFile(path, content, FileAttributes(mode=0o600), secret=True)])
