# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list ``certificates`` of certificate_request and certificate_install: its spec, and what it means.

The documentation fragment ``certificate`` is its twin.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._pki.authority import check_names
from .._pki.identity import parse_identity
from .._pki.keys import DEFAULT_KEY_TYPE, KEY_TYPES
from .._pki.policy import WantedCertificate
from .._pki.profiles import CLIENT, SERVER, parse_usages
from .._pki.requests import check_file_name
from .._pki.validity import lifetime_of
from .arguments import Spec
from .errors import ModuleError
from .files import FileAttributes

CERTIFICATE: Spec = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "common_name": {"type": "str", "required": True},
            "subject": {"type": "dict"},
            "dns_names": {"type": "list", "elements": "str", "default": []},
            "ip_addresses": {"type": "list", "elements": "str", "default": []},
            "usages": {"type": "list", "elements": "str", "choices": [SERVER, CLIENT], "required": True},
            "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": DEFAULT_KEY_TYPE},
            "lifetime_days": {"type": "int", "default": 365},
            "not_before": {"type": "str"},
            "not_after": {"type": "str"},
            "renew_before_days": {"type": "int", "default": 30},
            "private_key": {"type": "path", "required": True, "no_log": False},
            "certificate": {"type": "path", "required": True},
            "fullchain": {"type": "path"},
            "root": {"type": "path"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0640"},
            "key_mode": {"type": "raw", "default": "0600", "no_log": False},
        },
    },
}


@dataclass(frozen=True)
class CertificatePlace:
    """Where a holder keeps one certificate, and what it shall be."""

    wanted: WantedCertificate
    private_key: str
    certificate: str
    fullchain: str | None
    root: str | None
    attributes: FileAttributes
    key_attributes: FileAttributes

    @property
    def next_private_key(self) -> str:
        """The key that waits for its certificate, because the one in use must keep working until then."""
        return f"{self.private_key}.next"


def certificate_places(items: Sequence[Mapping[str, Any]]) -> list[CertificatePlace]:
    """Read the whole list before anything is done.

    :raises PkiError: for an item that cannot become a certificate.
    :raises ModuleError: for two items that would share a name or a file.
    """
    places = [_place(item) for item in items]
    _refuse_twice("the name", (place.wanted.name for place in places))
    own_files = (os.path.abspath(path) for place in places for path in _own_files(place))
    _refuse_twice("the file", own_files)
    return places


def _place(item: Mapping[str, Any]) -> CertificatePlace:
    whose = f"the certificate {item['name']}"
    check_file_name(item["name"], "name of a certificate")
    usages = parse_usages(item["usages"], whose)
    identity = parse_identity(item["common_name"], item["subject"], item["dns_names"], item["ip_addresses"], whose)
    check_names(identity, usages, whose)
    if item["renew_before_days"] < 0:
        raise ModuleError(f"{whose}: renew_before_days is {item['renew_before_days']}, but must not be negative")
    wanted = WantedCertificate(
        name=item["name"],
        identity=identity,
        usages=usages,
        key_type=item["key_type"],
        lifetime=lifetime_of(item["lifetime_days"], item["not_before"], item["not_after"], whose),
        renew_before_days=item["renew_before_days"],
        wants_fullchain=bool(item["fullchain"]),
        wants_root=bool(item["root"]),
    )
    return CertificatePlace(
        wanted,
        item["private_key"],
        item["certificate"],
        item["fullchain"],
        item["root"],
        FileAttributes.of(item),
        FileAttributes(item["owner"], item["group"], item["key_mode"]),
    )


def _own_files(place: CertificatePlace) -> list[str]:
    """The files that no other certificate may share; several may point to one root."""
    return [path for path in (place.private_key, place.certificate, place.fullchain) if path]


def _refuse_twice(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ModuleError(f"certificates: {what} {value} is used twice; every certificate needs its own")
        seen.add(value)
