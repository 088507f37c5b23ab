# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a certificate is for, as it stands there: the subject, DNS names and IP addresses; build, read, compare, render."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from .compat import find_extension, x509
from .names import ATTRIBUTES, Identity

_SHORT_NAMES = {attribute.oid: short for short, attribute in ATTRIBUTES.items()}


def build_name(identity: Identity) -> x509.Name:
    """The X.509 name; the library picks PrintableString, IA5String or UTF8String."""
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(x509.ObjectIdentifier(ATTRIBUTES[short].oid), value) for short, value in part]
            )
            for part in identity.subject_parts
        ]
    )


def build_alternative_names(identity: Identity) -> x509.SubjectAlternativeName | None:
    """The SAN extension, or None when there is nothing to put into it."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in identity.dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in identity.ip_addresses]
    # RFC 5280 section 4.1.2.6: an address in the subject must stand here too.
    names += [x509.RFC822Name(value) for short, value in identity.subject if short == "emailAddress"]
    return x509.SubjectAlternativeName(names) if names else None


def kinds_of_names(names: Iterable[x509.GeneralName]) -> frozenset[tuple[str, str]]:
    """Alternative names as a set of kinds and values; DNS names in lower case."""
    return frozenset(
        (type(name).__name__, str(name.value).lower() if isinstance(name, x509.DNSName) else str(name.value))
        for name in names
    )


def render_names(names: Iterable[x509.GeneralName]) -> str:
    """Alternative names in words; DNS names and IP addresses speak for themselves."""
    words = [
        str(name.value) if isinstance(name, (x509.DNSName, x509.IPAddress)) else f"{type(name).__name__} {name.value}"
        for name in names
    ]
    return ", ".join(words) or "none"


def subject_pairs(name: x509.Name) -> tuple[tuple[str, str], ...]:
    """The attributes of a name as (short name or dotted number, value) pairs, in certificate order."""
    return tuple(
        (_SHORT_NAMES.get(attribute.oid.dotted_string, attribute.oid.dotted_string), _text(attribute.value))
        for attribute in name
    )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def identity_of(holder: Any) -> Identity:
    """The identity in a certificate or a request, as it stands there (not checked).

    :param holder: x509.Certificate or x509.CertificateSigningRequest.
    """
    names, subject = find_extension(holder, x509.SubjectAlternativeName), subject_of(holder.subject)
    if names is None:
        return subject
    return subject.with_names(
        tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )


def subject_of(name: x509.Name) -> Identity:
    """A name as the subject of somebody without other names."""
    ends = [0]
    for part in name.rdns:
        ends.append(ends[-1] + len(list(part)))
    return Identity(subject_pairs(name), joined=tuple(at for at in range(ends[-1]) if at not in ends))


def render_name(name: x509.Name) -> str:
    """A subject or issuer as the string of RFC 4514."""
    return subject_of(name).subject_text
