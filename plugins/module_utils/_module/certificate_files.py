# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a certificate's holder: read them as values, and say what they shall be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._pki.certificates import load_certificates, render_pem, summarise, without_root
from .._pki.compat import same_public_key
from .._pki.errors import UnreadableError
from .._pki.keys import generate_key, key_type_of, load_private_key, serialise_private_key
from .._pki.policy import InstalledCertificate
from .certificate_arguments import CertificatePlace
from .files import Wanted, read_bytes

if TYPE_CHECKING:
    from .._pki.compat import PrivateKey, x509


@dataclass(frozen=True)
class Holding:
    """What a holder has of one certificate; new_key is one that is made but not written yet."""

    place: CertificatePlace
    current: InstalledCertificate
    key: PrivateKey | None
    next_key: PrivateKey | None
    new_key: PrivateKey | None = None

    def signing_key(self) -> PrivateKey | None:
        """The key that the certificate shall belong to: the first one of the wanted type."""
        for key in (self.key, self.next_key, self.new_key):
            if key is not None and key_type_of(key) == self.place.wanted.key_type:
                return key
        return None

    def key_of(self, leaf: x509.Certificate) -> PrivateKey | None:
        """The key, in use or waiting, that a certificate belongs to."""
        for key in (self.key, self.next_key):
            if key is not None and same_public_key(key.public_key(), leaf.public_key()):
                return key
        return None


def read_holding(place: CertificatePlace) -> Holding:
    """Read the files of one certificate; a damaged certificate is a reason to renew, a damaged key is an error.

    :raises UnreadableError: for a private key that cannot be used.
    :raises ModuleError: when a file exists but cannot be read.
    """
    content = read_bytes(place.certificate)
    current = InstalledCertificate(fullchain=_readable(place.fullchain), root=_readable(place.root))
    if content is not None:
        try:
            current = replace(current, certificates=load_certificates(content, place.certificate))
        except UnreadableError as error:
            current = replace(current, problem=str(error))
    return Holding(place, current, _key(place.private_key), _key(place.next_private_key))


def _key(path: str) -> PrivateKey | None:
    content = read_bytes(path)
    return None if content is None else load_private_key(content, None, path)


def _readable(path: str | None) -> tuple[x509.Certificate, ...]:
    content = read_bytes(path) if path else None
    try:
        return () if content is None or path is None else load_certificates(content, path)
    except UnreadableError:
        return ()


def with_key(holding: Holding) -> Holding:
    """The same holding, with a new key where none of the wanted type exists."""
    if holding.signing_key() is not None:
        return holding
    return replace(holding, new_key=generate_key(holding.place.wanted.key_type))


def new_key_file(holding: Holding) -> Wanted | None:
    """The file of a new key: beside a key in use, else in its place."""
    if holding.new_key is None:
        return None
    place = holding.place
    path = place.private_key if holding.key is None else place.next_private_key
    return Wanted(path, serialise_private_key(holding.new_key), place.key_attributes, secret=True)


def certificate_files(holding: Holding, leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> list[Wanted]:
    """All files of a certificate, in the order in which they are written.

    The certificate is followed at once by the key that belongs to it, so the pair is mixed for one rename at most.
    Should the run be killed just there, the key still waits in its ``.next`` file and the next run moves it.
    """
    place, current, exact = holding.place, holding.current, holding.place.wanted.lifetime.is_exact
    contents = (
        (place.root, current.root, chain[-1:]),
        (place.fullchain, current.fullchain, (leaf, *chain)),
        (place.certificate, current.certificates, (leaf, *without_root(chain))),
    )
    files = [
        Wanted(
            path, render_pem(after).encode(), place.attributes, shown=(_summary(before, exact), _summary(after, exact))
        )
        for path, before, after in contents
        if path
    ]
    return files + key_files(holding, holding.key_of(leaf))


def key_files(holding: Holding, key: PrivateKey | None) -> list[Wanted]:
    """The private key in its place; what waited beside it goes when it has arrived."""
    place = holding.place
    path = place.next_private_key if key is not None and key is holding.next_key else place.private_key
    content = read_bytes(path)
    if content is None:
        return []
    files = [Wanted(place.private_key, content, place.key_attributes, secret=True)]
    if key is not None:
        files.append(Wanted(place.next_private_key, None, secret=True))
    return files


def kept_files(holding: Holding) -> list[Wanted]:
    """The files that exist, with their content as it is: only owner and mode may change, and a waiting key moves."""
    place = holding.place
    paths = [path for path in (place.root, place.fullchain, place.certificate) if path]
    contents = [(path, read_bytes(path)) for path in paths]
    files = [Wanted(path, content, place.attributes) for path, content in contents if content is not None]
    leaf = holding.current.certificates[:1]
    return files + key_files(holding, holding.key_of(leaf[0]) if leaf else None)


def predicted_files(holding: Holding, summary: str, chain: Sequence[x509.Certificate]) -> list[Wanted]:
    """What certificate_files will want once a certificate is signed; for check mode, which never writes this."""
    place, current, exact = holding.place, holding.current, holding.place.wanted.lifetime.is_exact
    above = _summary(chain, exact) if chain else "(a CA that does not exist yet)\n"
    root = render_pem(chain[-1:]).encode() if chain else b"predicted"
    contents = (
        (place.root, current.root, root, _summary(chain[-1:], exact) or above),
        (place.fullchain, current.fullchain, b"predicted", f"{summary}\n{above}"),
        (
            place.certificate,
            current.certificates,
            b"predicted",
            "\n".join([summary, *_each(without_root(chain), exact)]),
        ),
    )
    files = [
        Wanted(path, content, place.attributes, shown=(_summary(before, exact), after))
        for path, before, content, after in contents
        if path
    ]
    if holding.key is not None and holding.key is not holding.signing_key():
        files.append(Wanted(place.private_key, b"predicted", place.key_attributes, secret=True))
    return files


def _each(certificates: Sequence[x509.Certificate], exact: bool) -> list[str]:
    return [summarise(one, exact) for one in certificates]


def _summary(certificates: Sequence[x509.Certificate], exact: bool) -> str | None:
    return "\n".join(_each(certificates, exact)) if certificates else None
