# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list ``certificates`` of certificate_request and certificate_install: its spec, and what it means.

The documentation fragment ``certificate`` is kept in step with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..._pki.certificates import load_certificates
from ..._pki.compat import is_self_signed, split_crls
from ..._pki.entries import read_entry
from ..._pki.errors import PkiError, UnreadableError
from ..._pki.identity import render_name
from ..._pki.key_stores import check_store_passphrase
from ..._pki.keys import DEFAULT_KEY_TYPE, KEY_TYPES, check_key_passphrase
from ..._pki.policy import Authorities, WantedCertificate
from ..._pki.profiles import is_authority
from ..._pki.readable import readable
from ..errors import ModuleError
from ..files.writer import FileAttributes
from ..option_specs import Spec
from .entry_options import IDENTITY_OPTIONS, USAGES

if TYPE_CHECKING:
    from ..._pki.compat import x509

CERTIFICATE: Spec = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            **IDENTITY_OPTIONS,
            "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": DEFAULT_KEY_TYPE},
            "private_key": {"type": "path", "required": True, "no_log": False},
            "private_key_passphrase": {"type": "str", "no_log": True},
            "private_key_passphrase_file": {"type": "path", "no_log": False},
            "certificate": {"type": "path", "required": True},
            "fullchain": {"type": "path"},
            "root": {"type": "path"},
            "crl": {"type": "path"},
            "pkcs12": {"type": "path"},
            "pkcs12_passphrase": {"type": "str", "no_log": True},
            "pkcs8_der": {"type": "path"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0640"},
            "root_owner": {"type": "str"},
            "root_group": {"type": "str"},
            "root_mode": {"type": "raw", "default": "0644"},
            "key_mode": {"type": "raw", "default": "0600", "no_log": False},
            "untrusted_ca": {"type": "str"},
            "replace_revoked": {"type": "bool", "default": True},
        },
    },
}

# What certificate_sign returns; certificate_install documents it.
SIGNED = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "certificate_pem": {"type": "str"},
    "chain_pem": {"type": "str"},
    "serial_number": {"type": "str"},
    "not_after": {"type": "str"},
    "issuer": {"type": "str"},
}
# What a holder shall no longer have; certificate_request documents it.
ABSENT = {
    "name": {"type": "str", "required": True},
    "certificate": {"type": "path", "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
}
# The CAs that sign for some usages alone; certificate_request documents it.
ISSUER = {
    "usages": {"type": "list", "elements": "str", "choices": list(USAGES), "required": True},
    "chain_pem": {"type": "str"},
}
TRUSTED: Spec = {
    "trusted_pem": {"type": "str"},
    "crl_pem": {"type": "str"},
    "trusted_files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0644"},
        },
    },
}
_PLACES = (
    "private_key",
    "private_key_passphrase",
    "private_key_passphrase_file",
    "certificate",
    "fullchain",
    "root",
    "crl",
    "pkcs12",
    "pkcs12_passphrase",
    "pkcs8_der",
    "untrusted_ca",
    "replace_revoked",
)


@dataclass(frozen=True)
class SiteAuthorities:
    """What is known of the CAs of a site; special: the chains of those that sign for some usages alone."""

    common: Authorities
    special: tuple[tuple[frozenset[str], tuple[x509.Certificate, ...]], ...] = ()

    def signing_for(self, usages: Iterable[str]) -> Authorities:
        """The same with the CA that signs certificates of these usages."""
        for covered, chain in self.special:
            if covered.issuperset(usages):
                return replace(self.common, issuer=chain)
        return self.common


@dataclass(frozen=True)
class CertificatePlace:
    """Where a holder keeps one certificate, and what it shall be."""

    wanted: WantedCertificate
    private_key: str
    certificate: str
    fullchain: str | None
    root: str | None
    attributes: FileAttributes
    root_attributes: FileAttributes
    key_attributes: FileAttributes
    private_key_passphrase: str | None = field(default=None, repr=False)
    pkcs12: str | None = None
    pkcs12_passphrase: str | None = field(default=None, repr=False)
    pkcs8_der: str | None = None
    private_key_passphrase_file: str | None = None
    crl: str | None = None
    untrusted_ca: str | None = None
    replace_revoked: bool = True

    @property
    def next_private_key(self) -> str:
        """The key that waits for its certificate, because the one in use must keep working until then."""
        return f"{self.private_key}.next"

    def attributes_of(self, path: str | None) -> FileAttributes:
        """Owner and mode of one of the files that are public."""
        return self.root_attributes if path == self.root else self.attributes

    def authorities(self, site: SiteAuthorities) -> Authorities:
        """What is known of the CAs of this certificate; an untrusted one is no CA of the site."""
        if self.untrusted_ca:
            return Authorities()
        known = site.signing_for(self.wanted.usages)
        return known if self.replace_revoked else replace(known, revocations=())


def certificate_places(items: Sequence[Mapping[str, Any]]) -> list[CertificatePlace]:
    """Read the whole list before anything is done.

    :raises PkiError: for an item that cannot become a certificate.
    :raises ModuleError: for two items that would share a name or a file.
    """
    places = [_place(item) for item in items]
    _refuse_twice("the name", (place.wanted.name for place in places))
    own_files = [os.path.abspath(path) for place in places for path in _own_files(place)]
    shared = {os.path.abspath(path) for place in places for path in (place.root, place.crl) if path}
    _refuse_twice("the file", [*own_files, *shared])
    return places


def signed_by_name(signed: Sequence[dict[str, Any]], known: set[str]) -> dict[str, dict[str, Any]]:
    """Return the signed certificates by name.

    :raises ModuleError: for one that is not in the list of certificates.
    """
    for one in signed:
        if one["name"] not in known:
            raise ModuleError(f"signed holds {one['name']}, which is not in certificates; pass the same list to both")
    return {one["name"]: one for one in signed}


def site_authorities(params: Mapping[str, Any]) -> SiteAuthorities:
    """Read issuer_pem, issuers, trusted_pem and crl_pem of a module, as far as it has them; an empty one is not given.

    :raises PkiError: as ``known_authorities``.
    """
    special = []
    for item in params.get("issuers") or ():
        pem = (item["chain_pem"] or "").strip().encode()
        chain = load_certificates(pem, f"issuers: chain_pem for {', '.join(item['usages'])}") if pem else ()
        special.append((frozenset(item["usages"]), chain))
    return SiteAuthorities(known_authorities(params), tuple(special))


def known_authorities(params: Mapping[str, Any]) -> Authorities:
    """Read issuer_pem, trusted_pem and crl_pem of a module, as far as it has them; an empty one is not given.

    :raises PkiError: for one that cannot be read, and for a trusted certificate that is not a root.
    """
    texts = {name: (params.get(name) or "").strip().encode() for name in ("issuer_pem", "trusted_pem", "crl_pem")}
    issuer, trusted = (
        load_certificates(texts[name], name) if texts[name] else () for name in ("issuer_pem", "trusted_pem")
    )
    for one in trusted:
        with readable("trusted_pem"):
            is_root = is_authority(one) and is_self_signed(one)
        if not is_root:
            subject = render_name(one.subject)
            raise PkiError(f"trusted_pem holds {subject}, which is not a root; give only roots")
    return Authorities(issuer, trusted, _revocation_lists(texts["crl_pem"]))


def _revocation_lists(content: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    if not content:
        return ()
    try:
        found = tuple(split_crls(content))
    except UnreadableError as error:
        raise UnreadableError(f"crl_pem: {error}; give the crl_pem that the CA returns") from error
    if not found:
        raise UnreadableError("crl_pem holds no CRL in PEM; give the crl_pem that the CA returns")
    return found


def _place(item: Mapping[str, Any]) -> CertificatePlace:
    entry = read_entry(item)
    for option in ("private_key_passphrase", "pkcs12_passphrase"):
        check_key_passphrase(item[option] or None, f"{entry.whose}: {option}")
    check_store_passphrase(item["pkcs12_passphrase"] or None, f"{entry.whose}: pkcs12_passphrase")
    if item["pkcs8_der"] and item["private_key_passphrase"]:
        raise ModuleError(
            f"{entry.whose}: pkcs8_der and private_key_passphrase exclude each other, because no client opens an "
            "encrypted key in DER; use pkcs12 with pkcs12_passphrase instead, or leave out the passphrase"
        )
    if item["untrusted_ca"] and not item["root"]:
        raise ModuleError(
            f"{entry.whose}: untrusted_ca is given without root; name a file for the certificate of that CA"
        )
    wanted = WantedCertificate(
        **vars(entry),
        key_type=item["key_type"],
        wants_fullchain=bool(item["fullchain"]),
        wants_root=bool(item["root"]),
    )
    return CertificatePlace(
        wanted=wanted,
        attributes=FileAttributes.of(item),
        root_attributes=_root_attributes(item),
        key_attributes=FileAttributes(item["owner"], item["group"], item["key_mode"]),
        **{option: item[option] or None for option in _PLACES},  # type: ignore[arg-type] # the spec requires some of them
    )


def _root_attributes(item: Mapping[str, Any]) -> FileAttributes:
    """The file may be shared by holders of several owners, so it may have an owner of its own, or none that is told."""
    owner, group = (
        item[option] if item[f"root_{option}"] is None else item[f"root_{option}"] or None
        for option in ("owner", "group")
    )
    return FileAttributes(owner, group, item["root_mode"])


def _own_files(place: CertificatePlace) -> list[str]:
    """The files that no other certificate may share; several may point to one root."""
    paths = (
        place.private_key,
        place.next_private_key,
        place.certificate,
        place.fullchain,
        place.pkcs12,
        place.pkcs8_der,
        place.private_key_passphrase_file,
    )
    return [path for path in paths if path]


def _refuse_twice(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ModuleError(f"certificates: {what} {value} is used twice; every certificate needs its own")
        seen.add(value)
