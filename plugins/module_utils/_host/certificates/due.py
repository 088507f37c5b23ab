# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates of a holder are due, and all of its files that need no signature of a CA of the site."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..._pki.errors import PkiError
from ..._pki.policy import Reason, reissue_reasons
from ..._pki.requests import build_request
from ..._pki.untrusted import make_untrusted, untrusted_reasons
from ..files.writer import DesiredFile
from .holder_files import Holding, certificate_files, describe_holding, kept_files, predicted_files
from .options import CertificatePlace

_FINGERPRINT = re.compile(r"^sha256: .*\n?", re.MULTILINE)

if TYPE_CHECKING:
    from ..._pki.compat import PrivateKey, x509


@dataclass(frozen=True)
class Examined:
    """A holding, why its certificate is due, and what was made of an untrusted one that is: certificate and root."""

    holding: Holding
    reasons: tuple[Reason, ...] = ()
    untrusted: tuple[x509.Certificate, x509.Certificate] | None = None

    @property
    def is_requested(self) -> bool:
        """Whether a CA of the site must sign."""
        return bool(self.reasons) and self.untrusted is None

    def files(self) -> list[DesiredFile]:
        """The files as they shall be now; those of a certificate that is requested wait for it."""
        if self.untrusted is None:
            return kept_files(self.holding)
        files = certificate_files(self.holding, self.untrusted[0], self.untrusted[1:])
        return [replace(file, shown=file.shown and _without_fingerprints(file.shown)) for file in files]

    def request(self) -> dict[str, Any]:
        """One element of the result ``requests``."""
        wanted = self.holding.place.wanted
        return {
            "name": wanted.name,
            "csr_pem": build_request(wanted.identity, wanted.usages, _key(self.holding)),
            "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in self.reasons],
        }

    def described(self, now: datetime) -> dict[str, Any]:
        """One element of the result ``certificates``."""
        if self.untrusted is None:
            return describe_holding(self.holding, self.holding.leaf, False, now)
        return describe_holding(self.holding, self.untrusted[0], True, now)

    def diff(self) -> dict[str, str]:
        """Why it is due."""
        header = f"the certificate {self.holding.place.wanted.name}"
        after = "".join(f"due ({reason.code}): {reason.sentence}\n" for reason in self.reasons)
        return {"before_header": header, "after_header": header, "before": "", "after": after}


def _without_fingerprints(shown: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    """The texts of a diff without what is random in a CA that was made just now: check mode makes another one."""
    before, after = (text and _FINGERPRINT.sub("", text) for text in shown)
    return before, after


def examine(holding: Holding, now: datetime) -> Examined:
    """Find out whether a certificate is due, once its holder has a key; one on hold is not.

    :raises PkiError: for a CRL that its CA has not signed, and an untrusted certificate that cannot be made.
    """
    place, key = holding.place, _key(holding)
    if place.untrusted_ca is None:
        found = (
            [] if holding.is_on_hold else reissue_reasons(holding.current, place.wanted, holding.authorities, key, now)
        )
        return Examined(holding, tuple(found))
    reasons = untrusted_reasons(place.untrusted_ca, holding.current, place.wanted, key, now)
    if not reasons:
        return Examined(holding)
    if holding.new_key is not None:  # it is written by now, and its certificate is here at once
        holding = replace(holding, key=holding.new_key)
    return Examined(holding, tuple(reasons), make_untrusted(place.untrusted_ca, place.wanted, key, now))


def hold_warnings(holding: Holding) -> list[str]:
    """Return a sentence for a certificate on hold, which is not requested again."""
    name = holding.place.wanted.name
    return [f"the certificate {name} is on hold at its CA; it stays until the CA releases it"] * holding.is_on_hold


def form_warnings(place: CertificatePlace) -> list[str]:
    """Return a sentence for a file that the clients for which it is meant do not open."""
    if not place.pkcs12 or place.pkcs12_passphrase:
        return []
    return [
        f"the certificate {place.wanted.name}: Java and so pgjdbc opens no PKCS#12 without a passphrase; "
        "give a pkcs12_passphrase, unless another client reads the file"
    ]


def rehearsed_files(holding: Holding) -> list[DesiredFile]:
    """What may be written once its key is there, to be checked before it is made."""
    return predicted_files(holding, "", ()) if holding.place.untrusted_ca else kept_files(holding)


def _key(holding: Holding) -> PrivateKey:
    key = holding.signing_key()
    if key is None:
        raise PkiError(f"there is no private key for the certificate {holding.place.wanted.name} yet")
    return key


def requested(examined: Sequence[Examined]) -> list[dict[str, Any]]:
    """The result ``requests``."""
    return [one.request() for one in examined if one.is_requested]
