# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CRLs that were published already: the next ones say at least as much (RFC 5280 section 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .certificates import render_serial
from .compat import find_extension, split_crls, x509
from .errors import PkiError, UnreadableError
from .identity import render_name


@dataclass(frozen=True)
class _Published:
    """What a CRL says: who signed it (name and key identifier), its number, and what is revoked."""

    issuer: x509.Name
    key_identifier: bytes | None
    number: int
    serials: frozenset[int]


def check_crls_follow(published: bytes, new: bytes, path: str) -> None:
    """See that new CRLs (PEM) take nothing back of those in a file, whose CA may have been restored from a backup.

    A CRL of another CA, or of another key, is not compared, nor is one that has no number or cannot be read. Under a
    higher number entries may be gone, because a CA may leave out what has expired (section 3.3).

    :raises PkiError: for a lower number, and for another CRL with the same one that lacks a revocation.
    """
    if not published or published == new:
        return
    current = {(crl.issuer, crl.key_identifier): crl for crl in _readable_ones(new)}
    for held in _readable_ones(published):
        follower = current.get((held.issuer, held.key_identifier))
        if follower is not None:
            _check_follows(held, follower, path)


def _readable_ones(content: bytes) -> Iterator[_Published]:
    try:
        found = split_crls(content)
    except UnreadableError:  # it is replaced
        return
    for crl in found:
        try:
            number, key = find_extension(crl, x509.CRLNumber), find_extension(crl, x509.AuthorityKeyIdentifier)
            serials = frozenset(each.serial_number for each in crl)
            identifier = None if key is None else key.key_identifier
        except (ValueError, x509.DuplicateExtension):
            continue
        if number is not None:
            yield _Published(crl.issuer, identifier, number.crl_number, serials)


def _check_follows(held: _Published, new: _Published, path: str) -> None:
    gone = sorted(held.serials - new.serials)
    if held.number < new.number or (held.number == new.number and not gone):
        return
    lacks = f" and does not revoke {render_serial(gone[0])}" if gone else ""
    raise PkiError(
        f"crl_pem: the CRL of {render_name(held.issuer)} has the number {new.number}{lacks}, but the one in {path} has the "
        f"number {held.number}, so the CA directory is older than what it published; copy that CRL over its ca.crl and run again"
    )
