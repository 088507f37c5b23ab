# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a transaction: which files of a server are remembered, where, and how the server was before.

It lies in the data directory, whose owner may write it. So root obeys it only where that owner could have done the same
himself, or where the task names the file: see may_obey. It holds no content of any file.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .clusters import Cluster
from .errors import ModuleError
from .files import FileAttributes, Wanted, write_files
from .folder import Identity, look_at

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

JOURNAL_NAME = "pgtls-transaction.json"
_FORMAT = 1


@dataclass(frozen=True)
class Remembered:
    """A covered file as it was at the begin.

    path: as the task names it. target: the same without symbolic links. existed: False when there was no such file.
    linked: its remembered content is a hard link, not a copy; size and written (mtime in ns) tell whether somebody wrote
    through the link since. made: the remembered content is complete; until then nothing was changed.
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

    @property
    def identity(self) -> Identity:
        """Owner, group and mode at the begin."""
        return Identity(self.uid, self.gid, self.mode)


@dataclass(frozen=True)
class Base:
    """The server at the begin: what it served and used, digests of what it complained about, where its output went."""

    running: bool = False
    served_fingerprint: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()
    output: str | None = None


@dataclass(frozen=True)
class Journal:
    """A transaction; closed says that only its remembered files are left to be removed. begun_at: seconds since 1970."""

    run_id: str
    begun_at: float
    base: Base = Base()
    files: tuple[Remembered, ...] = ()
    closed: bool = False

    def replacing(self, files: list[Remembered]) -> Journal:
        """The same transaction with these files."""
        return replace(self, files=tuple(files))


def journal_path(cluster: Cluster) -> str:
    """Return where the journal of a cluster lies."""
    return os.path.join(os.path.realpath(cluster.data_directory), JOURNAL_NAME)


def beside(target: str, cluster: Cluster) -> str:
    """Return the path of the remembered content of a file: hidden, in its directory, one for each cluster.

    It is not read from the journal, so that nobody can make root remove or read another file.
    """
    directory, name = os.path.split(target)
    mark = sha256(os.path.realpath(cluster.data_directory).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return os.path.join(directory, f".{name}.pgtls-before-{mark}")


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
        files = tuple(Remembered(**one) for one in fields.pop("files"))
        if not all(os.path.isabs(one.target) and os.path.normpath(one.target) == one.target for one in files):
            raise ValueError("a path that is not absolute")
        return Journal(**fields, base=Base(**{**base, "complaints": tuple(base["complaints"])}), files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModuleError(
            f"the journal {path} cannot be understood; compare the server's files with the hidden files "
            "*.pgtls-before-* beside them, mend them by hand, then remove both"
        ) from error


def read_journal(cluster: Cluster) -> Journal | None:
    """Return the journal of a cluster, None when no transaction is open.

    :raises ModuleError: when it belongs to somebody who is neither the cluster's owner nor root, or is no journal.
    """
    path = journal_path(cluster)
    found = look_at(path)
    if found is None:
        return None
    if found.identity.uid not in (0, os.geteuid(), _owner_of(os.path.dirname(path))):
        raise ModuleError(
            f"the journal {path} belongs to uid {found.identity.uid} and not to the owner of the cluster; "
            "find out who put it there, then remove it"
        )
    return parse_journal(found.content, path)


def write_journal(module: AnsibleModule, cluster: Cluster, journal: Journal | None) -> None:
    """Put the journal in its place in one step, readable by the cluster's owner alone; None removes it.

    The owner is that of the cluster, because a file that the server may not read would break pg_basebackup.
    """
    content = None if journal is None else render_journal(journal)
    status = os.stat(cluster.data_directory)
    attributes = FileAttributes(str(status.st_uid), str(status.st_gid), 0o600)
    write_files(module, [Wanted(journal_path(cluster), content, attributes, secret=True)])


def may_obey(cluster: Cluster, remembered: Remembered, named: list[str]) -> bool:
    """Return whether the journal may decide about a file: its directory is the cluster owner's, or the task names it."""
    if os.geteuid() != 0 or remembered.target in named:
        return True
    return _owner_of(os.path.dirname(remembered.target)) == _owner_of(os.path.dirname(journal_path(cluster)))


def last_sign_of_life(cluster: Cluster, journal: Journal, now: float) -> float:
    """Return when the journal or a covered file changed last, in seconds since 1970; 0 when all that lies ahead of now.

    Only the kernel sets these times, and only a clock that was set back makes them lie ahead.
    """
    moments = [0.0, journal.begun_at]
    for path in (journal_path(cluster), *(one.target for one in journal.files)):
        with suppress(OSError):
            moments.append(os.lstat(path).st_ctime)
    return max(moment for moment in moments if moment <= now)


def show_sign_of_life(cluster: Cluster) -> None:
    """Let other runs see that the run of an open transaction is still at work."""
    with suppress(OSError):
        os.utime(journal_path(cluster), follow_symlinks=False)


def _owner_of(directory: str) -> int:
    try:
        return os.stat(directory).st_uid
    except OSError:
        return -1
