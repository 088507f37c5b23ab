# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CRLs may follow those that were published."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.kept_entries import build_kept_since
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.published_crls import check_crls_follow, first_end
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("old", "new")}
NOW = datetime.now(timezone.utc)


def crl(
    number: int | None,
    *serials: int,
    key: str = "old",
    name: str = "CA",
    keeps: bool = False,
    hold: int = 0,
    days: int = 1,
) -> bytes:
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer)
    builder = builder.last_update(NOW).next_update(NOW + timedelta(days=days))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(KEYS[key].public_key())
    builder = builder.add_extension(identifier, critical=False)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if keeps:
        builder = builder.add_extension(build_kept_since(NOW), critical=False)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
        if serial == hold:
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.certificate_hold), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(KEYS[key], hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("published", "new"),
    [
        (b"", crl(1)),
        (crl(1, 5), crl(2, 5, 6)),
        (crl(1, 5), crl(2)),  # it may have expired
        (crl(1, 5), crl(2, keeps=True)),
        (crl(1, 5, keeps=True), crl(2)),
        (crl(1, 5, keeps=True, hold=5), crl(2, keeps=True)),  # it was released
        (crl(1, 5, keeps=True, hold=5), crl(2, 5, keeps=True)),
        (crl(1, 5, keeps=True), crl(2, 6, 5, keeps=True, hold=6)),
        (crl(3, 5), crl(3, 6, 5)),
        (crl(9, 5), crl(1, key="new")),
        (crl(9, 5), crl(1, name="another CA")),
        (crl(None, 5), crl(1)),
        (crl(9, 5), crl(None)),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", crl(1)),
        (b"nonsense", crl(1)),
        (crl(9, key="new") + crl(1, 5), crl(2, 5) + crl(9, key="new")),
    ],
)
def test_what_says_as_much_follows(published: bytes, new: bytes) -> None:
    check_crls_follow(published, new, "revoked.crl")


@pytest.mark.parametrize(
    ("published", "new"),
    [(crl(3), crl(2)), (crl(3, 5), crl(3)), (crl(1, key="new") + crl(4, 5), crl(1, key="new") + crl(3, 5))],
)
def test_what_says_less_does_not(published: bytes, new: bytes) -> None:
    with pytest.raises(
        PkiError, match=r"the CRL of CN=CA has the number \d.* but the one in revoked.crl has the number \d"
    ):
        check_crls_follow(published, new, "revoked.crl")


@pytest.mark.parametrize("new", [crl(2, 6, keeps=True), crl(2, 6, 5, keeps=True, hold=5)], ids=["gone", "on hold now"])
def test_what_is_revoked_for_good_stays_so_under_any_number(new: bytes) -> None:
    with pytest.raises(PkiError, match=r"with the number 2 does not revoke 05 for good, but the one in revoked.crl"):
        check_crls_follow(crl(1, 5, keeps=True), new, "revoked.crl")


def test_the_first_end_counts() -> None:
    one, other = crl(1, days=3), crl(1, name="another CA", days=2)
    assert first_end((one + other).decode()) == (NOW + timedelta(days=2)).replace(microsecond=0)
    assert first_end("") is None
