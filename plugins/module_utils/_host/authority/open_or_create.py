# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a CA's directory to a CA that can sign: open it, found it, or adopt one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._pki.acceptance import check_adoptable, check_key_kinds
from ..._pki.answers import complete_chain
from ..._pki.authority import Authority, assemble_authority, load_authority
from ..._pki.certificates import describe, load_certificates, render_pem, serial_hex
from ..._pki.compat import is_self_signed, not_after, not_before, same_public_key, x509
from ..._pki.creation import (
    WantedAuthority,
    authority_differences,
    found_authority,
    parse_scope,
    stand_in,
    summarise_authority,
)
from ..._pki.errors import PkiError
from ..._pki.identity import identity_of
from ..._pki.keys import check_key_passphrase, load_private_key, serialise_private_key
from ..._pki.policy import Reason
from ..._pki.readable import readable
from ..._pki.rollover import INTRODUCE, STABLE
from ..._pki.validity import lifetime_of
from ..errors import ModuleError
from ..files.reading import read_bytes
from ..files.writer import DesiredFile, FileAttributes
from .directory import (
    StoredAuthority,
    all_authority_directories,
    authority_directory,
    authority_files,
    certificate_path,
    chain_path,
    completed,
    crl_path,
    issued_file,
    key_path,
    read_authority,
    trusted_directories,
)
from .rollover_state import read_rollover

# A CA below another one has to end before it, also when that one is some years old.
_ROOT_DAYS, _LOWER_DAYS = 3650, 1825


def open_authority(
    directory: str,
    passphrase: str | None,
    may_be_missing: bool = False,
    option: str = "passphrase",
    way_out: str = "name its directory",
) -> Authority | None:
    """Read the CA of a directory; ``option`` names where the passphrase comes from, in messages.

    :raises PkiError: when what is there is not one working CA.
    :raises ModuleError: when something is missing; with may_be_missing, no CA at all is None.
    """
    stored = read_authority(directory)
    if stored.is_empty and may_be_missing:
        return None
    if stored.is_empty:
        raise ModuleError(f"there is no CA in {directory}; make one with the module ca, or {way_out}")
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


@dataclass(frozen=True)
class AuthorityPlace:
    """Where a CA is kept, and what a task says about opening or making it.

    home: the directory with the state of the root and of the CAs below it. directory: that of this CA. parent: the directory
    of the CA above it; parent_home: the home of that one, where it has one of its own. adopt: the files ``certificate`` and
    ``private_key`` of a CA to take over. generation, phase: those of the home. must_exist: only a rollover makes such a CA.
    """

    home: str
    directory: str
    passphrase: str | None = field(default=None, repr=False)
    parent: str | None = None
    parent_home: str | None = None
    parent_passphrase: str | None = field(default=None, repr=False)
    adopt: Mapping[str, str] | None = None
    attributes: FileAttributes = FileAttributes()
    generation: int = 1
    phase: str = STABLE
    must_exist: bool = False


def authority_place(params: Mapping[str, Any]) -> AuthorityPlace:
    """Read the parameters of the module ca.

    :raises ModuleError: for a damaged rollover.json, and for an intermediate that is not a plain name.
    """
    home, intermediate = params["directory"], params["intermediate"]
    state, parent = read_rollover(home), None
    if intermediate is not None:
        parent = authority_directory(home)
    elif params["parent"] is not None:
        if not params["parent"]:
            raise ModuleError("parent is empty; name the directory of the CA above")
        parent = authority_directory(params["parent"])
    return AuthorityPlace(
        home=home,
        directory=authority_directory(home, intermediate),
        passphrase=params["passphrase"],
        parent=parent,
        parent_home=params["parent"],
        parent_passphrase=params["parent_passphrase"],
        adopt=params["adopt"],
        attributes=FileAttributes(params["owner"], params["group"]),
        generation=state.issuing,
        phase=state.phase,
        must_exist=state.issuing > 1 and intermediate is None,
    )


def wanted_authority(params: Mapping[str, Any], place: AuthorityPlace) -> WantedAuthority:
    """The CA that the parameters of the module ca request.

    :raises PkiError: for a lifetime or a limit that is none.
    """
    days = params["lifetime_days"]
    if days is None:
        days = _ROOT_DAYS if place.parent is None else _LOWER_DAYS
    return WantedAuthority(
        lifetime_of(days, None, None, "the CA"),
        params["common_name"],
        params["subject"],
        params["key_type"],
        parse_scope(params["path_length"], params["usages"], params["permitted_dns_domains"]),
    ).of_generation(place.generation)


def ensure_authority(
    place: AuthorityPlace,
    stored: StoredAuthority,
    wanted: WantedAuthority,
    now: datetime,
    may_be_promised: bool = False,
    above: Authority | None = None,
) -> tuple[Authority, Reason | None]:
    """The CA that is stored, or a new one and the reason for it; nothing is written.

    :param may_be_promised: in check mode, an earlier task only promised to make the parent.
    :param above: the parent, where the caller has it.
    :raises PkiError: when what is there, or the wish, is not a working CA.
    :raises ModuleError: when what is there is not what is requested.
    """
    directory, adopt = place.directory, place.adopt
    if adopt:
        _refuse_another(place.home, adopt["certificate"])
    if stored.certificate is not None:
        authority = _load(stored, place.passphrase)
        renewed = _renewed(authority, adopt["certificate"], now) if adopt else None
        if adopt and renewed is not None:
            reason = Reason("renewed", f"{adopt['certificate']} is a renewal of the CA with the same key")
            return _as_wished(place, wanted, renewed, above), reason
        return _as_wished(place, wanted, authority, above), None
    if place.must_exist:
        raise ModuleError(
            f"the CA in {place.home} is in generation {place.generation}, but {certificate_path(directory)} "
            "is missing; restore it"
        )
    check_key_passphrase(place.passphrase, "passphrase")
    if adopt:
        authority, reason = _adopt(place, adopt, stored, now), Reason("adopted", f"{adopt['certificate']} was adopted")
    else:
        reason = Reason("missing", f"there was no CA in {directory}")
        parent = above or _parent(place, may_be_promised)
        signer = parent or (stand_in(wanted, now) if place.parent else None)
        authority = found_authority(wanted, signer, _stored_key(place, stored), now)
        if place.parent is not None and parent is None:
            return authority, reason
    return _as_wished(place, wanted, authority, above), reason


def wanted_files(place: AuthorityPlace, stored: StoredAuthority, authority: Authority) -> list[DesiredFile]:
    """The files of a CA as they shall be; what is stored stays."""
    key = b"" if stored.key else serialise_private_key(authority.key, place.passphrase)
    certificate, chain = (render_pem(each).encode() for each in (authority.chain[:1], authority.chain))
    after = summarise_authority(authority.certificate)
    shown = (None if stored.certificate is None else after, after)
    return authority_files(completed(stored, key, certificate, chain), place.attributes, shown)


def authority_facts(authority: Authority, now: datetime, promised: bool) -> dict[str, Any]:
    """What the module ca reports of a CA; what is random is None while check mode only promises it."""
    facts = describe(authority.certificate, now)
    told = {
        "certificate_pem": render_pem(authority.chain[:1]),
        "chain_pem": render_pem(authority.chain),
        "root_pem": render_pem(authority.chain[-1:]),
        "fingerprint_sha256": facts["fingerprint_sha256"],
        "serial_number": facts["serial_number"],
    }
    return {**(dict.fromkeys(told) if promised else told), "not_after": facts["not_after"]}


def trusted_pem(directories: Sequence[str], may_be_missing: bool = False) -> str | None:
    """The roots of some CAs, one after the other; None when one of them is yet to be made (check mode).

    :raises ModuleError: when a CA is missing that may not be.
    :raises PkiError: when one of the files is damaged.
    """
    roots = []
    for directory in directories:
        own, chain = read_bytes(certificate_path(directory)), read_bytes(chain_path(directory))
        if own is None and may_be_missing:
            return None
        if own is None:
            raise ModuleError(f"{certificate_path(directory)} is missing, but is trusted; restore it")
        roots.append(load_certificates(chain or own, chain_path(directory))[-1])
    return render_pem(dict.fromkeys(roots))


def stored_crls(home: str) -> str:
    """All CRLs of a home, one after the other."""
    found = (read_bytes(crl_path(directory)) for directory in all_authority_directories(home))
    return "".join(content.decode("ascii", "replace") for content in found if content)


def _as_wished(
    place: AuthorityPlace, wanted: WantedAuthority, authority: Authority, above: Authority | None
) -> Authority:
    is_adopted = place.adopt and place.generation == 1
    if is_adopted or place.phase == INTRODUCE:  # by then the options may speak of the successor
        wanted = WantedAuthority(wanted.lifetime)
    parents = _parent_certificates(place) if above is None else [above.certificate]
    different = authority_differences(authority, wanted, parents)
    if different:
        raise ModuleError(
            f"the CA {authority.name} for {place.directory} is not as requested: {'; '.join(different)}; "
            "change the options, or choose another directory for a new CA"
        )
    return authority


def parent_copy(place: AuthorityPlace, authority: Authority, reason: Reason | None) -> list[DesiredFile]:
    """The parent's own copy of the CA certificate that it signed just now."""
    if place.parent is None or reason is None or reason.code == "adopted":
        return []
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", identity_of(authority.certificate).common_name)
    content = render_pem([authority.certificate]).encode()
    return [issued_file(place.parent, name, serial_hex(authority.certificate), content)]


def _stored_key(place: AuthorityPlace, stored: StoredAuthority) -> Any:
    """The key of a run that was interrupted before the certificate was written."""
    if stored.key is None:
        return None
    return load_private_key(stored.key, place.passphrase, key_path(stored.directory))


def _parent(place: AuthorityPlace, may_be_missing: bool) -> Authority | None:
    if place.parent is None:
        return None
    way_out = "name the directory of another parent"
    return open_authority(place.parent, place.parent_passphrase, may_be_missing, "parent_passphrase", way_out)


def _parent_certificates(place: AuthorityPlace) -> list[x509.Certificate]:
    """The CAs that may have signed this one; the parent of a CA that exists may be gone (kept offline)."""
    directories = [] if place.parent is None else [place.parent]
    if place.parent_home is not None:  # a CA with a home of its own keeps its issuer while that one is trusted
        directories = trusted_directories(place.parent_home)
    found = ((path, read_bytes(path)) for path in map(certificate_path, directories))
    return [load_certificates(content, path)[0] for path, content in found if content]


def _adopt(place: AuthorityPlace, adopt: Mapping[str, str], stored: StoredAuthority, now: datetime) -> Authority:
    path, key_file = adopt["certificate"], adopt["private_key"]
    content, key_content = read_bytes(path), read_bytes(key_file)
    for file, found in ((path, content), (key_file, key_content)):
        if found is None:
            raise ModuleError(f"adopt: there is no file {file}; name the CA's certificate and private key")
    with readable(path):
        certificates = load_certificates(content or b"", path, any_key=True)  # its kind is judged below
    try:
        key = load_private_key(key_content or b"", place.passphrase, key_file, may_be_plain=True)
        with readable(path):
            authority = assemble_authority(key, _in_order(certificates, key, path), path)
    except PkiError:  # an old library stops here, and does not say why
        check_key_kinds(certificates, path)
        raise
    with readable(path):
        check_adoptable(authority.chain, path, now)
    waiting = _stored_key(place, stored)
    if waiting is not None and not same_public_key(waiting.public_key(), key.public_key()):
        raise ModuleError(f"{key_path(stored.directory)} differs from {key_file}; choose another directory")
    return authority


def _in_order(found: Sequence[x509.Certificate], key: Any, path: str) -> tuple[x509.Certificate, ...]:
    """The CA's own certificate and those above it, in whatever order a bundle has them, and however often.

    :raises PkiError: when one of them is missing.
    """
    own = max(
        (one for one in found if same_public_key(one.public_key(), key.public_key())), key=not_before, default=found[0]
    )
    if is_self_signed(own):
        return (own,)
    return (own, *complete_chain(own, found, path, f"append it to {path}"))


def _renewed(present: Authority, path: str, now: datetime) -> Authority | None:
    """The CA with certificates of the same names and keys that were made later, for itself or the CAs above it.

    :raises PkiError: for a renewal that no client would accept.
    """
    content = read_bytes(path)
    if content is None:  # once adopted, the files may be moved away
        return None
    chain = _in_order(load_certificates(content, path), present.key, path)
    pairs = list(zip(present.chain, chain))
    if len(present.chain) != len(chain) or present.chain == chain:
        return None
    if not all(_is_same_ca(*pair) and _dates(pair[0]) <= _dates(pair[1]) for pair in pairs):
        return None
    with readable(path):
        check_adoptable(chain, path, now)
    return assemble_authority(present.key, chain, path)


def _dates(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    return not_before(certificate), not_after(certificate)


def _is_same_ca(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.subject == other.subject and same_public_key(one.public_key(), other.public_key())


def _refuse_another(home: str, path: str) -> None:
    """What was adopted is generation 1, whichever issues now."""
    content, own = read_bytes(path), read_bytes(certificate_path(home))
    if content is None or own is None:
        return
    present = load_certificates(own, certificate_path(home))[0]
    if not any(_is_same_ca(present, one) for one in load_certificates(content, path)):
        raise ModuleError(
            f"the CA in {certificate_path(home)} differs from {path}; choose another directory to adopt it"
        )
