# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates with their facts, from a text, a file or a directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..._pki.answers import facts_of, find_certificates
from ..._pki.certificates import load_certificates, load_der, render_pem
from ..._pki.errors import PkiError, UnreadableError
from ..errors import ModuleError
from ..files.reading import open_directory, read_bytes
from .openssl_purposes import read_purposes

if TYPE_CHECKING:
    from ..._pki.compat import x509

_ENDINGS = (".crt", ".pem", ".cer")
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True)
class Described:
    """A certificate and what the module returns of it."""

    certificate: x509.Certificate
    facts: dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """The certificates of a source; unreadable files are dicts of path and sentence."""

    found: tuple[Described, ...]
    unreadable: tuple[dict[str, str], ...] = ()
    is_folder: bool = False


def described(certificates: Sequence[x509.Certificate], source: str, now: datetime, path: str | None) -> Collection:
    """All certificates with their facts; ``source`` names where they come from in messages, path is their file.

    :raises UnreadableError: for a certificate that is one, but holds fields that cannot be read.
    """
    found = []
    for number, one in enumerate(certificates, start=1):
        facts = facts_of(one, now, f"{source}: certificate {number}")
        found.append(Described(one, {**facts, "purposes": read_purposes(render_pem([one])), "path": path}))
    return Collection(tuple(found))


def read_source(path: str, now: datetime) -> Collection:
    """The certificates of a file, or those of the files of a directory (not of its subdirectories) that hold some.

    :raises PkiError: when a file is given that holds no certificate, or a damaged one.
    :raises ModuleError: when there is no such path.
    """
    if os.path.isdir(path):
        return _read_folder(path, now)
    content = read_bytes(path)
    if content is None:
        raise ModuleError(f"there is no file {path}; check the path")
    return described(_certificates(content, path) or load_certificates(content, path), path, now, path)


def _read_folder(folder: str, now: datetime) -> Collection:
    found: list[Described] = []
    unreadable = []
    with open_directory(folder) as handle:
        names = sorted(os.listdir(handle))
    paths = [os.path.join(folder, name) for name in names if name.lower().endswith(_ENDINGS)]
    for path in filter(os.path.isfile, paths):
        try:
            certificates = _certificates(read_bytes(path) or b"", path)
            found += described(certificates, path, now, path).found
        except (PkiError, ModuleError) as error:
            unreadable.append({"path": path, "sentence": str(error)})
    return Collection(tuple(found), tuple(unreadable), is_folder=True)


def _certificates(content: bytes, path: str) -> tuple[x509.Certificate, ...]:
    """PEM, or one certificate in DER; nothing of either is an empty tuple."""
    if not content.startswith(_DER_SEQUENCE):
        return find_certificates(content, path)
    try:
        return (load_der(content, path),)
    except UnreadableError:
        return ()
