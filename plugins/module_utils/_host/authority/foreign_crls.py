# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CRLs that come from elsewhere: that of a CA before it was adopted, and those of the CAs above it, which may be offline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..._pki.compat import x509
from ..._pki.errors import PkiError
from ..._pki.identity import render_name
from ..._pki.published_crls import check_crls_follow
from ..._pki.revocation import RevocationList, load_revocation_list, render_crls
from ..._pki.validity import render_time
from ..errors import ModuleError
from ..files.reading import read_bytes
from ..files.writer import DesiredFile, FileAttributes
from .directory import crl_path

_WARN_BEFORE = timedelta(days=10)


@dataclass(frozen=True)
class CrlsAbove:
    """The CRLs of the CAs above a home as they shall be: PEM one after the other, the file to write, and what to warn of."""

    pem: str
    files: Sequence[DesiredFile] = ()
    warnings: Sequence[str] = ()


def above_path(home: str) -> str:
    """The CRLs of the CAs above the one of a home (PEM)."""
    return os.path.join(home, "above.crl")


def stored_above(home: str) -> str:
    """What is in that file; empty where there is none."""
    return (read_bytes(above_path(home)) or b"").decode("ascii", "replace")


def crls_above(home: str, paths: Sequence[str], chain: Sequence[x509.Certificate], now: datetime) -> CrlsAbove:
    """The CRLs of the files given, or those that are stored where none is.

    :param chain: the CA of the home, and those above it.
    :raises PkiError: for a CRL that is not the current, complete one of a CA above, and for one older than the stored one.
    :raises ModuleError: for a file that is missing.
    """
    path, stored = above_path(home), stored_above(home)
    if not paths:
        found = _lists(stored.encode(), chain, path) if stored else {}
        return CrlsAbove(stored, warnings=_warnings(found, path, now))
    lists: dict[str, RevocationList] = {}
    for file in paths:
        try:
            content = read_bytes(file)
        except ModuleError as error:
            raise ModuleError(f"crls_above: {error}") from error
        if content is None:
            raise ModuleError(f"crls_above: there is no file {file}; name the CRL of the CA above, in PEM or DER")
        for issuer, one in _lists(content, chain, f"crls_above: {file}").items():
            if issuer not in lists or lists[issuer].this_update < one.this_update:
                lists[issuer] = one
    pem = "".join(one.pem for one in lists.values())
    check_crls_follow(stored.encode(), pem.encode(), path, "crls_above")
    file_wanted = DesiredFile(path, pem.encode(), FileAttributes(mode=0o644))
    return CrlsAbove(pem, [file_wanted], _warnings(lists, "crls_above", now))


def _lists(content: bytes, chain: Sequence[x509.Certificate], path: str) -> dict[str, RevocationList]:
    """The CRLs of a file by their issuers."""
    found = {}
    for pem, name in render_crls(content, path):
        issuer = next((one for one in chain[1:] if one.subject == name), None)
        if issuer is None:
            above = ", ".join(render_name(one.subject) for one in chain[1:]) or "no CA"
            raise PkiError(f"{path} holds a CRL of {render_name(name)}, but above this CA is {above}; leave it out")
        found[render_name(name)] = load_revocation_list(pem.encode(), issuer, path)
    return found


def _warnings(lists: dict[str, RevocationList], path: str, now: datetime) -> list[str]:
    """What expires soon.

    :raises PkiError: for what has expired, because servers refuse every client then.
    """
    warnings = []
    for issuer, one in lists.items():
        end = one.next_update
        if end is not None and end <= now:
            raise PkiError(
                f"{path}: the CRL of {issuer} expired on {render_time(end)}, and servers refuse every client with it; have a "
                "new one signed and name its file in crls_above"
            )
        if end is not None and end - now < _WARN_BEFORE:
            warnings.append(
                f"the CRL of {issuer} expires on {render_time(end)}, and servers refuse every client from then on; have a "
                "new one signed and name its file in crls_above"
            )
    return warnings


def check_all_above(chain: Sequence[x509.Certificate], pem: str) -> None:
    """Refuse to publish CRLs with which servers would refuse every client, because they check the whole chain.

    :param chain: the CA of a home, and those above it, whose CRLs are not made here.
    :raises ModuleError: when a CA above has no CRL.
    """
    known = {name for _pem, name in render_crls(pem.encode(), "crls_above")} if pem else set()
    missing = [render_name(one.subject) for one in chain[1:] if one.subject not in known]
    if missing:
        raise ModuleError(
            f"CRLs are in use, but that of {' and '.join(missing)} is not known here, and servers check the whole chain and "
            "would refuse every client; name its file in crls_above"
        )


def adopted_crl(directory: str, path: str | None, certificate: x509.Certificate) -> list[DesiredFile]:
    """The CRL that a CA had before it was adopted, as its next one here follows it.

    :raises PkiError: for a CRL that is not its own complete one, and when one that is here already lacks what that one says.
    :raises ModuleError: when the file is missing.
    """
    if path is None:
        return []
    content, present = read_bytes(path), read_bytes(crl_path(directory))
    if content is None and present is not None:  # once adopted, the files may be moved away
        return []
    if content is None:
        raise ModuleError(f"adopt: there is no file {path}; name the CRL of the CA, in PEM or DER")
    pem = "".join(pem for pem, _name in render_crls(content, f"adopt: {path}")).encode()
    load_revocation_list(pem, certificate, f"adopt: {path}")
    if present is not None:
        check_crls_follow(pem, present, path, "adopt")
        return []
    return [DesiredFile(crl_path(directory), pem, FileAttributes(mode=0o644))]
