# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which methods and options a server of a major version accepts on which connection types.

Follows parse_hba_line() and parse_hba_auth_opt() of the server's hba.c, for builds with GSSAPI, LDAP and PAM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .vocabulary import (
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

_VALIDATOR_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_LEADING_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_LDAP_SEARCH = ("ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter")

Options = Sequence[tuple[str, str]]


def type_problem(connection_type: str) -> str | None:
    """Why this is no connection type, or None."""
    if connection_type in TYPES:
        return None
    return f'invalid connection type "{connection_type}"; write one of {", ".join(TYPES)}'


def method_problem(connection_type: str, method: str, version: int) -> str | None:
    """Why a server of this version refuses the method on this type, or None."""
    known = METHODS.get(method)
    if known is None or not known.since <= version <= known.until:
        reason = "no server on Linux is built with it" if method in METHODS_NOT_ON_LINUX else f"not in {version}"
        return f'method "{method}" is invalid ({reason}); PostgreSQL {version} has {", ".join(method_names(version))}'
    if connection_type not in known.types:
        allowed = ", ".join(name for name in TYPES if name in known.types)
        return f'method "{method}" is not possible with type {connection_type}; it needs {allowed}'
    return None


def options_problem(connection_type: str, method: str, options: Options, version: int) -> str | None:
    """Why a server of this version refuses the options of a rule, or None."""
    for name, value in options:
        problem = _option_problem(connection_type, method, name, version) or _value_problem(
            method, name, value, version
        )
        if problem:
            return problem
    check = {"ldap": _ldap_problem, "radius": _radius_problem, "oauth": _oauth_problem}.get(method)
    return check(dict(options)) if check else None


def _option_problem(connection_type: str, method: str, name: str, version: int) -> str | None:
    option = OPTIONS.get(name)
    if name.startswith(VALIDATOR_OPTION_PREFIX) and version >= VALIDATOR_OPTION_SINCE and method == "oauth":
        return None if _VALIDATOR_NAME.match(name[len(VALIDATOR_OPTION_PREFIX) :]) else f'invalid option name "{name}"'
    if option is None or not option.since <= version <= option.until:
        return f'option "{name}" is unknown to PostgreSQL {version}'
    if option.only_hostssl and connection_type != "hostssl":
        return f'option "{name}" is possible with type hostssl only'
    if option.methods and method not in option.methods:
        return f'option "{name}" is not possible with method {method}; it needs {", ".join(sorted(option.methods))}'
    return None


def _value_problem(method: str, name: str, value: str, version: int) -> str | None:
    allowed: frozenset[str] = frozenset()
    if name == "clientcert":
        allowed = CLIENTCERT_VALUES if version >= 14 else CLIENTCERT_VALUES_13
        if method == "cert":
            allowed -= {"0", "no-verify"} if version < 14 else {"verify-ca"}
    elif name == "clientname":
        allowed = CLIENTNAME_VALUES
    elif name == "ldapport":
        found = _LEADING_NUMBER.match(value)
        return None if found and int(found.group(1)) else f'invalid LDAP port number "{value}"'
    if allowed and value not in allowed:
        return f'option "{name}" cannot be "{value}" with method {method} in PostgreSQL {version}; ' + (
            f"write {' or '.join(sorted(allowed))}"
        )
    return None


def _ldap_problem(options: Mapping[str, str]) -> str | None:
    bind = any(options.get(name) is not None for name in ("ldapprefix", "ldapsuffix"))
    if bind and any(name in options for name in _LDAP_SEARCH):
        return "ldapprefix or ldapsuffix cannot be mixed with the options of search and bind (ldapbasedn and others)"
    if not bind and "ldapbasedn" not in options and "ldapurl" not in options:
        return 'method "ldap" needs ldapbasedn, ldapprefix or ldapsuffix'
    if "ldapsearchattribute" in options and "ldapsearchfilter" in options:
        return "ldapsearchattribute and ldapsearchfilter cannot both be given"
    return None


def _radius_problem(options: Mapping[str, str]) -> str | None:
    missing = [name for name in ("radiusservers", "radiussecrets") if not options.get(name)]
    return f'method "radius" needs {" and ".join(missing)}' if missing else None


def _oauth_problem(options: Mapping[str, str]) -> str | None:
    missing = [name for name in ("issuer", "scope") if not options.get(name)]
    if missing:
        return f'method "oauth" needs {" and ".join(missing)}'
    if options.get("delegate_ident_mapping") == "1" and options.get("map"):
        return "delegate_ident_mapping cannot be combined with map"
    return None


def normal_method(connection_type: str, method: str) -> str:
    """The method that the server really uses: ident on a local line is peer."""
    return "peer" if (connection_type, method) == ("local", "ident") else method


def normal_options(method: str, options: Options, version: int) -> frozenset[tuple[str, str]]:
    """The options that matter: the last value of each name, without values that equal the default."""
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
