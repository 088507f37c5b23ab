# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The extension expiredCertsOnCRL (X.509 section 9.5.2.8): this CRL keeps what has expired since a date.

A CA may leave out of its CRLs what has expired (RFC 5280 section 3.3), so an entry that is gone says nothing, unless its CRL
says that it keeps them all. Ours do.
"""

from __future__ import annotations

from datetime import datetime, timezone

from .compat import x509

_OID = "2.5.29.60"
_HEADER = b"\x18\x0f"  # GeneralizedTime of 15 octets (X.690 section 8.25)
_FORM = "%Y%m%d%H%M%SZ"


def build_kept_since(date: datetime) -> x509.UnrecognizedExtension:
    """The extension, to be added as one that is not critical."""
    return x509.UnrecognizedExtension(
        x509.ObjectIdentifier(_OID), _HEADER + date.astimezone(timezone.utc).strftime(_FORM).encode()
    )


def kept_since(crl: x509.CertificateRevocationList) -> datetime | None:
    """Since when a CRL keeps what has expired; None where it does not say so in the one form that DER allows."""
    for extension in crl.extensions:
        if extension.oid.dotted_string == _OID and isinstance(extension.value, x509.UnrecognizedExtension):
            content = extension.value.value
            try:
                date = datetime.strptime(content[len(_HEADER) :].decode("ascii"), _FORM)
            except ValueError:
                return None
            return date.replace(tzinfo=timezone.utc) if content.startswith(_HEADER) else None
    return None
