# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A little DER (X.690): what the library has read, but does not show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compat import x509

SET, CONTEXT_0 = 0x31, 0xA0
_KEY_IN_REQUEST, _SUBJECT_IN_CERTIFICATE, _KEY_IN_CERTIFICATE = 2, 4, 5


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element."""
    for tag, _start, inner, end in _spans(data):
        yield tag, data[inner:end]


def whole_elements(data: bytes) -> list[bytes]:
    """Each element with its tag and its length."""
    return [data[start:end] for _tag, start, _inner, end in _spans(data)]


def _spans(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each element the tag, and where it, its content and what follows it start."""
    at = 0
    while at < len(data):
        start, tag, length, at = at, data[at], data[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            length, at = int.from_bytes(data[at : at + octets], "big"), at + octets
        yield tag, start, at, at + length
        at += length


def contents(data: bytes) -> list[bytes]:
    """The content of each element."""
    return [content for _tag, content in elements(data)]


def inside(data: bytes) -> bytes:
    """The content of the one element that data is."""
    return next(elements(data))[1]


def key_of_request(request: x509.CertificateSigningRequest) -> bytes:
    """The content of SubjectPublicKeyInfo as it is written there (RFC 2986 section 4.1)."""
    return contents(inside(request.tbs_certrequest_bytes))[_KEY_IN_REQUEST]


def key_of_certificate(certificate: x509.Certificate) -> bytes:
    """The content of SubjectPublicKeyInfo as it is written there (RFC 5280 section 4.1)."""
    return _field(certificate, _KEY_IN_CERTIFICATE)


def subject_of_certificate(certificate: x509.Certificate) -> bytes:
    """The content of the subject as it is written there (RFC 5280 section 4.1)."""
    return _field(certificate, _SUBJECT_IN_CERTIFICATE)


def _field(certificate: x509.Certificate, number: int) -> bytes:
    fields = [content for tag, content in elements(inside(certificate.tbs_certificate_bytes)) if tag != CONTEXT_0]
    return fields[number]
