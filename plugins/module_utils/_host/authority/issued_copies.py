# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA's copies of what it issued. Names and serial numbers are in the file names, so few files are ever read.

A copy begins with a line that says which host the certificate is for; in PEM (RFC 7468 section 2) such text is ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..._pki.certificates import load_certificates, render_pem
from ..._pki.compat import x509
from ..files.reading import read_bytes
from .directory import issued_path

_HOST = re.compile(rb"Host: (.+)\n")
_FILE = re.compile(r"(?P<name>.+)\.(?P<serial>[0-9A-F]+)\.crt")


@dataclass(frozen=True)
class IssuedCopy:
    """A certificate, and the host that it is for; None where the copy does not say so."""

    certificate: x509.Certificate
    host: str | None


@dataclass(frozen=True)
class IssuedCertificates:
    """The serial numbers that a CA issued under each name, and the name of each serial number."""

    directory: str
    serials: Mapping[str, tuple[str, ...]]
    names: Mapping[int, str]

    def copies(self, name: str) -> list[IssuedCopy]:
        """What was issued under a name; nothing is an empty list.

        :raises PkiError: for a damaged copy.
        :raises ModuleError: for one that cannot be read.
        """
        paths = [issued_path(self.directory, name, serial) for serial in self.serials.get(name, ())]
        contents = [(path, read_bytes(path)) for path in paths]
        return [
            IssuedCopy(load_certificates(content, path)[0], _host_of(content))
            for path, content in contents
            if content is not None
        ]

    def read(self, name: str) -> list[x509.Certificate]:
        """The certificates issued under a name; errors as those of copies."""
        return [copy.certificate for copy in self.copies(name)]


def render_copy(certificate: x509.Certificate, host: str) -> bytes:
    """The content of a copy; the host is empty where it is not known."""
    said = "" if not host else f"Host: {' '.join(host.split())}\n"
    return (said + render_pem([certificate])).encode()


def _host_of(content: bytes) -> str | None:
    found = _HOST.match(content)
    return None if found is None else found[1].decode(errors="replace")


def issued_in(directory: str) -> IssuedCertificates:
    """What the CA of a directory issued; nothing where there is no CA."""
    try:
        files = sorted(os.listdir(issued_path(directory)))
    except FileNotFoundError:
        files = []
    serials: dict[str, list[str]] = {}
    names: dict[int, str] = {}
    for match in filter(None, map(_FILE.fullmatch, files)):
        serials.setdefault(match["name"], []).append(match["serial"])
        names[int(match["serial"], 16)] = match["name"]
    return IssuedCertificates(directory, {name: tuple(found) for name, found in serials.items()}, names)
