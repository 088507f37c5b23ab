# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anchors as bytes: one certificate in PEM, and whether a bundle holds the very same one (RFC 7468)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode

from .errors import TrustError

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\s*$(.*?)^-----END CERTIFICATE-----", re.DOTALL | re.MULTILINE)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")


def parse_anchor(pem: bytes, origin: str) -> bytes:
    """Return the DER of the one certificate in a text.

    :param origin: the option or file it came from, for the messages.
    :raises TrustError: for a private key, for no certificate, for more than one, and for a damaged one.
    """
    if _PRIVATE_KEY.search(pem):
        raise TrustError(f"{origin} holds a private key, and a trust store is public; give the CA certificate alone")
    blocks = _BLOCK.findall(pem)
    if len(blocks) != 1:
        raise TrustError(f"{origin} holds {len(blocks)} certificates in PEM; give one CA certificate for each anchor")
    der = _decode(blocks[0])
    if der is None:
        raise TrustError(f"the certificate in {origin} is damaged (its base64 cannot be read); export it again")
    return der


def render_anchor(der: bytes) -> bytes:
    """Return a certificate as an anchor file: PEM with lines of 64 characters and nothing around it."""
    text = b64encode(der)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])


def holds(bundle: bytes, der: bytes) -> bool:
    """Return whether a PEM bundle has this certificate, byte for byte, whatever stands around it."""
    return any(_decode(block) == der for block in _BLOCK.findall(bundle))


def _decode(block: bytes) -> bytes | None:
    try:
        return b64decode(b"".join(block.split()), validate=True)
    except binascii.Error:
        return None
