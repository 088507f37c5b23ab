# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a CA keeps its files; this file stores bytes and knows no X.509.

One file per certificate under ``issued/``, named by holder and random serial number: there is no index that
twenty hosts delegating at once could overwrite.

The directory of a CA is also the home of its successors (``generation-2/``, ``generation-3/``) and of the CAs below
each of them (``below/<name>/``); all have the same layout. ``rollover.json`` says which generation issues.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from stat import S_ISREG

from ..errors import ModuleError
from ..files.directory import wait_for_lock
from ..files.links import safe_target
from ..files.reading import read_bytes, walk_to
from ..files.required_directories import ensure_directories
from ..files.writer import DesiredFile, FileAttributes, Writer, Written
from .rollover_state import read_rollover

LOCK_TIMEOUT_SECONDS = 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class StoredAuthority:
    """The bytes of ca.key, ca.crt and chain.crt (ca.crt and the certificates above it); None where absent."""

    directory: str
    key: bytes | None
    certificate: bytes | None
    chain: bytes | None

    @property
    def is_empty(self) -> bool:
        """No CA has ever been made here."""
        return self.key is None and self.certificate is None


def key_path(directory: str) -> str:
    """The CA's private key."""
    return os.path.join(directory, "ca.key")


def certificate_path(directory: str) -> str:
    """The CA's own certificate."""
    return os.path.join(directory, "ca.crt")


def chain_path(directory: str) -> str:
    """The CA's own certificate and those of the CAs above it, the root last."""
    return os.path.join(directory, "chain.crt")


def issued_path(directory: str, name: str = "", serial: str = "") -> str:
    """The directory of issued certificates, or the file of one of them."""
    return os.path.join(directory, "issued", *([f"{name}.{serial}.crt"] if name else []))


def crl_path(directory: str) -> str:
    """The CA's CRL (PEM)."""
    return os.path.join(directory, "ca.crl")


def generation_directory(home: str, generation: int) -> str:
    """The directory of a CA's generation; the first one is its home."""
    return home if generation < 2 else os.path.join(home, f"generation-{generation}")


def intermediate_directory(directory: str, name: str) -> str:
    """The directory of the CA of that name below the one in ``directory``.

    :raises ModuleError: for a name that is not a plain file name.
    """
    if not _NAME.fullmatch(name):
        raise ModuleError(f"intermediate is {name!r}, but must be letters, digits, '.', '_' and '-', such as servers")
    return os.path.join(directory, "below", name)


def authority_directory(home: str, intermediate: str | None = None) -> str:
    """The directory of the CA that issues now, or of its intermediate of that name; it need not exist.

    :raises ModuleError: for a damaged rollover.json, and for an intermediate that is not a plain name.
    """
    directory = generation_directory(home, read_rollover(home).issuing)
    return directory if intermediate is None else intermediate_directory(directory, intermediate)


def trusted_directories(home: str) -> list[str]:
    """The directories of the CAs of this home that are trusted now, the issuing one first.

    :raises ModuleError: for a damaged rollover.json.
    """
    return [generation_directory(home, generation) for generation in read_rollover(home).trusted]


def all_authority_directories(home: str) -> list[str]:
    """Those of ``trusted_directories``, each followed by those of the finished CAs below it.

    :raises ModuleError: for a damaged rollover.json.
    """
    return [each for directory in trusted_directories(home) for each in with_those_below(directory)]


def with_those_below(directory: str) -> list[str]:
    """The directory of a CA, and those of the finished CAs below it."""
    return [directory, *_directories_below(directory)]


def _directories_below(directory: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(os.path.join(directory, "below")))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        below = os.path.join(directory, "below", name)
        if os.path.isfile(certificate_path(below)):
            yield below
            yield from _directories_below(below)


@contextmanager
def locked(home: str, check_mode: bool = False) -> Iterator[None]:
    """Let nobody else change the CA's state meanwhile; in check mode no lock file is made.

    A home that does not exist is not locked.

    :raises ModuleError: when somebody else holds the lock for longer than 60 seconds.
    """
    path = os.path.join(home, ".lock")
    if not os.path.isdir(home) or (check_mode and not os.path.exists(path)):
        yield
        return
    handle = _open_lock(safe_target(home), path)
    try:
        try:
            wait_for_lock(handle, LOCK_TIMEOUT_SECONDS)
        except BlockingIOError as error:
            raise ModuleError(
                f"another process has held {path} for {LOCK_TIMEOUT_SECONDS} seconds; wait until it has finished"
            ) from error
        yield
    finally:
        os.close(handle)


def _open_lock(home: str, path: str) -> int:
    """Open the lock file, which is given to whoever owns the CA, so that he can lock it too: an empty file without another name."""
    directory, name = walk_to(home, os.O_RDONLY | os.O_DIRECTORY), os.path.basename(path)
    try:
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory))
        seen = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            status, owner = os.fstat(seen), os.fstat(directory)
            if not S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_size:
                raise ModuleError(f"{path} is not the lock file of a CA, which is an empty file; remove it")
            handle = os.open(f"/proc/self/fd/{seen}", os.O_RDWR | os.O_CLOEXEC)
        finally:
            os.close(seen)
    finally:
        os.close(directory)
    if os.geteuid() == 0:
        os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle


def read_authority(directory: str) -> StoredAuthority:
    """Read what is there.

    :raises ModuleError: when a file exists but cannot be read.
    """
    paths = (key_path(directory), certificate_path(directory), chain_path(directory))
    return StoredAuthority(directory, *(read_bytes(path) for path in paths))


def completed(stored: StoredAuthority, key: bytes, certificate: bytes, chain: bytes) -> StoredAuthority:
    """What is stored stays; what is missing comes from the arguments."""
    return replace(
        stored,
        key=key if stored.key is None else stored.key,
        certificate=certificate if stored.certificate is None else stored.certificate,
        chain=chain if stored.certificate is None or stored.chain is None else stored.chain,
    )


def write_directories(
    writer: Writer, directory: str, attributes: FileAttributes, home: str | None = None
) -> list[Written]:
    """Make the CA's directory and its ``issued`` directory, 0700 from their first moment, and missing ones above them, 0755.

    :param home: where the CA's directory lies; it, and what lies between, is made as well.
    :raises ModuleError: when one of them cannot be made.
    """
    private, paths = FileAttributes(attributes.owner, attributes.group, 0o700), [home or directory]
    if home is not None and home != directory:
        for part in os.path.relpath(directory, home).split(os.sep):
            paths.append(os.path.join(paths[-1], part))
    above = {path: FileAttributes(mode=0o755) for path in _missing_above(paths[0])}
    return ensure_directories(writer, {**above, **dict.fromkeys((*paths, issued_path(directory)), private)})


def _missing_above(path: str) -> list[str]:
    missing: list[str] = []
    parent = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(parent):
        missing.insert(0, parent)
        parent = os.path.dirname(parent)
    return missing


def authority_files(
    stored: StoredAuthority, attributes: FileAttributes, shown: Sequence[str | None]
) -> list[DesiredFile]:
    """The files of a CA. The certificate comes last: while it is missing, the next run completes the rest."""
    public = FileAttributes(attributes.owner, attributes.group, 0o644)
    private = FileAttributes(attributes.owner, attributes.group, 0o600)
    before, after = shown
    return [
        DesiredFile(key_path(stored.directory), stored.key, private, secret=True),
        DesiredFile(chain_path(stored.directory), stored.chain, public, shown=(before, after)),
        DesiredFile(certificate_path(stored.directory), stored.certificate, public, shown=(before, after)),
    ]


def issued_file(directory: str, name: str, serial: str, content: bytes) -> DesiredFile:
    """The CA's copy of a certificate that it signed."""
    return DesiredFile(issued_path(directory, name, serial), content, FileAttributes(mode=0o644))
