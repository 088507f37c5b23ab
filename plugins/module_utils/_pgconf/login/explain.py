# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection: the rule of pg_hba.conf that it meets, and whether and as whom it logs in.

Only the files and what is given of the connection count; whether database and role exist and may be used does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..rules.addresses import parse_number
from ..rules.hba import Rule, describe_rule
from ..rules.wording import show_rule
from ..text.task_options import read_each
from ..vocabulary import GSS, PLAIN, TLS, UNIX
from .authentication import (
    ACCEPTED,
    DEPENDS,
    NEEDS_PASSWORD,
    REFUSED,
    Certificate,
    LoginAttempt,
    LoginOutcome,
    ServerContext,
    authenticate,
)
from .rule_matching import Connection, first_match
from .verdict import Located

_CLASSES = {"local": UNIX, "hostssl": TLS, "hostnossl": PLAIN, "hostgssenc": GSS}
_NO_RULE = LoginOutcome(REFUSED, "no rule matches it")


@dataclass(frozen=True)
class Explanation:
    """What becomes of an attempt.

    ``rule`` is the one it surely meets, None when there is none or when it is uncertain; ``possible`` are then the rules
    that it may meet. ``database_role`` is whom it logs in as, None unless it gets in (outcome accepted, needs_password).
    """

    outcome: str
    sentence: str
    rule: Located | None = None
    possible: tuple[Located, ...] = ()
    database_role: str | None = None


def read_attempt(fields: Mapping[str, Any]) -> LoginAttempt:
    """An attempt as a task gives it; ConfigError names the field.

    Fields: user; database (else the user's name), type or tls, address, physical_replication, roles, client_host_names,
    certificate_common_name, certificate_dn, system_user.
    """
    connection_type = _read_type(fields)
    connection_class = _CLASSES[connection_type]
    address = fields.get("address")
    if (address is None) != (connection_class == UNIX):
        raise ConfigError("address is needed for every type but local, and not allowed there")
    if address is not None and parse_number(address) is None:
        raise ConfigError(f'address "{address}" is not the numeric address of one client')
    names = (fields.get("certificate_common_name"), fields.get("certificate_dn"))
    has_certificate = names != (None, None)
    if has_certificate and connection_class != TLS:
        raise ConfigError("a certificate is presented only with TLS; set tls to true, or leave out its names")
    user, roles, host_names = str(fields["user"]), fields.get("roles"), fields.get("client_host_names")
    database = fields.get("database")
    connection = Connection(
        connection_type,
        user if database is None else str(database),
        user,
        address,
        bool(fields.get("physical_replication")),
        None if roles is None else frozenset(roles),
        None if host_names is None else tuple(host_names),
    )
    certificate = Certificate(*names) if has_certificate else None
    return LoginAttempt(connection, connection_class, certificate, fields.get("system_user"))


def _read_type(fields: Mapping[str, Any]) -> str:
    """The one type of connection that type, tls and address together mean."""
    given, tls = fields.get("type"), fields.get("tls")
    if given is None and fields.get("address") is None:
        given = "local"
    if given in (None, "host"):
        if tls is None:
            raise ConfigError("tls is missing; say whether the client connects with TLS (true) or without (false)")
        return "hostssl" if tls else "hostnossl"
    if given not in _CLASSES:
        raise ConfigError(f'type "{given}" is not one of host, {", ".join(_CLASSES)}')
    if tls is not None and tls != (given == "hostssl"):
        raise ConfigError(f"tls {str(bool(tls)).lower()} contradicts type {given}; give one of them")
    return str(given)


def read_attempts(listed: Sequence[Mapping[str, Any]]) -> list[LoginAttempt]:
    """The attempts of the option explain; ConfigError names the one (from 1) and the field."""
    return read_each("explain", listed, read_attempt)


def explain(entries: Sequence[Located], attempt: LoginAttempt, server: ServerContext) -> Explanation:
    """What becomes of the attempt; ``entries`` hold the Rules that the server has loaded, in their order."""
    if attempt.connection_class == TLS and not server.ssl_on:
        return Explanation(REFUSED, f"the {attempt.connection} is refused: the server speaks no TLS while ssl is off")
    if attempt.connection_class == GSS and not server.has_gss:
        return Explanation(REFUSED, f"the {attempt.connection} is refused: the server is built without GSSAPI")
    located = {id(one.entry): one for one in entries if isinstance(one.entry, Rule)}
    match = first_match([one.entry for one in located.values()], attempt.connection, attempt.connection_class)
    surely = None if match.rule is None else located[id(match.rule)]
    last = _NO_RULE if surely is None else authenticate(surely.entry, attempt, server)
    if not match.possible:
        return _explain_certain(surely, last, attempt)
    possible = [located[id(rule)] for rule in match.possible]
    outcomes = [authenticate(one.entry, attempt, server) for one in possible]
    candidates = [*zip(possible, outcomes), (surely, last)]
    return _explain_uncertain(candidates, match.doubts, attempt)


def explain_unloaded(attempt: LoginAttempt) -> Explanation:
    """The same for a file that no server loads."""
    return Explanation(
        DEPENDS,
        f"the outcome of the {attempt.connection} depends on the rules that the server loaded before, for it does not "
        "load this file",
    )


def _explain_certain(rule: Located | None, found: LoginOutcome, attempt: LoginAttempt) -> Explanation:
    meets = f"the {attempt.connection} meets {_place(rule)}" if rule else f"the {attempt.connection} meets no rule"
    if found.outcome == DEPENDS:
        sentence = f"{meets}, and whether it gets in depends on {found.reason}"
    elif rule is None:
        sentence = f"{meets} and is refused"
    else:
        sentence = f"{meets} and {_fate(found, attempt)}: {found.reason}"
    return Explanation(found.outcome, sentence, rule, (), _role(found.outcome, attempt))


def _explain_uncertain(
    candidates: Sequence[tuple[Located | None, LoginOutcome]], doubts: Sequence[str], attempt: LoginAttempt
) -> Explanation:
    outcomes = {found.outcome for _rule, found in candidates}
    outcome = outcomes.pop() if len(outcomes) == 1 else DEPENDS
    which = f"which rule the {attempt.connection} meets depends on {' and on '.join(dict.fromkeys(doubts))}"
    fates = "; ".join(
        f"by {_place(rule) if rule else 'no rule'} it {_fate(found, attempt)}" for rule, found in candidates
    )
    possible = tuple(rule for rule, _found in candidates if rule is not None)
    return Explanation(outcome, f"{which}: {fates}", None, possible, _role(outcome, attempt))


def _fate(found: LoginOutcome, attempt: LoginAttempt) -> str:
    user = attempt.connection.user
    return {
        ACCEPTED: f"logs in as {user}",
        NEEDS_PASSWORD: f"logs in as {user} with the right password",
        REFUSED: "is refused",
    }.get(found.outcome) or f"may log in as {user}, depending on {found.reason}"


def _role(outcome: str, attempt: LoginAttempt) -> str | None:
    return attempt.connection.user if outcome in (ACCEPTED, NEEDS_PASSWORD) else None


def _place(one: Located) -> str:
    where = f"line {one.line_number}" + (f" of {one.file}" if one.file else "")
    return f"the rule {show_rule(one.entry)} ({where})"


def describe_located(one: Located) -> dict[str, Any]:
    """A rule in the words of the module's options, with its file and line."""
    return {"file": one.file, "line": one.line_number, **describe_rule(one.entry)}


def describe_explanation(explanation: Explanation) -> dict[str, Any]:
    """The explanation as the module returns it."""
    return {
        "outcome": explanation.outcome,
        "database_role": explanation.database_role,
        "rule": describe_located(explanation.rule) if explanation.rule else None,
        "possible_rules": [describe_located(one) for one in explanation.possible],
        "sentence": explanation.sentence,
    }
