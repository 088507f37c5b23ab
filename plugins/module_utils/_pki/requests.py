# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate signing requests (RFC 2986): build one, and read one that somebody else made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .compat import UnsupportedAlgorithm, serialization, x509
from .errors import PkiError, UnreadableError
from .identity import build_alternative_names, build_name
from .keys import KEY_TYPES, key_type_of, signing_hash
from .names import Identity
from .profiles import build_extended_key_usage

if TYPE_CHECKING:
    from .compat import PrivateKey, PublicKey

_LONGEST_NAME = 200  # a file system takes 255, and a serial number stands beside it


def build_request(identity: Identity, usages: Sequence[str], key: PrivateKey) -> str:
    """A request in PEM that says all that is requested, so that any CA can read it (ours asks its own policy)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(build_name(identity))
    names = build_alternative_names(identity)
    if names is not None:
        builder = builder.add_extension(names, critical=not identity.subject)
    builder = builder.add_extension(build_extended_key_usage(usages), critical=False)
    request = builder.sign(key, signing_hash(key))  # type: ignore[arg-type]
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def parse_request(pem: str, whose: str) -> x509.CertificateSigningRequest:
    """Read a request whose sender proves to hold the private key, and whose key is of a type we know.

    :raises PkiError: otherwise.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        valid = request.is_signature_valid
        key_type = key_type_of(request.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnreadableError(f"{whose}: csr_pem holds no certificate signing request in PEM; make it again") from error
    if not valid:
        raise PkiError(
            f"{whose}: the signature of the request is wrong, so its sender does not hold the key; make it again"
        )
    if key_type not in KEY_TYPES:
        raise PkiError(f"{whose}: the request has a key of type {key_type}; use one of {', '.join(KEY_TYPES)}")
    return request


def request_key(request: x509.CertificateSigningRequest) -> PublicKey:
    """The public key of a request that parse_request accepted."""
    return request.public_key()  # type: ignore[return-value]


def check_file_name(name: str, what: str) -> None:
    """A certificate's name becomes the name of a file at the CA.

    :raises PkiError: for one that could leave its directory or hide, or is too long for a file.
    """
    if len(name) > _LONGEST_NAME:
        raise PkiError(
            f"the {what} has {len(name)} characters, but files are named after it; write {_LONGEST_NAME} at most"
        )
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
        raise PkiError(
            f"the {what} is {name!r}, but it must be of letters, digits, '.', '_' and '-', and not start with '.'"
        )
