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
from .policy import InstalledCertificate, WantedCertificate, reissue_reasons

if TYPE_CHECKING:
    from .compat import PrivateKey


def check_signed(
    leaf: x509.Certificate,
    chain: Sequence[x509.Certificate],
    wanted: WantedCertificate,
    key: PrivateKey | None,
    now: datetime,
) -> None:
    """Refuse a certificate that does not fit the wish, the key or its chain.

    :param chain: the issuing CA first, the root last.
    :param key: the holder's key that the certificate belongs to; None when there is none.
    :raises PkiError: with everything that does not fit, in one sentence.
    """
    whose = f"the certificate {wanted.name}"
    if key is None:
        raise PkiError(f"{whose} does not belong to the private key on this host; request it again here")
    check_chain(leaf, chain, whose)
    current = InstalledCertificate(
        certificates=(leaf, *without_root(chain)), fullchain=(leaf, *chain), root=tuple(chain[-1:])
    )
    reasons = reissue_reasons(current, wanted, chain, key, now)
    if reasons:
        said = "; ".join(reason.sentence for reason in reasons)
        raise PkiError(f"{whose} was signed, but not as wished: {said}; check the CA's answer, nothing was installed")
