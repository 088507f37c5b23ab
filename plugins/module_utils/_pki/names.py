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
from dataclasses import dataclass
from typing import Any

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
    """A subject as (short name, value) pairs in certificate order, and its alternative names, normalised."""

    subject: tuple[tuple[str, str], ...]
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()

    @property
    def common_name(self) -> str:
        """The (last) common name, or an empty text."""
        return next((value for short, value in reversed(self.subject) if short == "CN"), "")

    def with_names(self, dns_names: tuple[str, ...], ip_addresses: tuple[str, ...]) -> Identity:
        """The same subject with other alternative names."""
        return Identity(self.subject, dns_names, ip_addresses)


def parse_identity(
    common_name: str,
    subject: Mapping[str, Any] | None = None,
    dns_names: Sequence[str] = (),
    ip_addresses: Sequence[str] = (),
    whose: str = "the certificate",
) -> Identity:
    """Check and normalise the options that name somebody; ``whose`` names the certificate in messages.

    :param subject: short names (O, OU, C, ...) to a string or a list of strings; the common name is not among them.
    :raises PkiError: with the first thing that RFC 5280 forbids.
    """
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
    return Identity(
        subject=tuple(sorted(pairs, key=lambda pair: order.index(pair[0]))),
        dns_names=_unique(parse_dns_name(name, whose) for name in dns_names),
        ip_addresses=_unique(parse_ip_address(address, whose) for address in ip_addresses),
    )


def _check_attribute(short: str, value: str, whose: str) -> None:
    option = "common_name" if short == "CN" else f"subject.{short}"
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
