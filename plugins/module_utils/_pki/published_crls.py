# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CRLs that were published already: the next ones say at least as much (RFC 5280 section 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterator

from .certificates import render_serial
from .compat import find_extension, split_crls, x509
from .errors import PkiError, UnreadableError
from .identity import render_name

# The name and the key identifier of the CA that signed.
_Signer = tuple[bytes, bytes]


def check_crls_follow(published: bytes, new: bytes, path: str) -> None:
    """See that new CRLs (PEM) take nothing back of those in a file, whose CA may have been restored from a backup.

    A CRL of another CA, or of another key, is not compared, nor is a file that holds no CRLs. Under a higher number
    entries may be gone, because a CA may leave out what has expired (section 3.3).

    :raises PkiError: for a lower number, and for another CRL with the same one that lacks a revocation.
    """
    if published == new:
        return
    current = dict(_by_signer(new))
    for signer, held in _by_signer(published):
        if signer in current:
            _check_follows(held, current[signer], path)


def _by_signer(content: bytes) -> Iterator[tuple[_Signer, x509.CertificateRevocationList]]:
    try:
        found = split_crls(content)
    except UnreadableError:  # it is replaced
        return
    for crl in found:
        key = find_extension(crl, x509.AuthorityKeyIdentifier)
        if key is not None and key.key_identifier is not None:
            yield (crl.issuer.public_bytes(), key.key_identifier), crl


def _check_follows(held: x509.CertificateRevocationList, new: x509.CertificateRevocationList, path: str) -> None:
    gone = [
        render_serial(each.serial_number)
        for each in held
        if new.get_revoked_certificate_by_serial_number(each.serial_number) is None
    ]
    before, after = (_number(crl) for crl in (held, new))
    if before < after or (before == after and not gone):
        return
    lacks = f" and does not revoke {gone[0]}" if gone else ""
    raise PkiError(
        f"crl_pem: the CRL of {render_name(held.issuer)} has the number {after}{lacks}, but the one in {path} has the number "
        f"{before}, so the CA directory is older than what it published; copy that CRL over its ca.crl and run again"
    )


def _number(crl: x509.CertificateRevocationList) -> int:
    number = find_extension(crl, x509.CRLNumber)
    return 0 if number is None else int(number.crl_number)
