# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home as one: the CA that issues, the CAs below it, and what is told of them and of their CRLs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..._pki.authority import Authority
from ..._pki.policy import Reason
from ..errors import ModuleError
from ..files.writer import DesiredFile, Writer, Written, write_files
from .crls import NO_CRLS, CrlsOfHome
from .directory import (
    StoredAuthority,
    certificate_path,
    crl_path,
    read_authority,
    trusted_directories,
    write_directories,
)
from .foreign_crls import adopted_crl, check_all_above, crls_above
from .open_or_create import (
    AuthorityPlace,
    authority_facts,
    authority_place,
    ensure_authority,
    parent_copy,
    stored_crls,
    trusted_pem,
    wanted_authority,
    wanted_files,
)


def intermediate_parameters(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the module ca for each of ``intermediates``, as a task for that one alone would have them.

    :raises ModuleError: for a name that two of them have.
    """
    items = params["intermediates"]
    names = [item["name"] for item in items]
    for name in names:
        if names.count(name) > 1:
            raise ModuleError(f"intermediates: {name} is the name of more than one; give each a name of its own")
    of_root = {"parent": None, "parent_passphrase": params["passphrase"], "adopt": None}
    return [{**params, **of_root, **_inheriting(item, params), "intermediate": item["name"]} for item in items]


def _inheriting(item: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    inherited = {name: params[name] for name in ("subject", "key_type", "passphrase") if item[name] is None}
    return {**item, **inherited}


@dataclass(frozen=True)
class EnsuredAuthority:
    """A CA as it shall be, beside what is stored; reason says why it is made, and is None where it exists."""

    place: AuthorityPlace
    stored: StoredAuthority
    authority: Authority
    reason: Reason | None


def ensure_authorities(
    all_params: Sequence[Mapping[str, Any]], now: datetime, may_be_promised: bool
) -> list[EnsuredAuthority]:
    """The CA of the first parameters, and those of the others below it; nothing is written.

    :raises PkiError: when what is there, or a wish, is not a working CA.
    :raises ModuleError: when what is there is not what is requested.
    """
    ensured: list[EnsuredAuthority] = []
    for params in all_params:
        place = authority_place(params)
        stored, wanted = read_authority(place.directory), wanted_authority(params, place)
        above = ensured[0].authority if ensured else None
        authority, reason = ensure_authority(place, stored, wanted, now, may_be_promised, above)
        ensured.append(EnsuredAuthority(place, stored, authority, reason))
    return ensured


def ensure_foreign_crls(
    params: Mapping[str, Any], ensured: EnsuredAuthority, now: datetime
) -> tuple[str, list[DesiredFile], list[str]]:
    """The CRLs of the CAs above (PEM), the files of CRLs that come from elsewhere, and what to warn of.

    :raises PkiError: for a CRL that is not the current one of its CA.
    :raises ModuleError: when CRLs are in use, and servers would miss one of a CA above.
    """
    place, chain, adopt = ensured.place, ensured.authority.chain, params["adopt"] or {}
    files, path = adopted_crl(place.directory, adopt.get("crl"), chain[0]), crl_path(place.directory)
    above = crls_above(place.home, params["crls_above"], chain, now)
    in_use = params["crl"] or params["revocations"] or files or os.path.exists(path)
    if in_use and place.parent is None:
        check_all_above(chain, above.pem)
    warnings = list(above.warnings)
    if ensured.reason is not None and ensured.reason.code == "adopted" and not files and not os.path.exists(path):
        warnings.append(
            f"the CA {ensured.authority.name} is adopted without a CRL, so whatever it has revoked is not revoked in the CRLs made "
            "here; name its latest CRL in adopt.crl"
        )
    return above.pem, [*files, *above.files], warnings


def write_authority(writer: Writer, ensured: EnsuredAuthority, more: Sequence[DesiredFile] = ()) -> list[Written]:
    """Write what is missing of a CA; ``more`` comes before its certificate, so that a killed run is completed."""
    place = ensured.place
    written = write_directories(writer, place.directory, place.attributes, place.home)
    # first, so that the parent knows all that it signed
    write_files(writer, parent_copy(place, ensured.authority, ensured.reason))
    stored = ensured.stored
    if ensured.reason is not None and ensured.reason.code == "renewed":
        stored = replace(stored, certificate=None, chain=None)
    return written + write_files(writer, [*more, *wanted_files(place, stored, ensured.authority)])


def home_result(
    params: Mapping[str, Any],
    ensured: Sequence[EnsuredAuthority],
    kept: CrlsOfHome,
    above: str,
    now: datetime,
    check_mode: bool,
) -> dict[str, Any]:
    """What the module ca reports: its CA, those below it, and the CRLs of the home, which it may have left alone."""
    authority, *intermediates = ensured
    place = authority.place
    crl_pem = kept.report["crl_pem"]
    if kept is NO_CRLS:
        stored = stored_crls(place.home)
        crl_pem = stored + above if stored else ""
    return {
        **kept.report,
        **_result(authority, now, check_mode),
        "generation": place.generation,
        "phase": place.phase,
        "path": certificate_path(place.directory),
        "trusted_pem": trusted_pem(trusted_directories(place.home), may_be_missing=check_mode),
        "intermediates": [
            {"name": item["name"], "usages": item["usages"] or [], **_result(one, now, check_mode)}
            for item, one in zip(params["intermediates"], intermediates)
        ],
        "crl_pem": crl_pem + (stored_crls(place.parent_home) if place.parent_home else ""),
        "crls_changed": kept.changed,
    }


def _result(ensured: EnsuredAuthority, now: datetime, check_mode: bool) -> dict[str, Any]:
    reason = ensured.reason
    return {
        **authority_facts(ensured.authority, now, promised=check_mode and reason is not None),
        "directory": ensured.place.directory,
        "reasons": [] if reason is None else [{"code": reason.code, "sentence": reason.sentence}],
    }
