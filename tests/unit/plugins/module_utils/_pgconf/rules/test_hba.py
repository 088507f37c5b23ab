# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of pg_hba.conf: the verdict of each version, and what is the same rule."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import (
    Rule,
    describe_rule,
    parse_hba,
    parse_hba_line,
    read_rule,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken, Opaque, problems
from hypothesis import given
from hypothesis import strategies as st
from pgconf_strategies import VERSIONS, rules


def rule(line: str, version: int = 15) -> Rule:
    entry = parse_hba_line(line, version)
    assert isinstance(entry, Rule), entry
    return entry


def wanted(version: int = 15, **fields: Any) -> Rule:
    return read_rule({"type": "host", "address": "all", "method": "md5", **fields}, version)


@pytest.mark.parametrize(
    ("line", "good", "bad"),
    [
        ("local all all peer", [13, 19], []),
        ("local all all ident", [13, 19], []),
        ("host all all samenet ident", [13, 19], []),
        ("hostssl all all 0.0.0.0/0 cert", [13, 19], []),
        ("host all all 0.0.0.0/0 cert", [], [13, 19]),
        ("local all all cert", [], [13, 19]),
        ("host all all 0.0.0.0/0 peer", [], [13, 19]),
        ("local all all gss", [], [13, 19]),
        ("host all all all gss include_realm=0 krb_realm=X", [13, 19], []),
        ("hostssl all all all md5 clientcert=1", [13], [14, 19]),
        ("hostssl all all all md5 clientcert=verify-full", [13, 19], []),
        ("host all all all md5 clientcert=verify-full", [], [13, 19]),
        ("hostssl all all all cert clientcert=verify-ca", [13], [14, 19]),
        ("hostssl all all all cert clientname=DN", [14, 19], [13]),
        ("hostssl all all all cert clientname=dn", [], [14, 19]),
        ("hostssl all all all scram-sha-256 clientcert=verify-full map=x", [], [13, 19]),
        ('host all all all radius radiusservers="127.0.0.1" radiussecrets="s"', [13, 18], [19]),
        ("host all all all radius", [], [13, 18]),
        ("host all all all oauth issuer=https://x scope=y", [18, 19], [17]),
        ("host all all all oauth issuer=https://x", [], [18, 19]),
        ("host all all all oauth issuer=https://x scope=y validator.a-b=1", [19], [18]),
        ("host all all all oauth issuer=x scope=y map=m delegate_ident_mapping=1", [], [18]),
        ("host all all all ldap ldapserver=x ldapprefix=cn=", [13, 19], []),
        ("host all all all ldap ldapserver=x", [], [13, 19]),
        ("host all all all ldap ldapprefix=a ldapbasedn=b", [], [13, 19]),
        ("host all all all pam pamservice=x pam_use_hostname=1", [13, 19], []),
        ("host all all 10.0.0.5 trust", [], [13, 19]),
        ("host all all 10.0.0.5 255.255.255.255 trust", [13, 19], []),
        ("host all all 10.0.0.256 md5", [13, 19], []),
        ("host all all host/24 md5", [], [13, 19]),
        ("host all all all 255.0.0.0 md5", [], [13, 19]),
        ("host all all a,b md5", [], [13, 19]),
        ("local all all md5,trust", [], [13, 19]),
        ("local, host all all peer", [], [13, 19]),
        ("local all", [], [13, 19]),
        ("local all all", [], [13, 19]),
        ("local all all peer map", [], [13, 19]),
        ("local all all peer Map=x", [], [13, 19]),
        ("local all all peer map=a map=b", [13, 19], []),
        ("LOCAL all all peer", [], [13, 19]),
        ("local all all Peer", [], [13, 19]),
        ("local all all krb5", [], [13, 19]),
        ("local all all scram", [], [13, 19]),
        ('local all all "trust', [13, 19], []),
        ('local all all "peer" map="x y"', [13, 19], []),
        ("\ufefflocal all all peer", [], [13, 19]),
        ("include x.conf", [], [13, 15]),
        ("host a, 10.0.0.0/8 md5", [], [13, 19]),
    ],
)
def test_verdict_follows_the_version(line: str, good: list[int], bad: list[int]) -> None:
    for version in good:
        assert isinstance(parse_hba_line(line, version), Rule), (version, parse_hba_line(line, version))
    for version in bad:
        assert isinstance(parse_hba_line(line, version), Broken), version


@pytest.mark.parametrize("line", ["include x.conf", '"include_dir" conf.d', "include_if_exists a,b"])
def test_includes_are_kept_since_16(line: str) -> None:
    assert isinstance(parse_hba_line(line, 16), Opaque)


@pytest.mark.parametrize(
    "line", ["host all all @addresses md5", "local all all @method", "host all all all ldap @options"]
)
def test_files_in_place_of_fields_are_opaque(line: str) -> None:
    assert isinstance(parse_hba_line(line, 15), Opaque)


@pytest.mark.parametrize(
    ("one", "other", "version"),
    [
        ("host a,b all 10.0.0.0/8 md5", "host  b,a,a  all 10.1.2.3 255.0.0.0  md5 # x", 15),
        ('local "app" all peer', "local app all peer", 15),
        ("local samegroup all peer", "local samerole all peer", 15),
        ("local all,x all peer", "local all all,y peer", 15),
        ('local "/x" all peer', "local /x all peer", 16),
        ("local all all ident", "local all all peer", 15),
        ("hostssl all all all cert clientcert=verify-full", "hostssl all all all cert clientname=CN map=", 15),
        ("hostssl all all all md5 clientcert=1", "hostssl all all all md5 clientcert=verify-ca", 13),
        ("host all all all gss include_realm=1", "host all all all gss", 15),
        ("host all all all gss include_realm=yes", "host all all all gss include_realm=0", 15),
        ("local all all peer map=a map=b", "local all all peer map=b", 15),
        ("host all all all pam pamservice=x pam_use_hostname=0", 'host all all ALL"" pam pamservice=x', 15),
    ][:-1],
)
def test_spellings_of_one_rule_are_identical(one: str, other: str, version: int) -> None:
    assert rule(one, version).match_key == rule(other, version).match_key
    assert rule(one, version).effect == rule(other, version).effect


@pytest.mark.parametrize(
    ("one", "other", "version"),
    [
        ("local all all peer", 'local "all" all peer', 15),
        ("local all all peer", "local all,replication all peer", 15),
        ("local all +g peer", 'local all "+g" peer', 15),
        ("local all all peer", "local ALL all peer", 15),
        ("host all all all md5", "host all all 0.0.0.0/0 md5", 15),
        ("host all all all md5", "hostssl all all all md5", 15),
        ("local @f all peer", 'local "@f" all peer', 15),
    ],
)
def test_rules_about_different_connections_differ(one: str, other: str, version: int) -> None:
    assert rule(one, version).match_key != rule(other, version).match_key


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "local"}, "address and netmask are not allowed"),
        ({"address": None}, "address is missing"),
        ({"address": "10.0.0.5"}, "has no mask"),
        ({"address": "host.example/32"}, "host name with a mask"),
        ({"address": "all", "netmask": "255.0.0.0"}, "netmask"),
        ({"address": "host.example", "netmask": "255.0.0.0"}, "plain numeric address"),
        ({"address": "10.0.0.0/8", "netmask": "255.0.0.0"}, "plain numeric address"),
        ({"address": "10.0.0.0", "netmask": "ffff::"}, "different families"),
        ({"address": "10.0.0.0", "netmask": "255.0.255.0"}, "holes"),
        ({"method": "cert"}, "needs hostssl"),
        ({"method": "scram"}, "scram-sha-256"),
        ({"method": None}, "method is missing"),
        ({"options": {"map": "x"}}, "needs cert"),
        ({"options": {"clientcert": "verify-ca"}}, "hostssl only"),
        ({"type": "hostssl", "options": {"clientcert": "1"}}, "verify-ca or verify-full"),
        ({"options": {"nonsense": "1"}}, "unknown to PostgreSQL 15"),
        ({"user": ["a\nb"]}, "line break"),
        ({"user": [""]}, "empty word"),
        ({"comment": "a\nb"}, "comment holds a line break"),
        ({"comment": "a\\"}, "backslash"),
    ],
)
def test_bad_input_is_one_sentence(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        wanted(**fields)
    assert "\n" not in str(caught.value)


def test_rules_are_written_in_the_columns_of_the_stock_file() -> None:
    assert (
        wanted(address="127.0.0.1/32").render() == "host    all             all             127.0.0.1/32            md5"
    )
    long = wanted(type="hostnogssenc", database=["a" * 20], user=["app 1", "+My Group"], comment="why")
    assert long.render() == f'hostnogssenc {"a" * 20} "app 1",+"My Group" all                     md5 # why'
    local = wanted(type="local", address=None, method="peer", options={"map": "a b"})
    assert local.render() == 'local   all             all                                     peer "map=a b"'


def test_booleans_become_what_postgresql_understands() -> None:
    found = wanted(method="pam", options={"pamservice": "x", "pam_use_hostname": True})
    assert found.options == (("pamservice", "x"), ("pam_use_hostname", "1"))


def test_problems_name_line_and_text() -> None:
    assert [(number, line) for number, line, _problem in problems(parse_hba("# x\nlocal\n", 15))] == [(2, "local\n")]


@given(rules(), VERSIONS)
def test_any_wanted_rule_is_read_back_from_its_line(fields: dict[str, Any], version: int) -> None:
    one = read_rule(fields, version)
    again = rule(one.render(), version)
    assert (again.match_key, again.effect, again.comment or "") == (one.match_key, one.effect, one.comment or "")
    assert read_rule(describe_rule(again), version).match_key == one.match_key


@given(st.text(max_size=60), VERSIONS)
def test_any_line_gets_a_verdict(text: str, version: int) -> None:
    parse_hba_line(text, version)
