# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""A subject as PostgreSQL compares it with the map of a rule that has ``clientname=DN``.

The server asks OpenSSL for the name with the flag XN_FLAG_RFC2253 (be-secure-openssl.c): octets beyond ASCII are escaped
(``\C3\BC`` is a letter of UTF-8), attributes have OpenSSL's short names, and values of unknown ones are dumped.
"""

from __future__ import annotations

from collections.abc import Iterator

from .der import contents, inside, whole_elements

# The short names of objects.txt for what stands in names.
_SHORT_NAMES = {
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.3": "mail",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.19": "physicalDeliveryOfficeName",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.72": "role",
    "2.5.4.97": "organizationIdentifier",
}
# By the tag of the string type (X.680): how its octets are read. UTF-8 stays as it is.
_UTF8, _ENCODINGS = 0x0C, dict.fromkeys((18, 19, 20, 22, 23, 24, 26), "latin-1")
_ENCODINGS.update({0x1C: "utf-32-be", 0x1E: "utf-16-be"})


def postgresql_dn(subject: bytes) -> str:
    """The string that the server compares.

    :param subject: the content of the name in DER.
    """
    parts = ["+".join(_attribute(one) for one in reversed(contents(part))) for part in contents(subject)]
    return ",".join(reversed(parts))


def _attribute(content: bytes) -> str:
    kind, value = whole_elements(content)
    number = _dotted(inside(kind))
    short = _SHORT_NAMES.get(number)
    octets = None if short is None else _utf8(value[0], inside(value))
    return f"{short or number}={'#' + value.hex().upper() if octets is None else _escaped(octets)}"


def _utf8(tag: int, octets: bytes) -> bytes | None:
    if tag == _UTF8:
        return octets
    return octets.decode(_ENCODINGS[tag], "replace").encode() if tag in _ENCODINGS else None


def _escaped(octets: bytes) -> str:
    """OpenSSL's do_esc_char, octet by octet."""
    last = len(octets) - 1
    return "".join(_character(chr(octet), position == 0, position == last) for position, octet in enumerate(octets))


def _character(one: str, is_first: bool, is_last: bool) -> str:
    if one in ',+"\\<>;' or (one == " " and (is_first or is_last)) or (one == "#" and is_first):
        return f"\\{one}"
    return one if " " <= one < "\x7f" else f"\\{ord(one):02X}"


def _dotted(octets: bytes) -> str:
    return ".".join(map(str, _arcs(octets)))


def _arcs(octets: bytes) -> Iterator[int]:
    """The numbers of an object identifier (X.690 section 8.19)."""
    number, is_first = 0, True
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if octet & 0x80:
            continue
        if is_first:
            top = min(number // 40, 2)
            yield from (top, number - 40 * top)
        else:
            yield number
        number, is_first = 0, False
