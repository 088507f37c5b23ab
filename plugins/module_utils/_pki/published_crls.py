# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CRLs that were published already: the next ones say at least as much (RFC 5280 section 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .certificates import render_serial
from .compat import find_extension, next_update, split_crls, x509
from .errors import PkiError, UnreadableError
from .identity import render_name
from .kept_entries import kept_since
from .policy import revocation_reason
from .revocation import HOLD


@dataclass(frozen=True)
class _Published:
    """What a CRL says: who signed it (name and key identifier), its number, and what is revoked.

    final: what is not only on hold, which may be released. keeps_all: whether it leaves nothing out that has expired.
    """

    issuer: x509.Name
    key_identifier: bytes | None
    number: int
    serials: frozenset[int]
    final: frozenset[int]
    keeps_all: bool


def check_crls_follow(published: bytes, new: bytes, path: str, option: str = "crl_pem") -> None:
    """See that new CRLs (PEM) take nothing back of those in a file, whose CA may have been restored from a backup.

    A CRL of another CA, or of another key, is not compared, nor is one that has no number or cannot be read. Under a
    higher number entries may be gone where the CRLs do not say that they keep what has expired (kept_entries.py).

    :param option: where the new ones come from, in messages.

    :raises PkiError: for a lower number, and for a revocation that is gone.
    """
    if not published or published == new:
        return
    current = {(crl.issuer, crl.key_identifier): crl for crl in _readable_ones(new)}
    for held in _readable_ones(published):
        follower = current.get((held.issuer, held.key_identifier))
        if follower is not None:
            _check_follows(held, follower, path, option)


def first_end(content: str) -> datetime | None:
    """When the first of some CRLs (PEM) expires; None without one that says so. A server refuses every client then."""
    ends = [end for end in map(next_update, split_crls(content.encode())) if end is not None]
    return min(ends, default=None)


def _readable_ones(content: bytes) -> Iterator[_Published]:
    try:
        found = split_crls(content)
    except UnreadableError:  # it is replaced
        return
    for crl in found:
        try:
            number, key = find_extension(crl, x509.CRLNumber), find_extension(crl, x509.AuthorityKeyIdentifier)
            serials = frozenset(each.serial_number for each in crl)
            final = frozenset(each.serial_number for each in crl if revocation_reason(each) != HOLD)
            keeps_all = kept_since(crl) is not None
            identifier = None if key is None else key.key_identifier
        except (ValueError, x509.DuplicateExtension):
            continue
        if number is not None:
            yield _Published(crl.issuer, identifier, number.crl_number, serials, final, keeps_all)


def _check_follows(held: _Published, new: _Published, path: str, option: str) -> None:
    gone = sorted(held.serials - new.serials)
    lost = sorted(held.final - new.final) if held.keeps_all and new.keeps_all else []
    name = render_name(held.issuer)
    if held.number > new.number or (held.number == new.number and gone):
        lacks = f" and does not revoke {render_serial(gone[0])}" if gone else ""
        raise PkiError(
            f"{option}: the CRL of {name} has the number {new.number}{lacks}, but the one in {path} has the number "
            f"{held.number}, so the CA directory is older than what it published; copy that CRL over its ca.crl and run again"
        )
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise PkiError(
            f"{option}: the CRL of {name} with the number {new.number} does not revoke {render_serial(lost[0])}{more} for "
            f"good, but the one in {path} with the number {held.number} does, so the CA directory was once put back to an "
            "older state; revoke what is missing again, by serial_number"
        )
