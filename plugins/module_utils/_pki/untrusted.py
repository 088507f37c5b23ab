# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that nobody trusts, to prove that they are refused: each has a root CA of its own, whose key is forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from .authority import create_root, sign_leaf
from .identity import build_name, render_name
from .keys import DEFAULT_KEY_TYPE, generate_key
from .names import parse_identity
from .policy import Authorities, InstalledCertificate, Reason, WantedCertificate, reissue_reasons

if TYPE_CHECKING:
    from .compat import PrivateKey, x509


def untrusted_reasons(
    ca_name: str, current: InstalledCertificate, wanted: WantedCertificate, key: PrivateKey, now: datetime
) -> list[Reason]:
    """Why such a certificate must be made again; none means that it stays.

    :param ca_name: the common name of its CA.
    """
    reasons = reissue_reasons(current, wanted, Authorities(), key, now)
    issuer = build_name(parse_identity(ca_name, whose=f"the untrusted_ca of {wanted.name}"))
    if current.certificates and current.certificates[0].issuer != issuer:
        found = render_name(current.certificates[0].issuer)
        reasons.append(Reason("issuer_changed", f"it was signed by {found}, but {render_name(issuer)} is wanted"))
    return reasons


def make_untrusted(
    ca_name: str, wanted: WantedCertificate, key: PrivateKey, now: datetime
) -> tuple[x509.Certificate, x509.Certificate]:
    """The certificate for a key, and the root that has signed it and signs nothing else.

    :raises PkiError: for names or a lifetime that no certificate can have.
    """
    identity = parse_identity(ca_name, whose=f"the untrusted_ca of {wanted.name}")
    root = create_root(identity, generate_key(DEFAULT_KEY_TYPE), wanted.lifetime.starting(now), 0)
    return sign_leaf(root, wanted.identity, wanted.usages, key.public_key(), wanted.lifetime, now), root.certificate
