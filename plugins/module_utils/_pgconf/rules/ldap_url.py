# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of the option ldapurl, as OpenLDAP's ldap_url_parse() takes it apart (RFC 4516, and what it adds)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError

_SCHEME = re.compile(r"(<?)(?:URL:)?((?:p?ldaps?|ldapi|cldap)(?=://))://", re.IGNORECASE)
_SCOPES = frozenset({"one", "onelevel", "base", "sub", "subtree", "subord", "children", "subordinate"})
_PORT = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+\Z")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class LdapUrl:
    """What PostgreSQL takes from the URL, None for what is missing; a base may be empty."""

    base: str | None
    attribute: str | None
    filter: str | None


def parse_ldap_url(text: str) -> LdapUrl:
    """The parts of the URL; ConfigError when PostgreSQL refuses it."""
    found = _SCHEME.match(text)
    if found is None:
        raise ConfigError(f'"{text}" is not an LDAP URL; write one that starts with ldap:// or ldaps://')
    if found.group(2).lower() not in ("ldap", "ldaps"):
        raise ConfigError(f'"{text}" has a scheme that PostgreSQL does not support; use ldap:// or ldaps://')
    rest = text[found.end() :]
    if found.group(1):
        if not rest.endswith(">"):
            raise ConfigError(f'"{text}" starts with "<" and does not end with ">"')
        rest = rest[:-1]
    place, slash, tail = rest.partition("/")
    _check_place(place if slash else place.partition("?")[0], text)
    if not slash:
        return LdapUrl(None, None, None)
    parts = tail.split("?")
    if len(parts) > 5:
        raise ConfigError(f'"{text}" has more than four question marks')
    return _parts(parts + [""] * (4 - len(parts)), len(parts) == 5 and not parts[4], text)


def _parts(parts: list[str], has_empty_extension: bool, text: str) -> LdapUrl:
    base, attributes, scope, search_filter = (_unescape(part) for part in parts[:4])
    if parts[2] and scope.lower() not in _SCOPES:
        raise ConfigError(f'"{text}" has the scope "{parts[2]}"; write base, one or sub')
    if parts[3] and not search_filter:
        raise ConfigError(f'"{text}" has an empty filter')
    if has_empty_extension:
        raise ConfigError(f'"{text}" ends in a question mark with nothing after it')
    names = [name for name in attributes.split(",") if name]
    if parts[1] and not names:
        raise ConfigError(f'"{text}" names no attribute between its question marks, which crashes the server')
    return LdapUrl(base, names[0] if names else None, search_filter or None)


def _check_place(place: str, text: str) -> None:
    """Host and port."""
    port: str | None = None
    if place.startswith("["):
        _address, bracket, rest = place.partition("]")
        if not bracket or (":" in rest and not rest.startswith(":")):
            raise ConfigError(f'"{text}" has a broken address in brackets')
        port = rest[1:] if rest.startswith(":") else None
    elif ":" in place:
        port = place.partition(":")[2]
    if port is not None and not _PORT.match(_unescape(port)):
        raise ConfigError(f'"{text}" has a port that is not a number')


def _unescape(text: str) -> str:
    """Percent escapes undone; a NUL ends the text for the library, and a broken escape empties it."""
    if _BROKEN_ESCAPE.search(text):
        return ""
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text).split("\0", 1)[0]
