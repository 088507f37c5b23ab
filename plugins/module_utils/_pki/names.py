# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that options give somebody: subject, common name, DNS names and IP addresses; checked and normalised.

Without the library of the certificates, so that a controller can check an inventory.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .distinguished_names import Pairs, parse_distinguished_name, parts_of, render_parts
from .errors import PkiError


@dataclass(frozen=True)
class Attribute:
    """Limits of one subject attribute: RFC 5280 appendix A.1 (upper bounds) and A.2."""

    oid: str
    longest: int
    pattern: str = r"[^\x00-\x1f\x7f\ud800-\udfff]+"


_PRINTABLE = r"[A-Za-z0-9 '()+,\-./:=?]+"
_IA5 = r"[\x20-\x7e]+"
_MAILBOX = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"

# In the order in which they stand in a certificate; the short names are those of RFC 4514 and openssl.
ATTRIBUTES = {
    "DC": Attribute("0.9.2342.19200300.100.1.25", 63, _IA5),
    "C": Attribute("2.5.4.6", 2, r"[A-Z]{2}"),
    "ST": Attribute("2.5.4.8", 128),
    "L": Attribute("2.5.4.7", 128),
    "STREET": Attribute("2.5.4.9", 128),
    "O": Attribute("2.5.4.10", 64),
    "OU": Attribute("2.5.4.11", 64),
    "UID": Attribute("0.9.2342.19200300.100.1.1", 256),
    "serialNumber": Attribute("2.5.4.5", 64, _PRINTABLE),
    "CN": Attribute("2.5.4.3", 64),
    "emailAddress": Attribute("1.2.840.113549.1.9.1", 255, _MAILBOX),
}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Identity:
    """A subject as (short name, value) pairs in certificate order, and its alternative names, normalised.

    joined: the positions of the pairs that belong to the same part of the subject as the one before them.
    """

    subject: Pairs
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    joined: tuple[int, ...] = ()

    @property
    def common_name(self) -> str:
        """The (last) common name, or an empty text."""
        return next((value for short, value in reversed(self.subject) if short == "CN"), "")

    def with_names(self, dns_names: tuple[str, ...], ip_addresses: tuple[str, ...]) -> Identity:
        """The same subject with other alternative names."""
        return replace(self, dns_names=dns_names, ip_addresses=ip_addresses)

    @property
    def subject_parts(self) -> list[Pairs]:
        """The subject by its parts; most have one attribute."""
        return parts_of(self.subject, self.joined)

    @property
    def subject_text(self) -> str:
        """The subject as the string of RFC 4514."""
        return render_parts(self.subject_parts)

    def has_subject_of(self, other: Identity) -> bool:
        """Whether both have the same attributes in the same order; inside of a part there is none."""
        return [frozenset(part) for part in self.subject_parts] == [frozenset(part) for part in other.subject_parts]


def parse_identity(
    common_name: str,
    subject: Mapping[str, Any] | None = None,
    dns_names: Sequence[str] = (),
    ip_addresses: Sequence[str] = (),
    whose: str = "the certificate",
    distinguished_name: str | None = None,
) -> Identity:
    """Check and normalise the options that name somebody; ``whose`` names the certificate in messages.

    :param subject: short names (O, OU, C, ...) to a string or a list of strings; the common name is not among them.
    :param distinguished_name: the whole subject as a string of RFC 4514, where its order and its parts count.
    :raises PkiError: with the first thing that RFC 5280 forbids.
    """
    names = _unique(parse_dns_name(name, whose) for name in dns_names)
    addresses = _unique(parse_ip_address(address, whose) for address in ip_addresses)
    if distinguished_name is not None:
        if subject:
            raise PkiError(f"{whose}: subject and distinguished_name exclude each other; leave one out")
        pairs, joined = _parse_whole_subject(distinguished_name, common_name, whose)
        return Identity(pairs, names, addresses, joined)
    return Identity(_sorted_subject(common_name, subject, whose), names, addresses)


def _parse_whole_subject(text: str, common_name: str, whose: str) -> tuple[Pairs, tuple[int, ...]]:
    known = {short.upper(): short for short in ATTRIBUTES}
    pairs, joined = parse_distinguished_name(text, known, whose)
    for short, value in pairs:
        _check_attribute(short, value, whose, f"distinguished_name has a {short} that")
    identity = Identity(pairs, joined=joined)
    if identity.common_name != common_name:
        raise PkiError(
            f"{whose}: the common name in distinguished_name is {identity.common_name!r}, but common_name is "
            f"{common_name!r}; give the same to both"
        )
    if any(len(set(part)) < len(part) for part in identity.subject_parts):
        raise PkiError(f"{whose}: distinguished_name joins an attribute to itself; give it once")
    return pairs, joined


def _sorted_subject(common_name: str, subject: Mapping[str, Any] | None, whose: str) -> Pairs:
    pairs = [("CN", common_name)] if common_name else []
    for short, value in (subject or {}).items():
        if short == "CN":
            raise PkiError(f"{whose}: subject holds CN, but the common name belongs in common_name")
        values = value if isinstance(value, (list, tuple)) else [value]
        if any(each is None or isinstance(each, (Mapping, list, tuple)) for each in values):
            raise PkiError(f"{whose}: subject.{short} is {value!r}, but must be a string or a list of strings")
        pairs += [(short, str(each)) for each in values]
    for short, value in pairs:
        _check_attribute(short, value, whose)
    order = list(ATTRIBUTES)
    return tuple(sorted(pairs, key=lambda pair: order.index(pair[0])))


def _check_attribute(short: str, value: str, whose: str, option: str | None = None) -> None:
    option = option or ("common_name" if short == "CN" else f"subject.{short}")
    attribute = ATTRIBUTES.get(short)
    if attribute is None:
        raise PkiError(f"{whose}: subject holds {short!r}, which is not one of {', '.join(ATTRIBUTES)}")
    size = len(value.encode("utf-8", "surrogatepass"))  # the library counts so; RFC 5280 would count characters
    if size > attribute.longest:
        raise PkiError(f"{whose}: {option} has {size} bytes, but at most {attribute.longest} are allowed; shorten it")
    if not re.fullmatch(attribute.pattern, value):
        need = "two capital letters" if short == "C" else "not empty and free of characters this field cannot hold"
        raise PkiError(f"{whose}: {option} is {value!r}, but it must be {need}")
    if value != value.strip():
        raise PkiError(f"{whose}: {option} {value!r} starts or ends with a blank; remove it")


def parse_dns_name(name: str, whose: str = "the certificate") -> str:
    """A host name in lower case: letter-digit-hyphen labels (RFC 1123), at most one ``*.`` in front.

    :raises PkiError: for anything else; names beyond ASCII have to be given as IDNA A-labels.
    """
    text = name.lower()
    if not text.isascii():
        raise PkiError(f"{whose}: dns_names holds {name!r}; write a name beyond ASCII as its IDNA A-label (xn--...)")
    labels = text.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise PkiError(
            f"{whose}: dns_names holds {name!r}, which is not a host name "
            "(labels of letters, digits and inner hyphens, up to 63 each, and at most one leading '*.')"
        )
    if labels[-1].isdigit():
        raise PkiError(f"{whose}: dns_names holds {name!r}; an IP address belongs in ip_addresses")
    return text


def parse_ip_address(address: str, whose: str = "the certificate") -> str:
    """An IPv4 or IPv6 address in its canonical text (RFC 5952).

    :raises PkiError: for anything else, networks and zones included.
    """
    try:
        if "%" in address:
            raise ValueError(address)
        return str(ipaddress.ip_address(address))
    except ValueError as error:
        raise PkiError(f"{whose}: ip_addresses holds {address!r}, which is not an IPv4 or IPv6 address") from error


def _unique(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
