# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address that a task asks for: a server takes nearly any word for the name of a host, and people mean something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..text.tokens import Token
from ..vocabulary import ADDRESS_KEYWORDS
from .addresses import Address, has_holes, needs_netmask, parse_address, parse_number

_LIKE_ALL = frozenset({"*", "any", "everyone", "everybody", "anywhere"})
_NO_HOST_NAME = re.compile(r"[^A-Za-z0-9._\-\x80-\U0010ffff]")
_ONLY_NUMBERS = re.compile(r"[0-9.\-]+\Z")
_NUMBERS, _DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)+\Z"), re.compile(r"[0-9]{1,3}\Z", re.ASCII)
_PREFIX = re.compile(r"/?([0-9]{1,3})\Z")


def read_address(connection_type: str, text: str | None, netmask: str | None) -> Address | None:
    """The address of a rule in the words of the options address and netmask.

    :raises ConfigError: that says what to write instead.
    """
    if connection_type == "local":
        if text is not None or netmask is not None:
            raise ConfigError("address and netmask are not allowed in a rule of type local; leave them out")
        return None
    text, netmask = (text or "").strip(), (netmask or "").strip() or None
    if not text:
        raise ConfigError(f"address is missing; type {connection_type} needs one (all for every client)")
    literal = len(text) > 1 and text.startswith('"') and text.endswith('"')
    token = Token(text[1:-1].replace('""', '"'), quoted=True) if literal else Token(text)
    if not literal:
        _check_meaning(text)
    if netmask is not None:
        _check_netmask(token, text, netmask)
    address = parse_address(token, netmask)
    if netmask is not None and has_holes(address):
        raise ConfigError(f'netmask "{netmask}" has holes; write {_without_holes(netmask)}')
    if not literal:
        _check_short_form(address)
    return address


def each_address(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One rule for each of the addresses that an element of the option rules lists."""
    given = fields.get("address")
    if not isinstance(given, (list, tuple)):
        return [fields]
    if len(given) > 1 and fields.get("netmask") is not None:
        raise ConfigError("netmask cannot go with several addresses; write each address with its prefix length")
    if not given:
        raise ConfigError("address is an empty list; name an address, or leave the rule out")
    return [{**fields, "address": one} for one in given]


def _check_meaning(text: str) -> None:
    """Refuse a word that is neither an address nor the name of any host.

    :raises ConfigError: with the way out.
    """
    words = re.split(r"[,;\s]+", text)
    if len(words) > 1:
        way_out = "write a list, one address each"
        if len(words) == 2 and parse_number(words[0].rstrip("/")):
            way_out = "give netmask an option of its own" if parse_number(words[1]) else way_out
            way_out = (
                f"write {''.join(words)}" if text.count("/") == 1 and "/" in (words[0][-1], words[1][0]) else way_out
            )
        raise ConfigError(f'address "{text}" holds several words; {way_out}')
    word = text.lower()
    meant = word if word in ADDRESS_KEYWORDS else "all" if word in _LIKE_ALL else None
    if meant is not None and text != meant:
        raise ConfigError(
            f'address "{text}" would be the host of that name; write {meant}, or put it in double quotes if that host is meant'
        )
    host, slash, length = text.partition("/")
    if parse_number(host) is None and (slash or _NO_HOST_NAME.search(text) or _ONLY_NUMBERS.match(text)):
        raise ConfigError(f'address "{text}" {_what_it_is(host, slash, length)}')


def _what_it_is(host: str, slash: str, length: str) -> str:
    """What is wrong with a word that is neither an address nor a name, and what to write instead."""
    inner = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else ""
    if parse_number(inner):
        return f"is in brackets; write {inner}/{length or 128} without brackets"
    if slash and _NUMBERS.match(host):
        return "is no network; it has four numbers from 0 to 255, a slash and a prefix length, such as 10.0.0.0/8"
    if slash and not _NO_HOST_NAME.search(host):
        return f"is a host name with a mask; write {host}, or a network such as 10.0.0.0/8"
    if slash:
        return "is no address; write the name of the host or its network alone, such as db.example.com or 10.0.0.0/8"
    if host.startswith("*.") and not _NO_HOST_NAME.search(host[1:]):
        return f"is not the name of a host; write {host[1:]} for all hosts below it"
    return "is neither an address nor the name of a host; write a network such as 10.0.0.0/8, a name, or all"


def _check_short_form(address: Address) -> None:
    """Refuse an IPv4 address in which a server reads the numbers in other places, or in octal.

    :raises ConfigError: with both that may be meant.
    """
    host, slash, length = address.text.partition("/")
    numbers = host.split(".")
    if address.kind != "network" or address.family != 4 or not all(map(_DECIMAL.match, numbers)):
        return
    meant = ".".join([str(int(number)) for number in numbers] + ["0"] * (4 - len(numbers)))
    number, read = parse_number(meant), parse_number(host)
    if number and read and number[1] & address.mask != address.network:
        server_s = ".".join(str(read[1] >> shift & 255) for shift in (24, 16, 8, 0))
        raise ConfigError(
            f'address "{address.text}" is {server_s}{slash}{length} to PostgreSQL; write {meant}{slash}{length}, or '
            f"{server_s}{slash}{length} if that is meant"
        )


def _without_holes(netmask: str) -> str:
    number = parse_number(netmask)
    if number and number[0] == 4:
        mask = number[1] ^ 0xFFFFFFFF  # as routers write it
        if not (number[1] & (number[1] + 1)):
            return ".".join(str(mask >> shift & 255) for shift in (24, 16, 8, 0))
    return "one that is ones followed by zeros"


def _check_netmask(token: Token, text: str, netmask: str) -> None:
    if not needs_netmask(token):
        raise ConfigError(f'netmask "{netmask}" cannot follow address "{text}"; it needs a plain numeric address')
    length = _PREFIX.match(netmask)
    if length:
        raise ConfigError(
            f'netmask "{netmask}" is a prefix length; leave netmask out and write {text}/{length.group(1)}'
        )
