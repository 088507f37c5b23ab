# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between orders and the CA's folder: answer with what was issued already, sign the rest batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .._pki.authority import Authority
from .._pki.certificates import render_pem, serial_hex
from .._pki.compat import x509
from .._pki.orders import Order
from .ca_directory import issued_file, write_directories
from .files import FileAttributes, write_files
from .issued import issued_in
from .revocations import current_list

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# So many signatures may be lost to a kill, and are made again by the next run.
BATCH = 50


def answers(directory: str, orders: Sequence[Order], authority: Authority | None) -> dict[str, x509.Certificate]:
    """By name, the certificates that the CA issued for the very same orders before.

    :raises PkiError: for a damaged copy or revocation list.
    """
    if authority is None:
        return {}
    issued, crl = issued_in(directory), current_list(directory, authority.certificate)
    revoked = frozenset(entry.serial for entry in crl.entries) if crl else frozenset()
    found = {order.name: order.answer(issued.read(order.name), authority, revoked) for order in orders}
    return {name: leaf for name, leaf in found.items() if leaf is not None}


def sign_and_keep(
    module: AnsibleModule, directory: str, orders: Sequence[Order], authority: Authority, now: datetime
) -> dict[str, x509.Certificate]:
    """Sign, and keep a copy of each batch before the next one, so that what was finished stays."""
    signed: dict[str, x509.Certificate] = {}
    if orders:
        write_directories(module, directory, FileAttributes())
    for batch in _batches(orders):
        leaves = {order.name: order.sign(authority, now) for order in batch}
        write_files(
            module,
            [
                issued_file(directory, name, serial_hex(leaf), render_pem([leaf]).encode())
                for name, leaf in leaves.items()
            ],
        )
        signed.update(leaves)
    return signed


def _batches(orders: Sequence[Order]) -> Iterator[Sequence[Order]]:
    return (orders[start : start + BATCH] for start in range(0, len(orders), BATCH))
