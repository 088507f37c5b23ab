# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a pg_hba.conf that a server loads deserves a second look.

Rules that can never be met expose nobody, so only their unknown maps are reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..rules.addresses import is_everybody, parse_address
from ..rules.any_role import any_role_by_certificate, from_where, is_any_role_by_certificate, whose_roles
from ..rules.hba import Rule, connection_classes, is_remote
from ..rules.methods import normal_options
from ..rules.shadowing import Shadow, unreachable_rules
from ..rules.wording import show_rule
from ..text.tokens import Name, Token
from ..vocabulary import ADDRESS_KEYWORDS, DATABASE_KEYWORDS, PLAIN, USER_KEYWORDS
from .authentication import ServerContext
from .verdict import FileVerdict, Located

_REPLICATION = Name("keyword", "replication")
# Bits in the mask of a network that is worth putting together with others: nobody writes all addresses in smaller parts.
_LARGE_PART = 8
_MOST_PLACES = 10
# They send the password to the server as it is.
_CLEAR_TEXT = frozenset({"password", "ldap", "pam", "radius"})


@dataclass(frozen=True)
class Finding:
    """A code for programs and a sentence for people; file and line are empty and 0 when the whole file is meant."""

    code: str
    file: str
    line_number: int
    sentence: str


@dataclass(frozen=True)
class _Seen:
    """A rule with what the rules before it leave over; ``is_plain_reachable`` is asked for passwords in clear text only.

    completes: with it the rules so far let every address in, each a part.
    """

    rule: Rule
    is_reachable: bool
    is_plain_reachable: bool
    completes: bool = False


def find_risky_rules(entries: Sequence[Located], server: ServerContext) -> list[Finding]:
    """The findings in the order of the file; ``entries`` hold the Rules that the server loads."""
    rules = [one for one in entries if isinstance(one.entry, Rule)]
    findings: list[Finding] = []
    shadow, admitted, is_replication_possible = Shadow(), Shadow(), False
    for position, located in enumerate(rules):
        seen = replace(_look(located.entry, shadow, server), completes=_completes(located.entry, admitted, position))
        for code, sentence in _check(seen, server):
            findings.append(Finding(code, located.file, located.line_number, sentence))
        may_replicate = seen.is_reachable and located.entry.method != "reject"
        is_replication_possible |= may_replicate and _REPLICATION in located.entry.databases
        shadow.add(position, located.entry)
    if not is_replication_possible:
        sentence = (
            "no rule allows physical replication, so standbys and pg_basebackup are refused; the word all "
            "does not cover it, write a rule with the database replication"
        )
        findings.append(Finding("no_rule_for_replication", "", 0, sentence))
    return findings


def rejected_maps(verdict: FileVerdict) -> list[Finding]:
    """The finding about a pg_ident.conf that no server loads: a server that starts has no maps then."""
    return [
        Finding(
            "ident_file_rejected",
            error.file,
            error.line_number,
            f"no server loads the map file: {error.problem}; a server that starts then has no maps, so rules "
            "with map= accept nobody",
        )
        for error in verdict.errors[:1]
    ]


def _look(rule: Rule, shadow: Shadow, server: ServerContext) -> _Seen:
    never = rule.type == "hostssl" and not server.ssl_on
    is_reachable = not never and shadow.position(rule) is None
    is_plain_reachable = is_reachable and rule.method in _CLEAR_TEXT and PLAIN in connection_classes(rule)
    if is_plain_reachable:
        is_plain_reachable = shadow.position(replace(rule, type="hostnossl")) is None
    return _Seen(rule, is_reachable, is_plain_reachable)


def _completes(rule: Rule, admitted: Shadow, position: int) -> bool:
    """Take a rule for a large part of the addresses into account, and tell whether all parts are together now."""
    address = rule.address
    if address is None or address.kind != "network" or not _admits_by_address(rule):
        return False
    everybody = parse_address(Token("0.0.0.0/0" if address.family == 4 else "::/0"))
    if bin(address.mask).count("1") > _LARGE_PART:
        return False
    whole = replace(rule, address=everybody)
    was_complete = admitted.position(whole) is not None
    admitted.add(position, rule)
    return not was_complete and admitted.position(whole) is not None


def _admits_by_address(rule: Rule) -> bool:
    """A certificate with a map, or for roles that the rule names, is asked for more than where it comes from."""
    if rule.method != "cert":
        return rule.method != "reject"
    return is_any_role_by_certificate(rule)


def _check(seen: _Seen, server: ServerContext) -> Iterator[tuple[str, str]]:
    reachable = (_hostssl, _trust, _ident, _password, _md5, _open, _certificate, _any_role, _map, _names)
    checks = reachable if seen.is_reachable else (_hostssl, _map)
    for check in checks:
        found = check(seen, server)
        if found is not None:
            yield found


def _hostssl(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    if seen.rule.type != "hostssl" or server.ssl_on:
        return None
    return "hostssl_without_ssl", f"{show_rule(seen.rule)} is never met while ssl is off; turn ssl on or remove it"


def _trust(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    rule = seen.rule
    demand = dict(normal_options(rule.method, rule.options, rule.version)).get("clientcert")
    if rule.method != "trust" or demand == "verify-full":
        return None
    as_whom = f"in as {whose_roles(rule)}, without proof of identity"
    if not is_remote(rule):
        return (
            "trust_on_host",
            f"{show_rule(rule)} lets every user of the server's host {as_whom}; use peer or a password",
        )
    who = "whoever has any certificate of the CA and" if demand else "whoever"
    return "trust_over_network", f"{show_rule(rule)} lets {who} connects from {from_where(rule)} {as_whom}"


def _ident(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    if seen.rule.method != "ident" or not is_remote(seen.rule):
        return None
    return "ident_over_network", (
        f"{show_rule(seen.rule)} believes what the client's own host says about its user (RFC 1413 section 6), "
        f"and lets it in as {whose_roles(seen.rule)}; use a certificate or a password"
    )


def _password(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    rule = seen.rule
    if rule.method not in _CLEAR_TEXT or not seen.is_plain_reachable or not is_remote(rule):
        return None
    sentence = f"{show_rule(rule)} lets clients send the password in clear text, without TLS; use type hostssl"
    return "password_over_network", sentence + (" or method scram-sha-256" if rule.method == "password" else "")


def _md5(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    if seen.rule.method != "md5":
        return None
    return "md5", (
        f"{show_rule(seen.rule)} accepts MD5 passwords, which PostgreSQL 18 deprecates; set the passwords again with "
        "password_encryption = scram-sha-256 and use method scram-sha-256"
    )


def _open(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    rule = seen.rule
    if rule.address is None or not _admits_by_address(rule):
        return None
    if is_everybody(rule.address):
        return "open_to_all", f"{show_rule(rule)} is open to every address; name the networks of the clients"
    if not seen.completes:
        return None
    return (
        "open_to_all",
        f"{show_rule(rule)} and the rules before it are open to every address; name the networks of the clients",
    )


def _names(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    """Keywords are written in lower case, and each column has its own."""
    rule = seen.rule
    alike = [(name.text, "database") for name in rule.databases if _is_alike(name, DATABASE_KEYWORDS)]
    alike += [(name.text, "role") for name in rule.users if _is_alike(name, USER_KEYWORDS)]
    alike += [
        (name.text, "role")
        for name in rule.users
        if name.kind == "name" and name.text in DATABASE_KEYWORDS - USER_KEYWORDS
    ]
    if rule.address is not None and rule.address.kind == "name" and _looks_like(rule.address.text, ADDRESS_KEYWORDS):
        alike.append((rule.address.text, "host"))
    if not alike:
        return None
    word, what = alike[0]
    return (
        "name_like_keyword",
        f"{show_rule(rule)} names the {what} {word}, which is no keyword there; write what is meant",
    )


def _is_alike(name: Name, keywords: frozenset[str]) -> bool:
    return name.kind == "name" and _looks_like(name.text, keywords)


def _looks_like(text: str, keywords: frozenset[str]) -> bool:
    return text not in keywords and text.lower() in keywords


def _certificate(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    rule = seen.rule
    demand = dict(normal_options(rule.method, rule.options, rule.version)).get("clientcert")
    if server.has_ca_file is not False or not (rule.method == "cert" or demand):
        return None
    return "cert_without_ca_file", (
        f"{show_rule(rule)} requires a client certificate and refuses everybody, because the server requests none while "
        "ssl_ca_file is not set"
    )


def _any_role(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    sentence = None if server.has_ca_file is False else any_role_by_certificate(seen.rule)
    return None if sentence is None else ("certificate_is_any_role", sentence)


def _map(seen: _Seen, server: ServerContext) -> tuple[str, str] | None:
    wanted = dict(seen.rule.options).get("map")
    if not wanted or server.mappings is None or any(one.entry.map == wanted for one in server.mappings):
        return None
    return "map_unknown", (
        f"{show_rule(seen.rule)} names the map {wanted}, which is not in the map file, so it accepts nobody"
    )


def describe_findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as the module returns them: one of each kind, with the places of all of that kind."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.code, []).append(finding)
    return [_described(alike) for alike in kinds.values()]


def _described(alike: Sequence[Finding]) -> dict[str, Any]:
    first, others = alike[0], alike[1:]
    sentence = first.sentence
    if others:
        places = [_place(one, first.file) for one in others[:_MOST_PLACES]]
        more = f" and {len(others) - _MOST_PLACES} more" if len(others) > _MOST_PLACES else ""
        sentence += f"; likewise {'line' if len(others) == 1 else 'lines'} {', '.join(places)}{more}"
    return {
        "code": first.code,
        "file": first.file or None,
        "line": first.line_number or None,
        "sentence": sentence,
        "places": [{"file": one.file or None, "line": one.line_number or None} for one in alike],
    }


def _place(finding: Finding, file: str) -> str:
    return str(finding.line_number) + ("" if finding.file == file else f" of {finding.file}")


def describe_unreachable(entries: Sequence[Located]) -> list[dict[str, Any]]:
    """Rules that can never be met, each with the earlier rule that completes its cover, across included files."""
    rules = [one for one in entries if isinstance(one.entry, Rule)]
    return [
        {
            "file": rules[hidden].file,
            "line": rules[hidden].line_number,
            "rule": show_rule(rules[hidden].entry),
            "shadowed_by_file": rules[shadowing].file,
            "shadowed_by_line": rules[shadowing].line_number,
            "shadowed_by": show_rule(rules[shadowing].entry),
        }
        for hidden, shadowing in unreachable_rules([one.entry for one in rules])
    ]
