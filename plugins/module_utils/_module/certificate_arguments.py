# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list ``certificates`` of certificate_request and certificate_install: its spec, and what it means.

The documentation fragment ``certificate`` is its twin.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._pki.authority import check_names
from .._pki.certificates import is_self_signed, load_certificates
from .._pki.compat import split_crls
from .._pki.errors import PkiError, UnreadableError
from .._pki.identity import parse_identity, render_name
from .._pki.keys import DEFAULT_KEY_TYPE, KEY_TYPES, check_key_passphrase
from .._pki.policy import RENEW_BEFORE_DAYS, Authorities, WantedCertificate
from .._pki.profiles import CLIENT, SERVER, is_authority, parse_usages
from .._pki.requests import check_file_name
from .._pki.validity import lifetime_of
from .arguments import Spec
from .errors import ModuleError
from .files import FileAttributes

if TYPE_CHECKING:
    from .._pki.compat import x509

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
            "renew_before_days": {"type": "int"},
            "renew_before_percent": {"type": "int"},
            "private_key": {"type": "path", "required": True, "no_log": False},
            "private_key_passphrase": {"type": "str", "no_log": True},
            "certificate": {"type": "path", "required": True},
            "fullchain": {"type": "path"},
            "root": {"type": "path"},
            "pkcs12": {"type": "path"},
            "pkcs12_passphrase": {"type": "str", "no_log": True},
            "pkcs8_der": {"type": "path"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0640"},
            "key_mode": {"type": "raw", "default": "0600", "no_log": False},
        },
    },
}

# What certificate_sign returns; certificate_install documents it.
SIGNED = {
    "name": {"type": "str", "required": True},
    "certificate_pem": {"type": "str"},
    "chain_pem": {"type": "str"},
    "serial_number": {"type": "str"},
    "not_after": {"type": "str"},
    "issuer": {"type": "str"},
}
_PLACES = (
    "private_key",
    "private_key_passphrase",
    "certificate",
    "fullchain",
    "root",
    "pkcs12",
    "pkcs12_passphrase",
    "pkcs8_der",
)


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
    private_key_passphrase: str | None = field(default=None, repr=False)
    pkcs12: str | None = None
    pkcs12_passphrase: str | None = field(default=None, repr=False)
    pkcs8_der: str | None = None

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
    own_files = [os.path.abspath(path) for place in places for path in _own_files(place)]
    _refuse_twice("the file", [*own_files, *{os.path.abspath(place.root) for place in places if place.root}])
    return places


def known_authorities(params: Mapping[str, Any]) -> Authorities:
    """Read issuer_pem, trusted_pem and crl_pem of a module, as far as it has them; an empty one is not given.

    :raises PkiError: for one that cannot be read, and for a trusted certificate that is no root.
    """
    texts = {name: (params.get(name) or "").strip().encode() for name in ("issuer_pem", "trusted_pem", "crl_pem")}
    issuer, trusted = (
        load_certificates(texts[name], name) if texts[name] else () for name in ("issuer_pem", "trusted_pem")
    )
    for one in trusted:
        if not (is_authority(one) and is_self_signed(one)):
            subject = render_name(one.subject)
            raise PkiError(f"trusted_pem holds {subject}, which is no root; give the roots alone")
    return Authorities(issuer, trusted, _revocation_lists(texts["crl_pem"]))


def _revocation_lists(content: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    if not content:
        return ()
    try:
        found = tuple(split_crls(content))
    except UnreadableError as error:
        raise UnreadableError(f"crl_pem: {error}; give the crl_pem that the CA returns") from error
    if not found:
        raise UnreadableError("crl_pem holds no revocation list in PEM; give the crl_pem that the CA returns")
    return found


def _place(item: Mapping[str, Any]) -> CertificatePlace:
    whose = f"the certificate {item['name']}"
    check_file_name(item["name"], "name of a certificate")
    usages = parse_usages(item["usages"], whose)
    identity = parse_identity(item["common_name"], item["subject"], item["dns_names"], item["ip_addresses"], whose)
    check_names(identity, usages, whose)
    for option in ("private_key_passphrase", "pkcs12_passphrase"):
        check_key_passphrase(item[option] or None, f"{whose}: {option}")
    days, percent = _renewal_window(item, whose)
    wanted = WantedCertificate(
        name=item["name"],
        identity=identity,
        usages=usages,
        key_type=item["key_type"],
        lifetime=lifetime_of(item["lifetime_days"], item["not_before"], item["not_after"], whose),
        renew_before_days=days,
        renew_before_percent=percent,
        wants_fullchain=bool(item["fullchain"]),
        wants_root=bool(item["root"]),
    )
    return CertificatePlace(
        wanted=wanted,
        attributes=FileAttributes.of(item),
        key_attributes=FileAttributes(item["owner"], item["group"], item["key_mode"]),
        **{option: item[option] or None for option in _PLACES},
    )


def _renewal_window(item: Mapping[str, Any], whose: str) -> tuple[int, int | None]:
    """Days and percent; a renewal that is asked for both ways is refused, because one of them would count for nothing."""
    days, percent = item["renew_before_days"], item["renew_before_percent"]
    if days is not None and percent is not None:
        raise ModuleError(f"{whose}: renew_before_days and renew_before_percent exclude each other; leave one out")
    if days is not None and days < 0:
        raise ModuleError(f"{whose}: renew_before_days is {days}, but must not be negative")
    if percent is not None and not 1 <= percent <= 99:
        raise ModuleError(f"{whose}: renew_before_percent is {percent}, but must be from 1 to 99")
    return RENEW_BEFORE_DAYS if days is None else days, percent


def _own_files(place: CertificatePlace) -> list[str]:
    """The files that no other certificate may share; several may point to one root."""
    paths = (
        place.private_key,
        place.next_private_key,
        place.certificate,
        place.fullchain,
        place.pkcs12,
        place.pkcs8_der,
    )
    return [path for path in paths if path]


def _refuse_twice(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ModuleError(f"certificates: {what} {value} is used twice; every certificate needs its own")
        seen.add(value)
