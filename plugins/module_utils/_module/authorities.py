# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a CA's directory to a CA that can sign: open it, found it, or adopt one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._pki.authority import Authority, assemble_authority, load_authority
from .._pki.certificates import load_certificates, render_pem, serial_hex
from .._pki.compat import same_public_key, x509
from .._pki.foundation import (
    WantedAuthority,
    authority_differences,
    check_not_ended,
    check_passphrase,
    found_authority,
)
from .._pki.identity import identity_of
from .._pki.keys import load_private_key
from .._pki.policy import Reason
from .._pki.validity import lifetime_of
from .ca_directory import StoredAuthority, certificate_path, issued_file, key_path, read_authority
from .errors import ModuleError
from .files import Wanted, read_bytes


def open_authority(
    directory: str, passphrase: str | None, may_be_missing: bool = False, option: str = "passphrase"
) -> Authority | None:
    """Read the CA of a directory; ``option`` names where the passphrase comes from, in messages.

    :raises PkiError: when what is there is not one working CA.
    :raises ModuleError: when something is missing; with may_be_missing, no CA at all is None.
    """
    stored = read_authority(directory)
    if stored.is_empty and may_be_missing:
        return None
    if stored.is_empty:
        raise ModuleError(f"there is no CA in {directory}; make one with the module ca, or name its directory")
    return _load(stored, passphrase, option)


def _load(stored: StoredAuthority, passphrase: str | None, option: str = "passphrase") -> Authority:
    if stored.key is None:
        raise ModuleError(f"the CA's private key {key_path(stored.directory)} is missing; restore it")
    if stored.certificate is None:
        raise ModuleError(
            f"the CA's certificate {certificate_path(stored.directory)} is missing; run the module ca again"
        )
    key = load_private_key(stored.key, passphrase, key_path(stored.directory), option)
    return load_authority(key, stored.certificate, stored.chain, stored.directory)


def wanted_authority(params: Mapping[str, Any]) -> WantedAuthority:
    """The wish in the parameters of the module ca.

    :raises PkiError: for a lifetime that is none.
    """
    return WantedAuthority(
        lifetime_of(params["lifetime_days"], None, None, "the CA"),
        params["common_name"],
        params["subject"],
        params["key_type"],
        params["path_length"],
    )


def ensure_authority(
    params: Mapping[str, Any], stored: StoredAuthority, wanted: WantedAuthority, now: datetime
) -> tuple[Authority, Reason | None]:
    """The CA that is stored, or a new one and the reason for it; nothing is written.

    :raises PkiError: when what is there, or the wish, is no working CA.
    :raises ModuleError: when what is there is not what is wished.
    """
    directory, adopt = params["directory"], params["adopt"]
    if stored.certificate is not None:
        authority = _load(stored, params["passphrase"])
        if adopt:
            _refuse_another(authority, adopt["certificate"], directory)
        return _as_wished(params, wanted, authority), None
    check_passphrase(params["passphrase"])
    if adopt:
        authority, reason = _adopt(params, stored, now), Reason("adopted", f"{adopt['certificate']} was adopted")
    else:
        reason = Reason("missing", f"there was no CA in {directory}")
        authority = found_authority(wanted, _parent(params), _stored_key(params, stored), now)
    return _as_wished(params, wanted, authority), reason


def _as_wished(params: Mapping[str, Any], wanted: WantedAuthority, authority: Authority) -> Authority:
    if params["adopt"]:
        wanted = WantedAuthority(wanted.lifetime)
    different = authority_differences(authority, wanted, _parent_certificate(params))
    if different:
        raise ModuleError(
            f"the CA {authority.name} for {params['directory']} is not as wished: {'; '.join(different)}; "
            "change the options, or choose another directory for a new CA"
        )
    return authority


def parent_copy(params: Mapping[str, Any], authority: Authority, reason: Reason | None) -> list[Wanted]:
    """The parent's own copy of the CA certificate that it signed just now."""
    if params["parent"] is None or reason is None or reason.code == "adopted":
        return []
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", identity_of(authority.certificate).common_name)
    content = render_pem([authority.certificate]).encode()
    return [issued_file(params["parent"], name, serial_hex(authority.certificate), content)]


def _stored_key(params: Mapping[str, Any], stored: StoredAuthority) -> Any:
    """The key of a run that was interrupted before the certificate was written."""
    if stored.key is None:
        return None
    return load_private_key(stored.key, params["passphrase"], key_path(stored.directory))


def _parent(params: Mapping[str, Any]) -> Authority | None:
    if params["parent"] is None:
        return None
    return open_authority(params["parent"], params["parent_passphrase"], option="parent_passphrase")


def _parent_certificate(params: Mapping[str, Any]) -> x509.Certificate | None:
    """The parent's certificate; the parent of a CA that exists may be gone (kept offline)."""
    path = certificate_path(params["parent"]) if params["parent"] else None
    content = read_bytes(path) if path else None
    return load_certificates(content, str(path))[0] if content else None


def _adopt(params: Mapping[str, Any], stored: StoredAuthority, now: datetime) -> Authority:
    path, key_file = params["adopt"]["certificate"], params["adopt"]["private_key"]
    content, key_content = read_bytes(path), read_bytes(key_file)
    for file, found in ((path, content), (key_file, key_content)):
        if found is None:
            raise ModuleError(f"adopt: there is no file {file}; name the CA's certificate and private key")
    key = load_private_key(key_content or b"", params["passphrase"], key_file, may_be_plain=True)
    authority = assemble_authority(key, load_certificates(content or b"", path), path)
    check_not_ended(authority, path, now)
    waiting = _stored_key(params, stored)
    if waiting is not None and not same_public_key(waiting.public_key(), key.public_key()):
        raise ModuleError(f"{key_path(stored.directory)} is another key than {key_file}; choose another directory")
    return authority


def _refuse_another(authority: Authority, path: str, directory: str) -> None:
    content = read_bytes(path)
    if content is not None and load_certificates(content, path)[0] != authority.certificate:
        raise ModuleError(
            f"the CA in {certificate_path(directory)} is another one than {path}; choose another directory to adopt it"
        )
