# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of pg_hba.conf and pg_ident.conf per major version, as tables.

Source: PostgreSQL manual, chapter "Client Authentication", and the servers' own parsers (hba.c), 13 to 19.
"""

from __future__ import annotations

from dataclasses import dataclass

OLDEST_VERSION = 13
NEWEST_VERSION = 19

# Version in which a rule of the text format changed.
CONTINUATION_SINCE = 14
INCLUDE_SINCE = 16
HOSTS_SINCE = 19
REGEX_SINCE = 16
LONG_LINES_SINCE = 14
LONG_TOKENS_SINCE = 16
CARRIAGE_RETURN_IS_DATA_SINCE = 19

INCLUDE_WORDS = ("include", "include_if_exists", "include_dir")

DATABASE_KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})
USER_KEYWORDS = frozenset({"all"})
ADDRESS_KEYWORDS = frozenset({"all", "samehost", "samenet"})

# What a connection can be: through a Unix socket, or by TCP plain, with TLS, with GSSAPI encryption.
UNIX, PLAIN, TLS, GSS = "unix", "plain", "tls", "gss"
TYPES: dict[str, frozenset[str]] = {
    "local": frozenset({UNIX}),
    "host": frozenset({PLAIN, TLS, GSS}),
    "hostssl": frozenset({TLS}),
    "hostnossl": frozenset({PLAIN, GSS}),
    "hostgssenc": frozenset({GSS}),
    "hostnogssenc": frozenset({PLAIN, TLS}),
}
NETWORK_TYPES = frozenset(TYPES) - {"local"}
ANY_TYPE = frozenset(TYPES)


@dataclass(frozen=True)
class Method:
    """An authentication method: since and until which major version, and on which connection types."""

    name: str
    since: int = OLDEST_VERSION
    until: int = NEWEST_VERSION
    types: frozenset[str] = ANY_TYPE


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("trust"),
        Method("reject"),
        Method("password"),
        Method("md5"),
        Method("scram-sha-256"),
        Method("peer", types=frozenset({"local"})),
        Method("ident"),  # on "local" the server silently reads it as peer
        Method("cert", types=frozenset({"hostssl"})),
        Method("gss", types=NETWORK_TYPES),
        Method("pam"),
        Method("ldap"),
        Method("radius", until=18),
        Method("oauth", since=18),
    )
}
# Known to the grammar, but no server on Linux is built with them.
METHODS_NOT_ON_LINUX = frozenset({"sspi", "bsd"})


@dataclass(frozen=True)
class Option:
    """An option of a rule: since and until which version, and with which methods (empty: any)."""

    name: str
    methods: frozenset[str] = frozenset()
    since: int = OLDEST_VERSION
    until: int = NEWEST_VERSION
    only_hostssl: bool = False
    is_boolean: bool = False


MAP_METHODS = frozenset({"ident", "peer", "gss", "cert"})
MAP_METHODS_18 = MAP_METHODS | {"oauth"}
_LDAP, _RADIUS, _PAM, _GSS, _OAUTH = (frozenset({word}) for word in ("ldap", "radius", "pam", "gss", "oauth"))

# Options of rules that are passwords.
SECRET_OPTIONS = frozenset({"ldapbindpasswd", "radiussecrets"})

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("map", MAP_METHODS_18),
        Option("clientcert", only_hostssl=True),
        Option("clientname", since=14, only_hostssl=True),
        Option("pamservice", _PAM),
        Option("pam_use_hostname", _PAM, is_boolean=True),
        *(
            Option("ldap" + word, _LDAP)
            for word in (
                [
                    "server",
                    "port",
                    "scheme",
                    "prefix",
                    "suffix",
                    "basedn",
                    "binddn",
                    "bindpasswd",
                    "searchattribute",
                    "searchfilter",
                    "url",
                ]
            )
        ),
        Option("ldaptls", _LDAP, is_boolean=True),
        Option("krb_realm", _GSS),
        Option("include_realm", _GSS, is_boolean=True),
        *(Option("radius" + word, _RADIUS, until=18) for word in ("servers", "secrets", "ports", "identifiers")),
        *(Option(word, _OAUTH, since=18) for word in ("issuer", "scope", "validator")),
        Option("delegate_ident_mapping", _OAUTH, since=18, is_boolean=True),
    )
}
VALIDATOR_OPTION_PREFIX = "validator."
VALIDATOR_OPTION_SINCE = 19

CLIENTCERT_VALUES_13 = frozenset({"1", "0", "no-verify", "verify-ca", "verify-full"})
CLIENTCERT_VALUES = frozenset({"verify-ca", "verify-full"})
CLIENTNAME_VALUES = frozenset({"CN", "DN"})


def method_names(version: int) -> list[str]:
    """The methods that a server of this major version knows, sorted."""
    return sorted(method.name for method in METHODS.values() if method.since <= version <= method.until)
