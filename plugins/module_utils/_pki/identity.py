# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a certificate is for: the subject name, DNS names and IP addresses; parse, normalise, compare."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compat import find_extension, x509
from .errors import PkiError


@dataclass(frozen=True)
class _Attribute:
    """Limits of one subject attribute: RFC 5280 appendix A.1 (upper bounds) and A.2."""

    oid: str
    longest: int
    pattern: str = r"[^\x00-\x1f\x7f\ud800-\udfff]+"


_PRINTABLE = r"[A-Za-z0-9 '()+,\-./:=?]+"
_IA5 = r"[\x20-\x7e]+"
_MAILBOX = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"

# In the order in which they stand in a certificate; the short names are those of RFC 4514 and openssl.
_ATTRIBUTES = {
    "DC": _Attribute("0.9.2342.19200300.100.1.25", 63, _IA5),
    "C": _Attribute("2.5.4.6", 2, r"[A-Z]{2}"),
    "ST": _Attribute("2.5.4.8", 128),
    "L": _Attribute("2.5.4.7", 128),
    "STREET": _Attribute("2.5.4.9", 128),
    "O": _Attribute("2.5.4.10", 64),
    "OU": _Attribute("2.5.4.11", 64),
    "UID": _Attribute("0.9.2342.19200300.100.1.1", 256),
    "serialNumber": _Attribute("2.5.4.5", 64, _PRINTABLE),
    "CN": _Attribute("2.5.4.3", 64),
    "emailAddress": _Attribute("1.2.840.113549.1.9.1", 255, _MAILBOX),
}
_SHORT_NAMES = {attribute.oid: short for short, attribute in _ATTRIBUTES.items()}
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
    order = list(_ATTRIBUTES)
    return Identity(
        subject=tuple(sorted(pairs, key=lambda pair: order.index(pair[0]))),
        dns_names=_unique(parse_dns_name(name, whose) for name in dns_names),
        ip_addresses=_unique(parse_ip_address(address, whose) for address in ip_addresses),
    )


def _check_attribute(short: str, value: str, whose: str) -> None:
    option = "common_name" if short == "CN" else f"subject.{short}"
    attribute = _ATTRIBUTES.get(short)
    if attribute is None:
        raise PkiError(f"{whose}: subject holds {short!r}, which is not one of {', '.join(_ATTRIBUTES)}")
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


def build_name(identity: Identity) -> x509.Name:
    """The X.509 name, one attribute per RDN; the library picks PrintableString, IA5String or UTF8String."""
    return x509.Name(
        [x509.NameAttribute(x509.ObjectIdentifier(_ATTRIBUTES[short].oid), value) for short, value in identity.subject]
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
    names = find_extension(holder, x509.SubjectAlternativeName)
    if names is None:
        return Identity(subject_pairs(holder.subject))
    return Identity(
        subject_pairs(holder.subject),
        tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )


def render_subject(pairs: Sequence[tuple[str, str]]) -> str:
    """The text of RFC 4514: last attribute first, special characters escaped."""
    return ",".join(f"{short}={_escape(value)}" for short, value in reversed(pairs))


def render_name(name: x509.Name) -> str:
    """A subject or issuer as the text of RFC 4514."""
    return render_subject(subject_pairs(name))


def _escape(value: str) -> str:
    escaped = re.sub(r'([\\"+,;<>])', r"\\\1", value).replace("\x00", "\\00")
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and len(value) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped
