# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which methods and options a server of a major version accepts on which connection types.

Follows parse_hba_line() and parse_hba_auth_opt() of the server's hba.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from ..environment import DISTRIBUTION_BUILD, Build
from ..errors import ConfigError
from ..vocabulary import (
    CLIENTCERT_VALUES,
    CLIENTCERT_VALUES_13,
    CLIENTNAME_VALUES,
    METHODS,
    METHODS_NOT_ON_LINUX,
    OPTIONS,
    TYPES,
    VALIDATOR_OPTION_PREFIX,
    VALIDATOR_OPTION_SINCE,
    method_names,
)
from .addresses import parse_number
from .ldap_url import LdapUrl, parse_ldap_url

_VALIDATOR_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_LEADING_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_LDAP_SEARCH = ("ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter")
_NO_OPTIONS: frozenset[tuple[str, str]] = frozenset()
_RADIUS_LISTS = ("radiussecrets", "radiusports", "radiusidentifiers")
# An element of a list setting: quoted, with doubled quotes inside, or a bare word.
_LIST_ELEMENT = re.compile(r'[ \t\n\r\f\v]*(?:"((?:[^"]|"")*)"|([^, \t\n\r\f\v"][^, \t\n\r\f\v]*))[ \t\n\r\f\v]*(,|\Z)')

Options = Sequence[tuple[str, str]]


def type_problem(connection_type: str) -> str | None:
    """Why this is not a connection type, or None."""
    if connection_type in TYPES:
        return None
    return f'invalid connection type "{connection_type}"; write one of {", ".join(TYPES)}'


# What people write for a method, beside its name in other letters.
_MEANT = {
    "certificate": "cert",
    "scram": "scram-sha-256",
    "krb5": "gss",
    "kerberos": "gss",
    "deny": "reject",
    "ldaps": "ldap",
}


def _near_method(method: str, version: int) -> str | None:
    """The method that is probably meant, where the version has it."""
    names, word = method_names(version), method.lower()
    near = _MEANT.get(word) or next(iter(get_close_matches(word, names, n=1, cutoff=0.7)), None)
    return near if near in names else None


def method_problem(connection_type: str, method: str, version: int, build: Build = DISTRIBUTION_BUILD) -> str | None:
    """Why a server of this version refuses the method on this type, or None."""
    known = METHODS.get(method)
    if known is None or not known.since <= version <= known.until:
        reason = "no server on Linux is built with it" if method in METHODS_NOT_ON_LINUX else f"not in {version}"
        near = _near_method(method, version)
        meant = f"; is {near} meant?" if near else ";"
        return f'method "{method}" is invalid ({reason}){meant} PostgreSQL {version} has {", ".join(method_names(version))}'
    built = {"gss": build.gss, "ldap": build.ldap, "pam": build.pam, "cert": build.ssl}
    if not built.get(method, True):
        return f'method "{method}" is not supported by this build of the server; choose another method'
    if connection_type not in known.types:
        allowed = ", ".join(name for name in TYPES if name in known.types)
        return f'method "{method}" is not possible with type {connection_type}; it needs {allowed}'
    return None


def options_problem(
    connection_type: str, method: str, options: Options, version: int, build: Build = DISTRIBUTION_BUILD
) -> str | None:
    """Why a server of this version refuses the options of a rule, or None."""
    for name, value in options:
        problem = _option_problem(connection_type, method, name, version) or _value_problem(
            method, name, value, version
        )
        if problem is None and name == "radiusservers":
            problem = _servers_problem(value, build)
        if problem:
            return problem
    if method == "oauth":
        return _oauth_problem(dict(options), build)
    check = {"ldap": _ldap_problem, "radius": _radius_problem}.get(method)
    return check(options) if check else None


def _option_problem(connection_type: str, method: str, name: str, version: int) -> str | None:
    option = OPTIONS.get(name)
    if name.startswith(VALIDATOR_OPTION_PREFIX) and version >= VALIDATOR_OPTION_SINCE and method == "oauth":
        return None if _VALIDATOR_NAME.match(name[len(VALIDATOR_OPTION_PREFIX) :]) else f'invalid option name "{name}"'
    if option is None or not option.since <= version <= option.until:
        return f'option "{name}" is unknown to PostgreSQL {version}; {_meant_option(connection_type, method, name, version)}'
    if option.only_hostssl and connection_type != "hostssl":
        return f'option "{name}" is possible with type hostssl only'
    if option.methods and method not in option.methods:
        return f'option "{name}" is not possible with method {method}; it needs {", ".join(sorted(option.methods))}'
    return None


def _meant_option(connection_type: str, method: str, name: str, version: int) -> str:
    """What to write instead of an option that there is not."""
    names = [
        one.name
        for one in OPTIONS.values()
        if one.since <= version <= one.until
        and (not one.methods or method in one.methods)
        and (connection_type == "hostssl" or not one.only_hostssl)
    ]
    word = name.lower()
    near = get_close_matches(word, names, n=1, cutoff=0.7) or [one for one in names if word.endswith(one)]
    if near:
        return f"is {near[0]} meant?"
    return f"method {method} takes {', '.join(sorted(names))}" if names else f"method {method} takes none"


def _value_problem(method: str, name: str, value: str, version: int) -> str | None:
    allowed: frozenset[str] = frozenset()
    if name == "clientcert":
        allowed = CLIENTCERT_VALUES if version >= 14 else CLIENTCERT_VALUES_13
        if method == "cert":
            allowed -= {"0", "no-verify"} if version < 14 else {"verify-ca"}
    elif name == "clientname":
        allowed = CLIENTNAME_VALUES
    elif name == "ldapport":
        return None if _atoi(value) else f'option "ldapport" cannot be "{value}"; write a port such as 389'
    elif name == "ldapurl":
        return _ldap_url_problem(value)
    elif name in ("radiusservers", *_RADIUS_LISTS):
        return _list_problem(name, value)
    if allowed and value not in allowed:
        return f'option "{name}" cannot be "{value}" with method {method} in PostgreSQL {version}; ' + (
            f"write {' or '.join(sorted(allowed))}"
        )
    return None


def _atoi(text: str) -> int:
    """The number at the start of a text as C reads it into an int, 0 when there is none."""
    found = _LEADING_NUMBER.match(text)
    number = int(found.group(1)) if found else 0
    return max(-(1 << 63), min(number, (1 << 63) - 1)) & 0xFFFFFFFF


def _ldap_url_problem(text: str) -> str | None:
    try:
        parse_ldap_url(text)
    except ConfigError as error:
        return f"option ldapurl: {error.problem}"
    return None


def _ldap_problem(options: Options) -> str | None:
    given = _ldap_given(options)
    if given & {"ldapprefix", "ldapsuffix"}:
        if given & set(_LDAP_SEARCH):
            return (
                "ldapprefix or ldapsuffix cannot be mixed with the options of search and bind (ldapbasedn and others)"
            )
    elif "ldapbasedn" not in given:
        return 'method "ldap" needs ldapbasedn, ldapprefix or ldapsuffix'
    if {"ldapsearchattribute", "ldapsearchfilter"} <= given:
        return "ldapsearchattribute and ldapsearchfilter cannot both be given"
    return None


def _ldap_given(options: Options) -> set[str]:
    """The options that are set, those too that an ldapurl sets."""
    given = {name for name, _value in options}
    for url in (parse_ldap_url(value) for name, value in options if name == "ldapurl"):
        given |= _set_by(url)
    return given


def _set_by(url: LdapUrl) -> set[str]:
    parts = {"ldapbasedn": url.base, "ldapsearchattribute": url.attribute, "ldapsearchfilter": url.filter}
    return {name for name, part in parts.items() if part is not None}


def split_list(text: str) -> list[str] | None:
    """The elements of a list in the value of an option or setting, as SplitGUCList() reads it; None if it is broken."""
    if not text.strip(" \t\n\r\f\v"):
        return []
    elements: list[str] = []
    position, comma = 0, ","
    while comma:
        found = _LIST_ELEMENT.match(text, position)
        if found is None:
            return None
        quoted, bare, comma = found.groups()
        elements.append(bare if quoted is None else quoted.replace('""', '"'))
        position = found.end()
    return elements


def _list_problem(name: str, value: str) -> str | None:
    elements = split_list(value)
    if elements is None:
        return f'option "{name}" is not a list ("{value}"); separate its values by commas'
    if name == "radiusports" and not all(_atoi(port) for port in elements):
        return f'option "radiusports" cannot be "{value}"; write ports such as 1812'
    return None


def _servers_problem(value: str, build: Build) -> str | None:
    for server in split_list(value) or []:
        known = build.resolvable is None or server in build.resolvable or parse_number(server) is not None
        if not server or not known:
            return f'the RADIUS server "{server}" has no address; the server looks it up while it reads the file'
    return None


def _radius_problem(options: Options) -> str | None:
    lists = {name: split_list(value) or [] for name, value in options}
    servers = lists.get("radiusservers", [])
    missing = [name for name in ("radiusservers", "radiussecrets") if not lists.get(name)]
    if missing:
        return f'method "radius" needs {" and ".join(missing)}'
    for name in _RADIUS_LISTS:
        if len(lists.get(name, [])) not in (0, 1, len(servers)):
            return f'option "{name}" needs one value for all servers or one for each of the {len(servers)}'
    return None


def _oauth_problem(options: Mapping[str, str], build: Build) -> str | None:
    missing = [name for name in ("scope", "issuer") if name not in options]
    if missing:
        return f'method "oauth" needs {" and ".join(missing)}'
    libraries = build.oauth_validators
    if libraries is not None:
        if not libraries:
            return 'method "oauth" needs the setting oauth_validator_libraries in postgresql.conf'
        if "validator" not in options and len(libraries) > 1:
            return 'method "oauth" needs the option validator because oauth_validator_libraries names several'
        if options.get("validator", libraries[0]) not in libraries:
            return f'validator "{options["validator"]}" is not among oauth_validator_libraries'
    if options.get("delegate_ident_mapping") == "1" and "map" in options:
        return "delegate_ident_mapping cannot be combined with map"
    return None


def normal_method(connection_type: str, method: str) -> str:
    """The method that the server really uses: ident on a local line is peer."""
    return "peer" if (connection_type, method) == ("local", "ident") else method


def normal_options(method: str, options: Options, version: int) -> frozenset[tuple[str, str]]:
    """The options that matter: the last value of each name, without values that equal the default."""
    if not options:
        return _NO_OPTIONS
    result = dict(options)
    for name, value in list(result.items()):
        option = OPTIONS.get(name)
        if option is not None and option.is_boolean:
            result[name] = "1" if value == "1" else "0"
        elif name == "clientcert":
            result[name] = _normal_clientcert(method, value, version)
    defaults = {"include_realm": "1", "ldaptls": "0", "pam_use_hostname": "0", "delegate_ident_mapping": "0"}
    defaults.update(map="", clientname="CN", clientcert="verify-full" if method == "cert" else "")
    return frozenset((name, value) for name, value in result.items() if defaults.get(name) != value)


def _normal_clientcert(method: str, value: str, version: int) -> str:
    if version >= 14:
        return value
    if method == "cert":
        return "verify-full"
    return {"1": "verify-ca", "0": "", "no-verify": ""}.get(value, value)
