# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each CA of a home issued and revoked, as its files say."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..._pki.certificates import load_certificates
from ..._pki.compat import x509
from ..._pki.identity import render_name
from ..._pki.revocation import RevocationList, load_revocation_list
from ..errors import ModuleError
from ..files.reading import read_bytes
from .directory import all_authority_directories, certificate_path, crl_path
from .issued_copies import IssuedCertificates, issued_in


@dataclass(frozen=True)
class Records:
    """What one CA of a home issued and revoked; current is None before its first list."""

    directory: str
    certificate: x509.Certificate
    issued: IssuedCertificates
    current: RevocationList | None

    @property
    def issuer(self) -> str:
        """The CA's subject (RFC 4514)."""
        return render_name(self.certificate.subject)


def current_list(directory: str, certificate: x509.Certificate) -> RevocationList | None:
    """The stored list of a CA.

    :raises PkiError: when it is not its own complete one.
    """
    content = read_bytes(crl_path(directory))
    return None if content is None else load_revocation_list(content, certificate, crl_path(directory))


def read_records(home: str) -> list[Records]:
    """All CAs of a home, the issuing one first; none where no CA has been made.

    :raises PkiError: for a file that is not what it should be.
    :raises ModuleError: for one that is missing or cannot be read.
    """
    directories = all_authority_directories(home)
    if not os.path.exists(certificate_path(directories[0])):
        return []
    return [_records(directory) for directory in directories]


def _records(directory: str) -> Records:
    path = certificate_path(directory)
    content = read_bytes(path)
    if content is None:
        raise ModuleError(
            f"the CA's certificate {path} is missing; restore it, or let the module that created the CA finish"
        )
    certificate = load_certificates(content, path)[0]
    return Records(directory, certificate, issued_in(directory), current_list(directory, certificate))
