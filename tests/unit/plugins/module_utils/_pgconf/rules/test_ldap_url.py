# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP URLs: the expected answers are those of OpenLDAP's library."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.ldap_url import LdapUrl, parse_ldap_url


@pytest.mark.parametrize(
    ("text", "base", "attribute", "search_filter"),
    [
        ("ldap://h", None, None, None),
        ("ldap://h/", "", None, None),
        ("ldaps://h:636/dc=example?uid,cn?sub?(a=b)", "dc=example", "uid", "(a=b)"),
        ("LDAP:///dc=a%20b", "dc=a b", None, None),
        ("<URL:ldap://h/dc=x>", "dc=x", None, None),
        ("ldap://[::1]:389/dc=x", "dc=x", None, None),
        ("ldap://h/dc=x%2", "", None, None),
        ("ldap://h/dc=x???", "dc=x", None, None),
        ("ldap://h/dc=x????ext", "dc=x", None, None),
    ],
)
def test_parts(text: str, base: str | None, attribute: str | None, search_filter: str | None) -> None:
    assert parse_ldap_url(text) == LdapUrl(base, attribute, search_filter)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h/dc=x",
        "http://h",
        "ldapi://h",
        "cldap://h",
        "<ldap://h",
        "ldap://h:port/",
        "ldap://h:/",
        "ldap://[::1/",
        "ldap://[::1]x:1/",
        "ldap://h/dc=x??deep",
        "ldap://h/dc=x????",
        "ldap://h/dc=x?????",
        "ldap://h/dc=x???%zz",
        # These crash every server that was tried.
        "ldap://h/dc=x?,",
        "ldap://h/dc=x?%",
        "ldap://h/dc=x?%2c",
        "ldap://h/dc=x?%00",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_ldap_url(text)
