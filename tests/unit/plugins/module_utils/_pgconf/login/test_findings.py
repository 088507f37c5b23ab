# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deserves a second look, as a table: each code with a file that has it and files that have not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import ServerContext
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.findings import (
    describe_findings,
    describe_unreachable,
    find_risky_rules,
    rejected_maps,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba, judge_ident

REPLICATION = "\nlocal replication all peer"
NO_CA = {"has_ca_file": False}
NO_TLS = {"ssl_on": False}


def codes(text: str, version: int = 16, maps: str | None = None, **server: Any) -> list[str]:
    verdict = judge_hba(text + REPLICATION, version)
    assert verdict.accepted, verdict.lines
    mappings = None if maps is None else judge_ident(maps, version).entries
    return [finding.code for finding in find_risky_rules(verdict.entries, ServerContext(mappings=mappings, **server))]


@pytest.mark.parametrize(
    ("text", "server", "expected"),
    [
        ("host all all 10.0.0.0/8 scram-sha-256", {}, []),
        ("local all all trust", {}, ["trust_on_host"]),
        ("host all all 127.0.0.1/32 trust", {}, ["trust_on_host"]),
        ("host all all ::1/128 trust", {}, ["trust_on_host"]),
        ("host all all samehost trust", {}, ["trust_on_host"]),
        ("host all all localhost trust", {}, ["trust_on_host"]),
        ("local all all reject\nlocal all all trust", {}, []),
        ("host all all 10.0.0.0/8 ident", {}, ["ident_over_network"]),
        ("host all all 127.0.0.1/32 ident", {}, []),
        ("local all all ident", {}, []),
        ("local ALL all peer", {}, ["name_like_keyword"]),
        ("local Replication all peer", {}, ["name_like_keyword"]),
        ("local all All peer", {}, ["name_like_keyword"]),
        ("local all sameuser peer", {}, ["name_like_keyword"]),
        ('local "all" "all" peer', {}, []),
        ("host all all SameHost scram-sha-256", {}, ["name_like_keyword"]),
        ("host all all samenet trust", {}, ["trust_over_network"]),
        ("host all all .example.com trust", {}, ["trust_over_network"]),
        ("host all all 127.0.0.0/7 trust", {}, ["trust_over_network"]),
        ("hostssl all all 10.0.0.0/8 trust clientcert=verify-ca", {}, ["trust_over_network"]),
        ("hostssl all all 10.0.0.0/8 trust clientcert=verify-full", {}, ["certificate_is_any_role"]),
        ("hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=verify-full", {}, []),
        ("hostssl all all 10.0.0.0/8 cert", {}, ["certificate_is_any_role"]),
        ("hostssl all all 10.0.0.0/8 cert map=", {}, ["certificate_is_any_role"]),
        ("hostssl all all 10.0.0.0/8 cert clientname=DN", {}, ["certificate_is_any_role"]),
        ("hostssl all app1,+staff 10.0.0.0/8 cert", {}, ["certificate_is_any_role"]),
        ("hostssl all /^app 10.0.0.0/8 cert", {}, ["certificate_is_any_role"]),
        ("hostssl sameuser all 127.0.0.1/32 cert", {}, ["certificate_is_any_role"]),
        ("hostssl all all 10.0.0.0/8 cert map=m", {}, []),
        ('hostssl all app1,app2,"all" 10.0.0.0/8 cert', {}, []),
        ("hostssl all all 10.0.0.0/8 reject\nhostssl all all 10.0.0.0/9 cert", {}, []),
        ("hostssl all all 10.0.0.0/8 cert", NO_CA, ["cert_without_ca_file"]),
        ("host all all 10.0.0.0/8 password", {}, ["password_over_network"]),
        ("host all all 10.0.0.0/8 ldap ldapserver=x ldapprefix=y", {}, ["password_over_network"]),
        ("host all all 10.0.0.0/8 pam", {}, ["password_over_network"]),
        ("hostssl all all 10.0.0.0/8 password", {}, []),
        ("hostgssenc all all 10.0.0.0/8 password", {}, []),
        ("host all all 127.0.0.1/32 password", {}, []),
        ("hostnossl all all all reject\nhost all all 10.0.0.0/8 password", {}, []),
        ("local all all md5", {}, ["md5"]),
        ("host all all all scram-sha-256", {}, ["open_to_all"]),
        ("host all all 0.0.0.0/0 scram-sha-256", {}, ["open_to_all"]),
        ("host all all ::/0 scram-sha-256", {}, ["open_to_all"]),
        ("host all all 10.0.0.0 0.0.0.0 scram-sha-256", {}, ["open_to_all"]),
        ("host all all 0.0.0.0/1 scram-sha-256\nhost all all 128.0.0.0/1 scram-sha-256", {}, ["open_to_all"]),
        (
            "host all all 128.0.0.0/1 md5\nhost all all 0.0.0.0/2 ldap ldapserver=x ldapprefix=y\nhost all a,b 64.0.0.0/2 trust",
            {},
            ["md5", "password_over_network", "trust_over_network"],
        ),
        ("host all all 0.0.0.0/1 scram-sha-256\nhost all all 128.0.0.0/1 reject", {}, []),
        ("hostssl all all 0.0.0.0/0 cert map=m", {}, []),
        ("hostssl all app 0.0.0.0/0 cert", {}, []),
        ("hostssl all all 0.0.0.0/0 cert", {}, ["open_to_all", "certificate_is_any_role"]),
        ("host all all all reject", {}, []),
        ("host all all all trust", {}, ["trust_over_network", "open_to_all"]),
        ("host all all all reject\nhost all all all trust", {}, []),
        ("hostssl all all 10.0.0.0/8 cert", NO_CA, ["cert_without_ca_file"]),
        ("hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=verify-ca", NO_CA, ["cert_without_ca_file"]),
        ("hostssl all all 10.0.0.0/8 scram-sha-256", NO_CA, []),
        ("hostssl all all 10.0.0.0/8 scram-sha-256", NO_TLS, ["hostssl_without_ssl"]),
        ("hostssl all all all trust", NO_TLS, ["hostssl_without_ssl"]),
        ("host all all 10.0.0.0/8 scram-sha-256", NO_TLS, []),
        ("local all all peer map=m", {}, []),
        ("local all all peer map=m", {"maps": "m x y"}, []),
        ("local all all peer map=m", {"maps": ""}, ["map_unknown"]),
        ("local all all peer map=m", {"maps": "M x y"}, ["map_unknown"]),
        ("local all all peer map=x,map=m", {"maps": "m x y"}, []),
        ("local all all peer map=", {"maps": ""}, []),
    ],
)
def test_findings(text: str, server: dict[str, Any], expected: list[str]) -> None:
    assert codes(text, **server) == expected


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("local all all peer", True),
        ("local replication all peer", False),
        ("local all,replication all peer", False),
        ('local "replication" all peer', True),
        ("local replication all reject", True),
        ("local replication all reject\nlocal replication all peer", True),
        ("hostssl replication repl 10.0.0.0/8 cert", False),
    ],
)
def test_replication_needs_a_rule_of_its_own(text: str, is_found: bool) -> None:
    found = find_risky_rules(judge_hba(text, 16).entries, ServerContext())
    assert ("no_rule_for_replication" in [finding.code for finding in found]) is is_found


def test_a_finding_has_its_place_and_a_sentence() -> None:
    verdict = judge_hba("\nhost all all all md5", 16, Files("/etc/pg_hba.conf"))
    found = describe_findings(find_risky_rules(verdict.entries, ServerContext()))
    assert [(one["code"], one["file"], one["line"]) for one in found] == [
        ("md5", "/etc/pg_hba.conf", 2),
        ("open_to_all", "/etc/pg_hba.conf", 2),
        ("no_rule_for_replication", None, None),
    ]
    assert found[0]["sentence"].startswith(
        '"host all all all md5" accepts MD5 passwords, which PostgreSQL 18 deprecates'
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("all all 0.0.0.0/0 cert", "from any address as the role that has the common name of the certificate (any role, superusers"),
        ("all +staff,u 10.0.0.0 255.0.0.0 cert", "from 10.0.0.0 255.0.0.0 as the role that has the common name of the certificate (any member of staff)"),
        ("all /^app 10.0.0.0/8 trust clientcert=verify-full", "(any role that matches /^app)"),
        ("all all 10.0.0.0/8 cert clientname=DN", "the distinguished name of the certificate"),
    ],
)  # fmt: skip
def test_who_becomes_any_role_from_where_is_told(rule: str, words: str) -> None:
    found = [
        one for one in find_risky_rules(judge_hba(f"hostssl {rule}", 16).entries, ServerContext()) if one.line_number
    ]
    assert words in next(one.sentence for one in found if one.code == "certificate_is_any_role")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("host all u1 192.0.2.9/32 trust", "whoever connects from 192.0.2.9/32 in as u1, without proof of identity"),
        ("host all u1,+staff all trust", "whoever connects from any address in as u1, any member of staff, without"),
        ("hostssl all all 10.0.0.0 255.0.0.0 trust clientcert=verify-ca", "any certificate of the CA and connects from 10.0.0.0 255.0.0.0 in as any role"),
        ("local all u1 trust", "lets every user of the server's host in as u1, without"),
        ("host all all localhost trust", "lets every user of the server's host in as any role, superusers included, without"),
        ("host all u1 all ident", "what the client's own host says about its user (RFC 1413 section 6), and lets it in as u1;"),
        ("local ALL all peer", "names the database ALL, which is no keyword there; write what is meant"),
        ("local all sameuser peer", "names the role sameuser, which"),
        ("host all all Samenet md5", "names the host Samenet, which"),
    ],
)  # fmt: skip
def test_who_gets_in_from_where_as_whom_is_told(rule: str, sentence: str) -> None:
    found = find_risky_rules(judge_hba(rule, 16).entries, ServerContext())
    assert any(sentence in one.sentence for one in found), found


def test_each_kind_is_told_once_with_its_places() -> None:
    texts = {"/etc/more.conf": "host all c 10.0.0.0/8 md5\n"}
    rules = "".join(f"host all u{number} 10.0.0.0/8 md5\n" for number in range(12))
    verdict = judge_hba(
        rules + "include more.conf\nlocal replication all peer", 16, Files("/etc/pg_hba.conf", texts.get)
    )
    (found,) = describe_findings(find_risky_rules(verdict.entries, ServerContext()))
    assert (found["code"], found["file"], found["line"], len(found["places"])) == ("md5", "/etc/pg_hba.conf", 1, 13)
    assert found["sentence"].endswith("; likewise lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more")
    assert found["places"][-1] == {"file": "/etc/more.conf", "line": 1}
    two = judge_hba("host all a 10.0.0.0/8 md5\ninclude more.conf", 16, Files("/etc/pg_hba.conf", texts.get))
    assert (
        "; likewise line 1 of /etc/more.conf"
        in describe_findings(find_risky_rules(two.entries, ServerContext()))[0]["sentence"]
    )


def test_a_rejected_file_of_maps_is_a_finding() -> None:
    assert rejected_maps(judge_ident("m x y", 16)) == []
    (finding,) = rejected_maps(judge_ident("m x y\nm x\nm", 16))
    assert (finding.code, finding.line_number) == ("ident_file_rejected", 2)


def test_unreachable_rules_across_files() -> None:
    texts = {"/etc/more.conf": "host all all 10.0.0.0/8 md5\n"}
    files = Files("/etc/pg_hba.conf", texts.get)
    verdict = judge_hba("include more.conf\nhost all all 10.1.0.0/16 trust", 16, files)
    assert describe_unreachable(verdict.entries) == [
        {
            "file": "/etc/pg_hba.conf",
            "line": 2,
            "rule": '"host all all 10.1.0.0/16 trust"',
            "shadowed_by_file": "/etc/more.conf",
            "shadowed_by_line": 1,
            "shadowed_by": '"host all all 10.0.0.0/8 md5"',
        }
    ]
