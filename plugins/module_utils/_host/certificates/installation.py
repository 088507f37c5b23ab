# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a holder writes when certificates were signed, together with what stays: worked out before the first write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..._pki.certificates import load_certificates, summarise_wish
from ..._pki.installation import check_signed
from ..errors import ModuleError
from ..files.writer import DesiredFile, Written, merge_written
from .holder_files import (
    Holding,
    certificate_files,
    describe_holding,
    further_files,
    kept_files,
    predicted_files,
)
from .options import SiteAuthorities

if TYPE_CHECKING:
    from ..._pki.compat import x509


@dataclass(frozen=True)
class Installation:
    """The files of all certificates, in the order in which they are written, and the result ``certificates``.

    waiting: the places of keys that wait for their certificates.
    """

    files: Sequence[DesiredFile]
    certificates: Sequence[dict[str, Any]]
    waiting: frozenset[str]

    def outcome(self, written: Sequence[Written]) -> dict[str, Any]:
        """Return changed and diff, without the keys that leave their place: check mode, which made none, cannot tell."""
        outcome = merge_written(written)
        outcome["diff"] = [diff for diff in outcome["diff"] if diff["after_header"] not in self.waiting]
        return outcome


def plan_installation(
    holdings: Sequence[Holding],
    signed: Mapping[str, Mapping[str, Any]],
    params: Mapping[str, Any],
    site: SiteAuthorities,
    now: datetime,
    check_mode: bool,
) -> Installation:
    """Work out all files.

    signed: what a signer returned, by name. params: crl_pem and trusted_files of the task.

    :raises PkiError: for a signed certificate that is not the one that was requested.
    :raises ModuleError: for one that is empty, outside of check mode.
    """
    files: list[DesiredFile] = []
    certificates = []
    for holding in holdings:
        name = holding.place.wanted.name
        own, leaf = _plan(holding, signed.get(name), now, check_mode)
        files += own
        certificates.append(describe_holding(holding, leaf, name in signed, now))
    files += further_files(holdings, params, site.common.trusted, check_mode)
    waiting = frozenset(holding.place.next_private_key for holding in holdings)
    # several certificates may share one root file
    return Installation(list(dict.fromkeys(files)), certificates, waiting)


def _plan(
    holding: Holding, signed: Mapping[str, Any] | None, now: datetime, check_mode: bool
) -> tuple[list[DesiredFile], x509.Certificate | None]:
    """The files of one certificate, and the certificate when it is known."""
    if signed is None:
        return kept_files(holding), holding.leaf
    wanted = holding.place.wanted
    whose = f"the certificate {wanted.name}"
    chain = load_certificates(signed["chain_pem"].encode(), f"{whose}: chain_pem") if signed["chain_pem"] else ()
    if not signed["certificate_pem"]:
        if not check_mode:
            raise ModuleError(f"{whose}: certificate_pem is empty; certificate_sign must run before, not in check mode")
        summary = summarise_wish(wanted.identity, wanted.usages, wanted.key_type, wanted.lifetime, signed["issuer"])
        return predicted_files(holding, summary, chain), None
    leaf = load_certificates(signed["certificate_pem"].encode(), f"{whose}: certificate_pem")[0]
    check_signed((leaf, *chain), wanted, holding.key_of(leaf), holding.authorities, now)
    return certificate_files(holding, leaf, chain), leaf
