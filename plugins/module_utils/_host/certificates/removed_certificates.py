# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that a holder shall no longer have: the files that go, and what earlier runs have left of others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..._pki.certificates import load_certificates, serial_hex
from ..._pki.compat import not_after
from ..._pki.errors import UnreadableError
from ..._pki.validity import render_time
from ..files.reading import read_bytes
from ..files.writer import DesiredFile
from .options import CertificatePlace, SiteAuthorities

if TYPE_CHECKING:
    from ..._pki.compat import x509

# The files that certificate_install makes beside each other; only a name that has all of them is taken for one of its.
_KEY, _CERTIFICATE, _FULLCHAIN = ".key", ".crt", ".fullchain.crt"


@dataclass(frozen=True)
class RemovedCertificate:
    """A certificate that goes. files: those of it that are there. leaf: None where there is none that can be read."""

    name: str
    certificate: str
    files: Sequence[str]
    leaf: x509.Certificate | None

    def desired(self) -> list[DesiredFile]:
        """The files as they shall be, which is not at all; the diff shows none of their contents."""
        return [DesiredFile(path, None, shown=(f"{os.path.basename(path)}\n", None)) for path in self.files]

    def described(self) -> dict[str, Any]:
        """The same for the results of the module."""
        return {"name": self.name, **_facts(self.certificate, self.leaf), "files": list(self.files)}


def read_removed(items: Sequence[Mapping[str, Any]], places: Sequence[CertificatePlace]) -> list[RemovedCertificate]:
    """Look what is there of the certificates to remove; a file that a listed certificate uses is none of them.

    :raises ModuleError: when a file exists but cannot be read.
    """
    used = _files_of(places)
    found = []
    for item in items:
        paths = [
            path for path in dict.fromkeys([item["certificate"], *item["files"]]) if os.path.abspath(path) not in used
        ]
        there = [path for path in paths if os.path.lexists(path)]
        if there:
            certificate = item["certificate"]
            leaf = _leaf(certificate) if certificate in there else None
            found.append(RemovedCertificate(item["name"], certificate, there, leaf))
    return found


def removal_warnings(removed: Sequence[RemovedCertificate], site: SiteAuthorities, now: datetime) -> list[str]:
    """One sentence for each certificate that goes and is still good for whoever has a copy of it and its key."""
    return [
        f"{one.name} is removed from this host, but its certificate {serial_hex(one.leaf)} is in no CRL that this run knows, and valid until "
        f"{render_time(not_after(one.leaf))}; revoke it at its CA"
        for one in removed
        if one.leaf is not None and not_after(one.leaf) >= now and not _is_revoked(one.leaf, site)
    ]


def find_leftovers(
    directories: Sequence[str], places: Sequence[CertificatePlace], removed: Sequence[RemovedCertificate]
) -> list[dict[str, Any]]:
    """Certificates with their keys in these directories that nobody lists: what is left of those taken out of the list.

    :raises ModuleError: when a file exists but cannot be read.
    """
    known = _files_of(places) | {os.path.abspath(one.certificate) for one in removed}
    found = []
    for directory in directories:
        names = _names_in(directory)
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            path = os.path.join(directory, name)
            if (
                ending != _KEY
                or not {stem + _CERTIFICATE, stem + _FULLCHAIN} <= names
                or os.path.abspath(path) in known
            ):
                continue
            certificate = os.path.join(directory, stem + _CERTIFICATE)
            if os.path.abspath(certificate) not in known:
                found.append({"name": stem, **_facts(certificate, _leaf(certificate))})
    return found


def leftover_warnings(leftovers: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each."""
    return [
        f"{one['name']} is no longer listed for this host, but its key and certificate {one['certificate']}"
        f"{' (valid until ' + one['not_after'] + ')' if one['not_after'] else ''} are still here; "
        "list it with the state absent, or remove them and revoke the certificate"
        for one in leftovers
    ]


def _files_of(places: Sequence[CertificatePlace]) -> set[str]:
    paths = [path for place in places for path in (place.private_key, place.certificate, place.fullchain, place.root)]
    paths += [path for place in places for path in (place.pkcs12, place.pkcs8_der, place.crl, place.next_private_key)]
    return {os.path.abspath(path) for path in paths if path}


def _names_in(directory: str) -> set[str]:
    try:
        return set(os.listdir(directory))
    except OSError:  # there is none yet
        return set()


def _leaf(path: str) -> x509.Certificate | None:
    content = read_bytes(path)
    with suppress(UnreadableError):
        return load_certificates(content, path)[0] if content else None
    return None


def _facts(certificate: str, leaf: x509.Certificate | None) -> dict[str, Any]:
    facts = {} if leaf is None else {"serial_number": serial_hex(leaf), "not_after": render_time(not_after(leaf))}
    return {"certificate": certificate, "serial_number": None, "not_after": None, **facts}


def _is_revoked(leaf: x509.Certificate, site: SiteAuthorities) -> bool:
    return any(
        one.issuer == leaf.issuer and one.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
        for one in site.common.revocations
    )
