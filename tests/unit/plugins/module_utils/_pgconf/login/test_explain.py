# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection: outcome by method, certificate, map and doubt (facts of sections 1.4, 2 and 4.4)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import ServerContext
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.explain import (
    Explanation,
    describe_explanation,
    explain,
    read_attempt,
    read_attempts,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba, judge_ident

MAPS = r"""m "PostgreSQL client1" app1
n /^(.*)@EXAMPLE\.COM$ \1
dn "CN=PostgreSQL client1,O=SW" app1
o system app1
"""
SOCKET = {"user": "app1"}
PLAIN = {"user": "app1", "address": "10.0.0.1", "tls": False}
TLS = {"user": "app1", "address": "10.0.0.1", "tls": True}
CERTIFICATE = {**TLS, "certificate_common_name": "PostgreSQL client1"}
OWN_CERTIFICATE = {**TLS, "certificate_common_name": "app1"}
WITH_DN = {**TLS, "certificate_dn": "CN=PostgreSQL client1,O=SW"}


def explained(text: str, fields: dict[str, Any], version: int = 18, **server: Any) -> Explanation:
    verdict = judge_hba(text, version)
    assert verdict.accepted, verdict.lines
    mappings = server.pop("mappings", judge_ident(MAPS, version).entries)
    return explain(verdict.entries, read_attempt(fields), ServerContext(mappings=mappings, **server))


@pytest.mark.parametrize(
    ("text", "fields", "outcome"),
    [
        ("local all all trust", SOCKET, "accepted"),
        ("local all all reject", SOCKET, "refused"),
        ("host all all all trust", SOCKET, "refused"),
        ("hostssl all all all trust", PLAIN, "refused"),
        ("hostssl all all all trust", TLS, "accepted"),
        ("hostnossl all all all reject\nhost all all all md5", TLS, "needs_password"),
        ("hostnossl all all all reject\nhost all all all md5", PLAIN, "refused"),
        ("hostgssenc all all all trust", {"user": "u", "address": "::1", "type": "hostgssenc"}, "accepted"),
        ("host all all all password", PLAIN, "needs_password"),
        ("host all all all scram-sha-256", PLAIN, "needs_password"),
        ("host all all all ldap ldapserver=x ldapprefix=y", PLAIN, "needs_password"),
        ("host all all all pam", PLAIN, "needs_password"),
        # The operating system's word, with and without a map.
        ("local all all peer", SOCKET, "depends"),
        ("local all all peer", {**SOCKET, "system_user": "app1"}, "accepted"),
        ("local all all peer", {**SOCKET, "system_user": "system"}, "refused"),
        ("local all all peer map=o", {**SOCKET, "system_user": "system"}, "accepted"),
        ("local all all ident map=o", {**SOCKET, "system_user": "system"}, "accepted"),
        ("local all all peer map=", {**SOCKET, "system_user": "app1"}, "accepted"),
        ("host all all all ident", {**PLAIN, "system_user": "app1"}, "accepted"),
        ("host all all all ident map=none", {**PLAIN, "system_user": "app1"}, "refused"),
        # Kerberos principals.
        ("host all all all gss", {**PLAIN, "system_user": "app1@EXAMPLE.COM"}, "refused"),
        ("host all all all gss map=n", {**PLAIN, "system_user": "app1@EXAMPLE.COM"}, "accepted"),
        ("host all all all gss include_realm=0", {**PLAIN, "system_user": "app1@EXAMPLE.COM"}, "accepted"),
        ("host all all all gss include_realm=0 krb_realm=X", {**PLAIN, "system_user": "app1@EXAMPLE.COM"}, "refused"),
        ("host all all all gss include_realm=0 krb_realm=X", {**PLAIN, "system_user": "app1@X"}, "accepted"),
        ("host all all all gss", PLAIN, "depends"),
        # Tokens.
        ("host all all all oauth issuer=x scope=y", PLAIN, "depends"),
        ("host all all all oauth issuer=x scope=y", {**PLAIN, "system_user": "app1"}, "accepted"),
        ("host all all all oauth issuer=x scope=y map=o", {**PLAIN, "system_user": "system"}, "accepted"),
        ("host all all all oauth issuer=x scope=y delegate_ident_mapping=1", {**PLAIN, "system_user": "z"}, "depends"),
        # Certificates.
        ("hostssl all all all cert", TLS, "refused"),
        ("hostssl all all all cert", OWN_CERTIFICATE, "accepted"),
        ("hostssl all all all cert", CERTIFICATE, "refused"),
        ("hostssl all all all cert map=m", CERTIFICATE, "accepted"),
        ("hostssl all all all cert map=m", {**CERTIFICATE, "user": "app2"}, "refused"),
        ("hostssl all all all cert map=m", WITH_DN, "accepted"),
        ("hostssl all all all cert map=dn clientname=DN", WITH_DN, "accepted"),
        ("hostssl all all all cert map=dn clientname=DN", CERTIFICATE, "depends"),
        ("hostssl all all all cert", {**TLS, "certificate_common_name": ""}, "refused"),
        ("hostssl all all all cert", {**TLS, "certificate_dn": "CN=app1,CN=x"}, "depends"),
        ("hostssl all all all trust clientcert=verify-ca", TLS, "refused"),
        ("hostssl all all all trust clientcert=verify-ca", CERTIFICATE, "accepted"),
        ("hostssl all all all trust clientcert=verify-full", CERTIFICATE, "refused"),
        ("hostssl all all all trust clientcert=verify-full", OWN_CERTIFICATE, "accepted"),
        ("hostssl all all all md5 clientcert=verify-ca", CERTIFICATE, "needs_password"),
        ("hostssl all all all md5 clientcert=verify-full", CERTIFICATE, "refused"),
        ("hostssl all all all md5 clientcert=verify-full", OWN_CERTIFICATE, "needs_password"),
        # Physical replication.
        ("local all all trust", {**SOCKET, "physical_replication": True}, "refused"),
        ("local replication all trust", {**SOCKET, "physical_replication": True}, "accepted"),
        ("local replication all trust", {**SOCKET, "database": "replication"}, "refused"),
        # The database is the user's namesake when it is not told.
        ("local sameuser all trust", SOCKET, "accepted"),
        ("local sameuser all trust", {**SOCKET, "database": "db"}, "refused"),
    ],
)
def test_outcomes(text: str, fields: dict[str, Any], outcome: str) -> None:
    found = explained(text, fields)
    assert found.outcome == outcome, found.sentence
    assert found.database_role == (fields["user"] if outcome in ("accepted", "needs_password") else None)


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ("clientcert=1", "refused"),
        ("clientcert=verify-ca", "refused"),
        ("clientcert=0", "accepted"),
        ("clientcert=no-verify", "accepted"),
    ],
)
def test_clientcert_of_13(options: str, outcome: str) -> None:
    assert explained(f"hostssl all all all trust {options}", TLS, 13).outcome == outcome


def test_a_repeated_option_counts_by_its_last_value() -> None:
    found = explained("local all all peer map=none map=o", {**SOCKET, "system_user": "system"})
    assert found.outcome == "accepted"


@pytest.mark.parametrize(
    ("text", "fields", "server", "outcome", "words"),
    [
        ("hostssl all all all cert map=m", CERTIFICATE, {"has_ca_file": False}, "refused", "while ssl_ca_file is not set"),
        ("host all all all trust", CERTIFICATE, {"has_ca_file": False}, "accepted", ""),
        ("host all all all trust", TLS, {"ssl_on": False}, "refused", "no TLS while ssl is off"),
        ("host all all all trust", {**PLAIN, "tls": None, "type": "hostgssenc"}, {"has_gss": False}, "refused", "GSSAPI"),
        ("hostssl all all all cert map=m", CERTIFICATE, {"mappings": None}, "depends", "what the map m says"),
    ],
)  # fmt: skip
def test_what_the_server_adds(text: str, fields: Any, server: Any, outcome: str, words: str) -> None:
    found = explained(text, fields, **server)
    assert (found.outcome, words in found.sentence) == (outcome, True), found.sentence


UNCERTAIN = "host all +staff all reject\nhost all all samenet reject\nhost all all all {}"


@pytest.mark.parametrize(
    ("text", "fields", "outcome", "possible"),
    [
        (UNCERTAIN.format("trust"), PLAIN, "depends", 3),
        (UNCERTAIN.format("reject"), PLAIN, "refused", 3),
        (UNCERTAIN.format("trust"), {**PLAIN, "roles": ["staff"]}, "refused", 0),
        (UNCERTAIN.format("trust"), {**PLAIN, "roles": []}, "depends", 2),
        ("host all +staff all md5", PLAIN, "depends", 1),
        ("host all +staff all md5\nhost all all all scram-sha-256", PLAIN, "needs_password", 2),
    ],
)
def test_three_values(text: str, fields: dict[str, Any], outcome: str, possible: int) -> None:
    found = explained(text, fields)
    assert (found.outcome, len(found.possible)) == (outcome, possible), found.sentence
    assert (found.rule is None) == (possible > 0)


def test_sentences() -> None:
    assert explained("\nlocal all all trust", SOCKET).sentence == (
        'the local connection of user app1 to database app1 meets the rule "local all all trust" (line 2) and logs in as '
        "app1: its method is trust"
    )
    assert explained("hostssl all all all cert map=m", CERTIFICATE).sentence == (
        'the hostssl connection of user app1 to database app1 from 10.0.0.1 meets the rule "hostssl all all all cert" '
        "(line 1) and logs in as app1: the common name in the client certificate counts, and line 1 of the map file lets "
        '"PostgreSQL client1" in as app1'
    )
    assert explained("local all all peer", SOCKET).sentence.endswith(
        "(line 1), and whether it gets in depends on the operating system user of the client, which is not given"
    )
    assert explained("local x all trust", SOCKET).sentence.endswith("to database app1 meets no rule and is refused")
    assert explained("host all +g all md5", PLAIN).sentence == (
        "which rule the hostnossl connection of user app1 to database app1 from 10.0.0.1 meets depends on whether the "
        'user is a member of role g: by the rule "host all +g all md5" (line 1) it logs in as app1 with the right '
        "password; by no rule it is refused"
    )


def test_the_rule_is_described_with_its_place() -> None:
    described = describe_explanation(explained("\nlocal all all trust", SOCKET))
    assert (described["rule"]["line"], described["rule"]["method"], described["possible_rules"]) == (2, "trust", [])
    assert describe_explanation(explained("local x all trust", SOCKET))["rule"] is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"user": "u", "address": "10.0.0.1"}, "tls is missing"),
        ({"user": "u", "address": "10.0.0.0/8", "tls": True}, "not the numeric address of one client"),
        ({"user": "u", "address": "host.example", "tls": True}, "not the numeric address of one client"),
        ({"user": "u", "type": "hostssl"}, "address is needed"),
        ({"user": "u", "type": "local", "address": "::1"}, "and not allowed there"),
        ({"user": "u", "type": "host", "address": "::1"}, "tls is missing"),
        ({"user": "u", "type": "hostssl", "address": "::1", "tls": False}, "contradicts type hostssl"),
        ({"user": "u", "tls": True}, "contradicts type local"),
        ({"user": "u", "type": "x", "address": "::1"}, 'type "x" is not one of host, local'),
        ({**PLAIN, "certificate_common_name": "x"}, "only with TLS"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match="explain 2: .*" + words):
        read_attempts([SOCKET, fields])
