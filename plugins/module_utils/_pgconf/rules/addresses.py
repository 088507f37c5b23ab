# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address column of pg_hba.conf, read as the server reads it with the C library's numeric resolver.

``10/8`` is 0.0.0.10/8, ``010.0.0.1`` is 8.0.0.1, and whatever is not numeric is a host name without any syntax check.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ..errors import ConfigError
from ..text.tokens import Token
from ..vocabulary import ADDRESS_KEYWORDS

_WIDTH = {4: 32, 6: 128}
_PREFIX_LENGTH = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)\Z")
_ATON_PART = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
# Largest value of the last part when there are one, two, three, four parts.
_ATON_LAST = (0xFFFFFFFF, 0xFFFFFF, 0xFFFF, 0xFF)


@dataclass(frozen=True)
class Address:
    """Whom a rule lets in: kind is all, samehost, samenet, name or network.

    ``text`` and ``netmask`` are as written (netmask None unless it has a column of its own); ``network`` is already
    masked, so two spellings of one network have the same :attr:`key`.
    """

    kind: str
    text: str
    netmask: str | None = None
    family: int = 0
    network: int = 0
    mask: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for addresses that admit the same clients."""
        if self.kind == "network":
            return (self.family, self.mask, self.network)
        return (self.kind, self.text.lower()) if self.kind == "name" else (self.kind,)


def parse_number(text: str) -> tuple[int, int] | None:
    """(family, value) of a numeric address as glibc reads it, None for anything else; an IPv6 zone is dropped."""
    parts = text.split(".")
    if len(parts) <= 4 and all(_ATON_PART.fullmatch(part) for part in parts):
        return _parse_aton(parts)
    address, separator, zone = text.partition("%")
    if separator and not zone:
        return None
    try:
        value = int(ipaddress.IPv6Address(address))
    except ValueError:
        return None
    # A zone by interface name counts for addresses of a link only; elsewhere it must be a number.
    if zone and not _is_zone_number(zone) and not _is_of_a_link(value):
        return None
    return 6, value


def _is_of_a_link(value: int) -> bool:
    """Whether an IPv6 address stays on one link: unicast fe80::/10, multicast of scope 1 or 2 (RFC 4291, section 2.7)."""
    return value >> 118 == 0x3FA or (value >> 112) & 0xFF0F in (0xFF01, 0xFF02)


def _is_zone_number(zone: str) -> bool:
    return zone.isascii() and zone.isdigit() and int(zone[-4300:]) <= 0xFFFFFFFF


def _parse_aton(parts: list[str]) -> tuple[int, int] | None:
    numbers = [int(part, 16 if part[:2] in ("0x", "0X") else 8 if part[0] == "0" else 10) for part in parts]
    if numbers[-1] > _ATON_LAST[len(parts) - 1] or any(number > 255 for number in numbers[:-1]):
        return None
    value = numbers[-1]
    for position, number in enumerate(numbers[:-1]):
        value |= number << (24 - 8 * position)
    return 4, value


def needs_netmask(token: Token) -> bool:
    """Whether the server takes the next field as the netmask of this address."""
    if not token.quoted and token.text in ADDRESS_KEYWORDS:
        return False
    return "/" not in token.text and parse_number(token.text) is not None


def parse_address(token: Token, netmask: str | None = None) -> Address:
    """The address of a rule; ``netmask`` is the text of the mask column where :func:`needs_netmask` says so."""
    text = token.text
    if not token.quoted and text in ADDRESS_KEYWORDS:
        return Address(text, text)
    host, slash, length = text.partition("/")
    number = parse_number(host)
    if number is None:
        if slash:
            raise ConfigError(f'address "{text}" is a host name with a mask; a mask needs a numeric address')
        return Address("name", text)
    family, value = number
    mask = _prefix_mask(text, length, family) if slash else _netmask(text, netmask, family, value)
    return Address("network", text, None if slash else netmask, family, value & mask, mask)


def _prefix_mask(text: str, length: str, family: int) -> int:
    found = _PREFIX_LENGTH.match(length)
    width = _WIDTH[family]
    if found is None or not 0 <= int(found.group(1)) <= width:
        ones = _ones_of_netmask(length, family)
        instead = (
            f"{text.partition('/')[0]}/{ones}" if ones is not None else f"a number from 0 to {width} after the slash"
        )
        raise ConfigError(f'address "{text}" has no valid prefix length; write {instead}')
    bits = int(found.group(1))
    return ((1 << bits) - 1) << (width - bits)


def _ones_of_netmask(text: str, family: int) -> int | None:
    """The prefix length that a netmask means, None for what is none."""
    number = parse_number(text)
    if number is None or number[0] != family or not {".", ":"}.intersection(text):
        return None
    inverse = number[1] ^ ((1 << _WIDTH[family]) - 1)
    return None if inverse & (inverse + 1) else _WIDTH[family] - inverse.bit_length()


def _whole(text: str, family: int, value: int) -> str:
    """What to write for an address alone: that host, or everybody where the address is all zeros."""
    if value == 0:
        return f"{text}/0 for every IPv{family} client"
    return f"{text}/{_WIDTH[family]} for that one host"


def _a_netmask(family: int) -> str:
    return f"one such as {'255.255.255.0' if family == 4 else 'ffff:ffff::'}"


def _netmask(text: str, netmask: str | None, family: int, value: int) -> int:
    if netmask is None:
        raise ConfigError(f'address "{text}" has no mask; write {_whole(text, family, value)}')
    mask = parse_number(netmask)
    if mask is None:
        raise ConfigError(
            f'netmask "{netmask}" is not a netmask for address "{text}"; write {_a_netmask(family)}, or {_whole(text, family, value)}'
        )
    if mask[0] != family:
        raise ConfigError(
            f'address "{text}" and netmask "{netmask}" are of different families; write {_a_netmask(family)}'
        )
    return mask[1]


def has_holes(address: Address) -> bool:
    """Whether the netmask is not a run of ones followed by zeros."""
    if address.kind != "network":
        return False
    inverse = address.mask ^ ((1 << _WIDTH[address.family]) - 1)
    return bool(inverse & (inverse + 1))


def covers(outer: Address, inner: Address) -> bool:
    """Whether every client of ``inner`` is proven to be a client of ``outer``; unknown counts as no."""
    if outer.kind == "all":
        return True
    if outer.kind == "network" and inner.kind == "network":
        wider = outer.family == inner.family and outer.mask & inner.mask == outer.mask
        return wider and inner.network & outer.mask == outer.network
    if outer.kind == "name" and inner.kind == "name":
        suffix, name = outer.text.lower(), inner.text.lower()
        return name == suffix or (suffix.startswith(".") and name.endswith(suffix) and len(name) > len(suffix))
    return outer.kind == inner.kind or (outer.kind, inner.kind) == ("samenet", "samehost")


def contains(address: Address, client: str) -> bool | None:
    """Whether a client address matches; None where only the server can tell (names, samehost, samenet)."""
    if address.kind == "all":
        return True
    number = parse_number(client)
    if address.kind != "network" or number is None:
        return None
    return number[0] == address.family and number[1] & address.mask == address.network


def is_everybody(address: Address) -> bool:
    """Whether the address means every client."""
    return address.kind == "all" or (address.kind == "network" and address.mask == 0)


_LOOPBACK = (parse_address(Token("127.0.0.0/8")), parse_address(Token("::1/128")))


def is_loopback(address: Address) -> bool:
    """Whether no client of another host has such an address."""
    is_named = address.kind == "name" and address.text.lower() == "localhost"
    return is_named or any(covers(loopback, address) for loopback in _LOOPBACK)
