# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection that meets a rule: it gets in, it must know a password, or it is refused.

It follows ClientAuthentication(), CheckCertAuth() and pg_GSS_checkauth() of the server's auth.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..rules.hba import Rule
from ..rules.methods import normal_method, normal_options
from .ident_maps import Mapped, MappingRequest, map_user
from .rule_matching import Connection, Unknown
from .verdict import Located

ACCEPTED, REFUSED, NEEDS_PASSWORD, DEPENDS = "accepted", "refused", "needs_password", "depends"
_PASSWORD_METHODS = frozenset({"password", "md5", "scram-sha-256", "ldap", "pam", "radius"})
_COMMON_NAME = re.compile(r"(?:\A|[,+])CN=([^,+\\\"]*)(?=[,+]|\Z)")
_WHO_TELLS = {
    "peer": "the operating system user of the client",
    "ident": "what the ident server of the client says",
    "gss": "the Kerberos principal of the client",
    "oauth": "the identity that the token stands for",
}


@dataclass(frozen=True)
class Certificate:
    """A certificate that the client presents and the server can verify; a name is None when it is not given."""

    common_name: str | None = None
    distinguished_name: str | None = None

    def name(self, kind: str) -> str | None:
        """The name that the option clientname (CN or DN) asks for; a common name may be read from the whole name."""
        if kind == "DN":
            return self.distinguished_name
        if self.common_name is not None or self.distinguished_name is None:
            return self.common_name
        found = _COMMON_NAME.findall(self.distinguished_name)
        return found[0] if len(found) == 1 and self.distinguished_name.count("CN=") == 1 else None


@dataclass(frozen=True)
class LoginAttempt:
    """A connection, how it comes (unix, plain, tls, gss), and what the client can show.

    ``system_user`` is the identity that the methods peer, ident, gss and oauth find out, None when unknown.
    """

    connection: Connection
    connection_class: str
    certificate: Certificate | None = None
    system_user: str | None = None


@dataclass(frozen=True)
class ServerContext:
    """What of the server counts beside pg_hba.conf; None is unknown.

    ``mappings`` are the entries of pg_ident.conf as the server loads it; ``has_ca_file`` whether ssl_ca_file is set.
    """

    ssl_on: bool = True
    has_gss: bool = True
    has_ca_file: bool | None = None
    mappings: Sequence[Located] | None = None


@dataclass(frozen=True)
class LoginOutcome:
    """accepted, refused, needs_password or depends, and why (of depends: on what), as the end of a sentence."""

    outcome: str
    reason: str


def authenticate(rule: Rule, attempt: LoginAttempt, server: ServerContext) -> LoginOutcome:
    """What the method of the rule makes of the attempt."""
    method, options = normal_method(rule.type, rule.method), dict(rule.options)
    if method == "reject":
        return LoginOutcome(REFUSED, "its method is reject")
    # The server checks for a certificate before the method, and for its name after it.
    demand = (
        "verify-full"
        if method == "cert"
        else dict(normal_options(method, rule.options, rule.version)).get("clientcert")
    )
    certificate = _check_certificate(attempt, server) if demand else None
    if certificate is not None:
        return certificate
    found = _by_method(method, options, attempt, server)
    if demand == "verify-full" and found.outcome != REFUSED:
        return _and_certificate_name(found, options, attempt, server)
    return found


def _check_certificate(attempt: LoginAttempt, server: ServerContext) -> LoginOutcome | None:
    if server.has_ca_file is False:
        return LoginOutcome(
            REFUSED, "it requires a client certificate, which nobody can present while ssl_ca_file is not set"
        )
    if attempt.certificate is None:
        return LoginOutcome(REFUSED, "it requires a client certificate and the client presents none")
    return None


def _and_certificate_name(
    found: LoginOutcome, options: dict[str, str], attempt: LoginAttempt, server: ServerContext
) -> LoginOutcome:
    """The name in the certificate counts as well; it decides alone for cert and trust."""
    kind = options.get("clientname", "CN")
    name = attempt.certificate.name(kind) if attempt.certificate else None
    noun = "common name" if kind == "CN" else "distinguished name"
    if name is None:
        return LoginOutcome(DEPENDS, f"the {noun} in the client certificate, which is not given")
    if not name:
        return LoginOutcome(REFUSED, f"the client certificate has no {noun}")
    mapped = _map(options.get("map", ""), name, attempt, server)
    if mapped.answer is False:
        return LoginOutcome(REFUSED, f"the {noun} in the client certificate counts: {mapped.reason}")
    if isinstance(mapped.answer, Unknown):
        return LoginOutcome(DEPENDS, mapped.answer.words)
    reason = f"the {noun} in the client certificate counts, and {mapped.reason}"
    return LoginOutcome(found.outcome, f"{found.reason}; {reason}" if found.reason else reason)


def _by_method(method: str, options: dict[str, str], attempt: LoginAttempt, server: ServerContext) -> LoginOutcome:
    if method == "cert":
        return LoginOutcome(ACCEPTED, "")
    if method == "trust":
        return LoginOutcome(ACCEPTED, "its method is trust")
    if method in _PASSWORD_METHODS:
        return LoginOutcome(NEEDS_PASSWORD, f"its method is {method}")
    if attempt.system_user is None:
        return LoginOutcome(DEPENDS, f"{_WHO_TELLS[method]}, which is not given")
    if method == "oauth" and options.get("delegate_ident_mapping") == "1":
        return LoginOutcome(DEPENDS, "the validator, which decides about the role too (delegate_ident_mapping)")
    identity = attempt.system_user
    if method == "gss":
        identity, separator, realm = attempt.system_user.partition("@")
        if options.get("krb_realm") and realm != options["krb_realm"]:
            return LoginOutcome(
                REFUSED, f'the principal "{attempt.system_user}" is not of the realm {options["krb_realm"]}'
            )
        if options.get("include_realm", "1") == "1":
            identity += separator + realm
    mapped = _map(options.get("map", ""), identity, attempt, server)
    if isinstance(mapped.answer, Unknown):
        return LoginOutcome(DEPENDS, mapped.answer.words)
    return LoginOutcome(ACCEPTED if mapped.answer else REFUSED, f"its method is {method}, and {mapped.reason}")


def _map(map_name: str, identity: str, attempt: LoginAttempt, server: ServerContext) -> Mapped:
    connection = attempt.connection
    return map_user(map_name, server.mappings, MappingRequest(identity, connection.user, connection.roles))
