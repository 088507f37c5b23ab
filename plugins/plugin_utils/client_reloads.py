# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory wants reloaded when certificates of a host change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .client_installation import wanted_certificates
from .site_clients import ClientEntry

# What says so, in an entry of pgtls_clients and in one of pgtls_client_further_certificates.
_SERVICES, _COMMANDS = "reload", "reload_commands"
_FILES = ("private_key", "fullchain", "root", "crl", "pkcs12", "pkcs8_der")


def without_reloads(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """A further certificate in the form of certificate_request."""
    return {key: value for key, value in certificate.items() if key not in (_SERVICES, _COMMANDS)}


def uses_of(
    clients: Sequence[ClientEntry],
    settings: Mapping[str, Any],
    further: Sequence[Mapping[str, Any]],
    codes: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """The certificates that something uses, in the form of certificate_reload; codes: why they are due, by name."""
    certificates = [*wanted_certificates(clients, settings), *further]
    return [
        _use(wishes, certificate, codes.get(str(certificate["name"]), ()))
        for wishes, certificate in zip([*clients, *further], certificates, strict=True)
        if wishes.get(_SERVICES) or wishes.get(_COMMANDS)
    ]


def _use(wishes: Mapping[str, Any], certificate: Mapping[str, Any], codes: Sequence[str]) -> dict[str, Any]:
    commands = [
        {"argv": list(command["argv"]), "user": command.get("user") or certificate.get("owner") or None}
        for command in wishes.get(_COMMANDS) or ()
    ]
    return {
        "name": certificate["name"],
        "certificate": certificate["certificate"],
        "files": [certificate[kind] for kind in _FILES if certificate.get(kind)],
        "services": list(wishes.get(_SERVICES) or ()),
        "commands": commands,
        "is_new": "missing" in codes,
        "is_due": bool(codes),
    }
