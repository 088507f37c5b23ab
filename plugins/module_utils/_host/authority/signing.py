# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between orders and the CA's directory: answer with what was issued already, sign the rest batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ..._pki.authority import Authority
from ..._pki.certificates import serial_hex
from ..._pki.compat import not_after, not_before, x509
from ..._pki.errors import PkiError
from ..._pki.orders import SigningOrder
from ..._pki.revocation import HOLD
from ..files.writer import FileAttributes, Writer, write_files
from .directory import issued_file, write_directories
from .issued_copies import issued_in, render_copy
from .records import current_list

# So many signatures may be lost to a kill, and are made again by the next run.
BATCH = 50


Key = tuple[str, str]


def answers(
    directory: str, orders: Sequence[SigningOrder], authority: Authority | None, now: datetime
) -> dict[Key, x509.Certificate]:
    """By host and name, the certificates that the CA issued for the very same orders before.

    :raises PkiError: for a damaged copy or CRL, and for a certificate that is on hold.
    """
    if authority is None:
        return {}
    issued, crl = issued_in(directory), current_list(directory, authority.certificate)
    revoked = frozenset(entry.serial for entry in crl.entries) if crl else frozenset()
    held = frozenset(entry.serial for entry in crl.entries if entry.reason == HOLD) if crl else frozenset()
    found = {}
    for order in orders:
        copies = issued.read(order.name)
        _refuse_held(order, copies, authority, held, now)
        found[order.key] = order.answer(copies, authority, revoked, now)
    return {key: leaf for key, leaf in found.items() if leaf is not None}


def _refuse_held(
    order: SigningOrder, copies: Sequence[x509.Certificate], authority: Authority, held: frozenset[int], now: datetime
) -> None:
    """A new certificate would go around a hold, whatever its holder says."""
    alike = [one for one in copies if not_after(one) > now and order.is_alike(one, authority)] if held else []
    last = max(alike, key=not_before, default=None)
    if last is not None and last.serial_number in held:
        raise PkiError(
            f"{order.entry.whose} is on hold at its CA (serial number {serial_hex(last)}), so no other one is signed; "
            "release it, or revoke it for good"
        )


def sign_and_keep(
    writer: Writer, directory: str, orders: Sequence[SigningOrder], authority: Authority, now: datetime
) -> dict[Key, x509.Certificate]:
    """Sign, and keep a copy of each batch before the next one, so that what was finished stays."""
    signed: dict[Key, x509.Certificate] = {}
    if orders:
        write_directories(writer, directory, FileAttributes())
    for batch in _batches(orders):
        leaves = {order.key: order.sign(authority, now) for order in batch}
        write_files(
            writer,
            [
                issued_file(directory, name, serial_hex(leaf), render_copy(leaf, host))
                for (host, name), leaf in leaves.items()
            ],
        )
        signed.update(leaves)
    return signed


def _batches(orders: Sequence[SigningOrder]) -> Iterator[Sequence[SigningOrder]]:
    return (orders[start : start + BATCH] for start in range(0, len(orders), BATCH))
