# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a certificate's holder: read them as values, and say what they shall be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..._pki.certificates import describe, load_certificates, render_pem, summarise, without_root
from ..._pki.compat import same_public_key
from ..._pki.errors import UnreadableError
from ..._pki.key_stores import KeyBundle, holds_pkcs8, holds_pkcs12, pkcs12_bytes
from ..._pki.keys import key_type_of, load_private_key, private_key_der
from ..._pki.policy import Authorities, InstalledCertificate, Revocation, chain_root, revocation_of
from ..._pki.published_crls import check_crls_follow
from ..files.reading import read_bytes
from ..files.writer import DesiredFile, ExpectedContent, FileAttributes
from .options import CertificatePlace, SiteAuthorities

if TYPE_CHECKING:
    from datetime import datetime

    from ..._pki.compat import PrivateKey, x509

_PREDICTED = b"predicted"


@dataclass(frozen=True)
class Holding:
    """What a holder has of one certificate; new_key is one that was made in this run.

    contents: what was read of its PEM files, by path; a file that is missing is not there.
    authorities: what is known of the CAs of this certificate.
    revocation: the entry of the installed certificate in a list of its CA.
    """

    place: CertificatePlace
    authorities: Authorities
    current: InstalledCertificate
    contents: Mapping[str, bytes] = field(repr=False)
    key: PrivateKey | None = field(repr=False)
    next_key: PrivateKey | None = field(repr=False)
    new_key: PrivateKey | None = field(default=None, repr=False)
    revocation: Revocation | None = None

    @property
    def leaf(self) -> x509.Certificate | None:
        """The installed certificate itself."""
        return next(iter(self.current.certificates), None)

    @property
    def is_on_hold(self) -> bool:
        """Whether the CA has taken the certificate back for a time."""
        return self.revocation is not None and self.revocation.is_hold

    def signing_key(self) -> PrivateKey | None:
        """The key that the certificate shall belong to: the first of the wanted type that was not revoked."""
        kept = (self.next_key, self.key) if self._arrived() else (self.key, self.next_key)
        for key in (*kept, self.new_key):
            if key is not None and key_type_of(key) == self.place.wanted.key_type and not self._is_revoked(key):
                return key
        return None

    def _arrived(self) -> bool:
        """Whether the certificate of the waiting key is in place already; a run was killed before it moved the key."""
        return self.leaf is not None and self.next_key is not None and self.key_of(self.leaf) is self.next_key

    def _is_revoked(self, key: PrivateKey) -> bool:
        if self.revocation is None or self.is_on_hold or self.leaf is None:
            return False
        return same_public_key(key.public_key(), self.leaf.public_key())

    def key_of(self, leaf: x509.Certificate) -> PrivateKey | None:
        """The key, in use or waiting, that a certificate belongs to."""
        for key in (self.key, self.next_key):
            if key is not None and same_public_key(key.public_key(), leaf.public_key()):
                return key
        return None


def read_holding(place: CertificatePlace, site: SiteAuthorities) -> Holding:
    """Read the files of one certificate; a damaged certificate is a reason to renew, a damaged key is an error.

    :param site: what is known of the CAs of the site.
    :raises PkiError: for a private key, or a CRL, that cannot be used.
    :raises ModuleError: when a file exists but cannot be read.
    """
    paths = (place.certificate, place.fullchain, place.root, place.private_key, place.next_private_key)
    found = {path: read_bytes(path) for path in paths if path}
    contents = {path: content for path, content in found.items() if content is not None}
    authorities = place.authorities(site)
    current = InstalledCertificate(fullchain=_readable(place.fullchain, contents), root=_readable(place.root, contents))
    if place.certificate in contents:
        try:
            certificates = load_certificates(contents[place.certificate], place.certificate)
            current = replace(current, certificates=certificates)
        except UnreadableError as error:
            current = replace(current, problem=str(error))
    key, next_key = (
        load_private_key(
            contents[path], place.private_key_passphrase, path, "private_key_passphrase", may_be_plain=True
        )
        if path in contents
        else None
        for path in (place.private_key, place.next_private_key)
    )
    return Holding(place, authorities, current, contents, key, next_key, revocation=revocation_of(current, authorities))


def _readable(path: str | None, contents: Mapping[str, bytes]) -> tuple[x509.Certificate, ...]:
    try:
        return load_certificates(contents[path], path) if path and path in contents else ()
    except UnreadableError:
        return ()


def certificate_files(holding: Holding, leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> list[DesiredFile]:
    """All files of a certificate, in the order in which they are written.

    The certificate is followed at once by the key that belongs to it, so the pair is mixed for one rename at most.
    Should the run be killed just there, the key still waits in its ``.next`` file and the next run moves it.
    What is made of both comes last. The root file holds what is trusted, or else the root of the chain.
    """
    place, current, exact = holding.place, holding.current, holding.place.wanted.lifetime.is_exact
    contents = (
        (place.root, current.root, holding.authorities.trusted or chain[-1:]),
        (place.fullchain, current.fullchain, (leaf, *chain)),
        (place.certificate, current.certificates, (leaf, *without_root(chain))),
    )
    files = [
        DesiredFile(
            path,
            render_pem(after).encode(),
            place.attributes_of(path),
            shown=(_summary(before, exact), _summary(after, exact)),
        )
        for path, before, after in contents
        if path
    ]
    key = holding.key_of(leaf)
    return files + _key_files(holding, key) + _delivery_files(holding, key, (leaf, *chain))


def _key_files(holding: Holding, key: PrivateKey | None, is_waited_for: bool = False) -> list[DesiredFile]:
    """The private key in its place; what waited beside it goes when it has arrived, or when nobody waits for it."""
    place = holding.place
    path = place.next_private_key if key is not None and key is holding.next_key else place.private_key
    if path not in holding.contents:
        return []
    seen = ExpectedContent(holding.contents.get(place.private_key))
    files = [DesiredFile(place.private_key, holding.contents[path], place.key_attributes, secret=True, seen=seen)]
    if key is not None and not is_waited_for:
        files.append(DesiredFile(place.next_private_key, None, secret=True))
    return files


def _delivery_files(
    holding: Holding, key: PrivateKey | None, certificates: Sequence[x509.Certificate]
) -> list[DesiredFile]:
    """The other shapes of a key and its certificate; a file that holds the same already keeps its bytes."""
    if key is None:
        return []
    place, files = holding.place, []
    delivery = KeyBundle(key, certificates[0], tuple(certificates[1:]))
    if place.pkcs12:
        store = read_bytes(place.pkcs12)
        if store is None or not holds_pkcs12(store, place.pkcs12_passphrase, delivery):
            store = pkcs12_bytes(delivery, place.pkcs12_passphrase, f"the certificate {place.wanted.name}")
        files.append(DesiredFile(place.pkcs12, store, place.key_attributes, secret=True))
    if place.pkcs8_der:
        der = read_bytes(place.pkcs8_der)
        if der is None or not holds_pkcs8(der, key):
            der = private_key_der(key)
        files.append(DesiredFile(place.pkcs8_der, der, place.key_attributes, secret=True))
    return files


def kept_files(holding: Holding) -> list[DesiredFile]:
    """The files where nothing was signed: only owner and mode of a certificate may change, and a waiting key moves.

    The root file follows what is trusted now, and what is made of key and certificate follows these. A key that waits for
    a certificate which is yet to be signed stays.
    """
    place, current = holding.place, holding.current
    files = [] if place.root is None else _root_file(holding, place.root)
    files += [file for path in (place.fullchain, place.certificate) for file in _as_it_is(holding, path)]
    if holding.leaf is None:
        return files + _key_files(holding, None)
    key, root = holding.key_of(holding.leaf), chain_root(current, holding.authorities)
    certificates = current.certificates if root is None else (*current.certificates, root)
    is_waited_for = key is not holding.next_key and key is not holding.signing_key()
    return files + _key_files(holding, key, is_waited_for) + _delivery_files(holding, key, certificates)


def _root_file(holding: Holding, path: str) -> list[DesiredFile]:
    trusted = holding.authorities.trusted
    if trusted:
        shown = (_summary(holding.current.root, False), _summary(trusted, False))
        return [DesiredFile(path, render_pem(trusted).encode(), holding.place.attributes_of(path), shown=shown)]
    return _as_it_is(holding, path)


def _as_it_is(holding: Holding, path: str | None) -> list[DesiredFile]:
    """A file whose content stays, if there is one; what another run has put there by now is not undone."""
    if path is None or path not in holding.contents:
        return []
    content = holding.contents[path]
    return [DesiredFile(path, content, holding.place.attributes_of(path), seen=ExpectedContent(content))]


def predicted_files(holding: Holding, summary: str, chain: Sequence[x509.Certificate]) -> list[DesiredFile]:
    """What certificate_files will want once a certificate is signed; for check mode, which never writes this."""
    place, current, exact = holding.place, holding.current, holding.place.wanted.lifetime.is_exact
    roots = holding.authorities.trusted or chain[-1:]
    above = _summary(chain, exact) if chain else "(a CA that does not exist yet)\n"
    root = render_pem(roots).encode() if roots else _PREDICTED
    contents = (
        (place.root, current.root, root, _summary(roots, exact) or above),
        (place.fullchain, current.fullchain, _PREDICTED, f"{summary}\n{above}"),
        (
            place.certificate,
            current.certificates,
            _PREDICTED,
            "\n".join([summary, *_each(without_root(chain), exact)]),
        ),
    )
    files = [
        DesiredFile(path, content, place.attributes_of(path), shown=(_summary(before, exact), after))
        for path, before, content, after in contents
        if path
    ]
    changes = holding.key is not None and holding.key is not holding.signing_key()
    secrets = (place.private_key if changes else None, place.pkcs12, _changing_der(holding))
    return files + [DesiredFile(path, _PREDICTED, place.key_attributes, secret=True) for path in secrets if path]


def _changing_der(holding: Holding) -> str | None:
    """The DER file of a key, unless it holds the key that the new certificate will belong to."""
    place, key = holding.place, holding.signing_key()
    content = read_bytes(place.pkcs8_der) if place.pkcs8_der else None
    if content is not None and key is not None and holds_pkcs8(content, key):
        return None
    return place.pkcs8_der


def further_files(
    holdings: Sequence[Holding], params: Mapping[str, Any], trusted: Sequence[x509.Certificate], check_mode: bool
) -> list[DesiredFile]:
    """What stands beside the certificates: CRLs, passphrases, and the trusted roots for those who have no certificate.

    params: crl_pem and trusted_files of the task.
    """
    lists = params["crl_pem"] or ""
    files = [file for holding in holdings for file in _accompanying_files(holding.place, lists, check_mode)]
    return files + _trusted_files(params["trusted_files"], trusted)


def _accompanying_files(place: CertificatePlace, crl_pem: str, check_mode: bool) -> list[DesiredFile]:
    """The CRLs and the passphrase in files of their own; without CRLs nothing is written, and nothing removed.

    In check mode no CRLs stand for those of a CA that does not exist yet.

    :raises PkiError: for CRLs that are older than those in the file.
    """
    files = []
    published = read_bytes(place.crl) if place.crl else None
    if place.crl and (crl_pem or check_mode and published is None):
        check_crls_follow(published or b"", crl_pem.encode(), place.crl)
        files.append(DesiredFile(place.crl, crl_pem.encode(), place.attributes))
    if place.private_key_passphrase_file and place.private_key_passphrase:
        attributes = replace(place.attributes, mode="0600")
        content = f"{place.private_key_passphrase}\n".encode()
        files.append(DesiredFile(place.private_key_passphrase_file, content, attributes, secret=True))
    return files


def _trusted_files(items: Sequence[Mapping[str, Any]], trusted: Sequence[x509.Certificate]) -> list[DesiredFile]:
    """The trusted roots in files that belong to no certificate; nothing where none are known."""
    if not trusted:
        return []
    content, shown = render_pem(trusted).encode(), _summary(trusted, False)
    files = []
    for item in items:
        path = item["path"]
        before = _summary(_readable(path, {path: read_bytes(path) or b""}), False)
        files.append(DesiredFile(path, content, FileAttributes.of(item), shown=(before, shown)))
    return files


def describe_holding(holding: Holding, leaf: x509.Certificate | None, installed: bool, now: datetime) -> dict[str, Any]:
    """Return what is known of a certificate after the run."""
    facts = {} if leaf is None else describe(leaf, now)
    return {
        "name": holding.place.wanted.name,
        "certificate": holding.place.certificate,
        "installed": installed,
        **{field: facts.get(field) for field in ("serial_number", "fingerprint_sha256", "not_after")},
    }


def _each(certificates: Sequence[x509.Certificate], exact: bool) -> list[str]:
    return [summarise(one, exact) for one in certificates]


def _summary(certificates: Sequence[x509.Certificate], exact: bool) -> str | None:
    return "\n".join(_each(certificates, exact)) if certificates else None
