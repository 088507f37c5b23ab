# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""May a signed certificate be installed? It may when its holder would not ask for another one at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .certificates import check_chain, without_root
from .compat import x509
from .errors import PkiError
from .identity import render_name
from .policy import Authorities, InstalledCertificate, WantedCertificate, reissue_reasons

if TYPE_CHECKING:
    from .compat import PrivateKey


def check_signed(
    certificates: Sequence[x509.Certificate],
    wanted: WantedCertificate,
    key: PrivateKey | None,
    authorities: Authorities,
    now: datetime,
) -> None:
    """Refuse a certificate that does not fit the wish, the key, its chain or what is trusted.

    :param certificates: the leaf, then the issuing CA and those above it, the root last.
    :param key: the holder's key that the certificate belongs to; None when there is none.
    :param authorities: the trusted roots and CRLs; what the chain itself says stands in for an issuer.
    :raises PkiError: with everything that does not fit, in one sentence.
    """
    whose = f"the certificate {wanted.name}"
    leaf, chain = certificates[0], tuple(certificates[1:])
    if key is None:
        raise PkiError(f"{whose} does not belong to the private key on this host; request it again here")
    check_chain(leaf, chain, whose)
    if authorities.trusted and chain[-1] not in authorities.trusted:
        root = render_name(chain[-1].subject)
        raise PkiError(
            f"{whose} ends in the root {root}, which trusted_pem does not hold; give the trusted_pem that its CA returns"
        )
    current = InstalledCertificate(
        certificates=(leaf, *without_root(chain)), fullchain=(leaf, *chain), root=authorities.trusted or chain[-1:]
    )
    known = Authorities(chain, authorities.trusted, authorities.revocations)
    reasons = reissue_reasons(current, wanted, known, key, now)
    if reasons:
        said = "; ".join(reason.sentence for reason in reasons)
        raise PkiError(
            f"{whose} was signed, but not as requested: {said}; check the CA's answer, nothing was installed"
        )
