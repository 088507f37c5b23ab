# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home as one: the CA that issues, the CAs below it, and what is told of them and of their CRLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._pki.authority import Authority
from ..._pki.policy import Reason
from ..errors import ModuleError
from ..files.writer import Writer, Written, write_files
from .crls import NO_CRLS, CrlsOfHome
from .directory import StoredAuthority, certificate_path, read_authority, trusted_directories, write_directories
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


def write_authority(writer: Writer, ensured: EnsuredAuthority) -> list[Written]:
    """Write what is missing of a CA."""
    place = ensured.place
    written = write_directories(writer, place.directory, place.attributes, place.home)
    # first, so that the parent knows all that it signed
    write_files(writer, parent_copy(place, ensured.authority, ensured.reason))
    return written + write_files(writer, wanted_files(place, ensured.stored, ensured.authority))


def home_result(
    params: Mapping[str, Any], ensured: Sequence[EnsuredAuthority], kept: CrlsOfHome, now: datetime, check_mode: bool
) -> dict[str, Any]:
    """What the module ca reports: its CA, those below it, and the CRLs of the home, which it may have left alone."""
    authority, *intermediates = ensured
    place = authority.place
    crl_pem = stored_crls(place.home) if kept is NO_CRLS else kept.report["crl_pem"]
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
