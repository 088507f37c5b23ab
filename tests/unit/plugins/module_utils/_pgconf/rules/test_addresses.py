# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address column, as glibc and the server read it."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.addresses import (
    Address,
    contains,
    covers,
    has_holes,
    needs_netmask,
    parse_address,
    parse_number,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.tokens import Token
from hypothesis import given
from hypothesis import strategies as st


def address(text: str, netmask: str | None = None, quoted: bool = False) -> Address:
    return parse_address(Token(text, quoted), netmask)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("10.0.0.0/8",), ("10.0.0.0", "255.0.0.0")),
        (("10.0.0.0/8",), ("10.1.2.3/8",)),
        (("10.0.0.0/8",), ("10.0.0.0/+8",)),
        (("10.0.0.0/8",), ("10.0.0.0/008",)),
        (("127.1/32",), ("127.0.0.1/32",)),
        (("010.0.0.1/32",), ("8.0.0.1/32",)),
        (("0x7f.0.0.1/32",), ("127.0.0.1/32",)),
        (("10/8",), ("0.0.0.10/8",)),
        (("1.2.3.4/0",), ("0.0.0.0/0",)),
        (("FE80::1/64",), ("fe80:0::2%1/64",)),
        (("10.0.0.0", "255.0"), ("10.0.0.0/8",)),
        (("Host.Example",), ("host.example",)),
    ],
)
def test_spellings_of_one_address_have_one_key(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert address(*one).key == address(*other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("all", "0.0.0.0/0"), ("a.example", "a.example."), ("ALL", "all")],
)
def test_what_looks_alike_may_differ(one: str, other: str) -> None:
    assert address(one).key != address(other).key


@pytest.mark.parametrize(
    "text", ["10.0.0.256", "1.2.3.4.5", "[::1]", "*.example.com", "ALL", "", "08.0.0.1", "1.2.3.4%1"]
)
def test_what_is_not_numeric_is_a_host_name(text: str) -> None:
    assert address(text).kind == "name"


def test_quoted_keyword_is_a_host_name() -> None:
    assert address("all", quoted=True).kind == "name"
    assert address("all").kind == "all"


@pytest.mark.parametrize(
    "text", ["1.2.3.4/33", "1.2.3.4/", "1.2.3.4/0x8", "1.2.3.4/-1", "::1/129", "1.2.3.4/8 ", "host/8"]
)
def test_bad_masks_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        address(text)


def test_a_number_without_mask_needs_one() -> None:
    assert needs_netmask(Token("10.0.0.5"))
    assert not needs_netmask(Token("10.0.0.5/32"))
    assert not needs_netmask(Token("all"))
    with pytest.raises(ConfigError, match=r"write 10\.0\.0\.5/32"):
        address("10.0.0.5")
    with pytest.raises(ConfigError, match="different families"):
        address("10.0.0.5", "ffff::")


def test_holes_are_found() -> None:
    assert has_holes(address("10.0.0.0", "255.0.255.0"))
    assert not has_holes(address("10.0.0.0", "255.255.0.0"))


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("all", "host.example", True),
        ("10.0.0.0/8", "10.1.0.0/16", True),
        ("10.1.0.0/16", "10.0.0.0/8", False),
        (".example", "a.example", True),
        (".example", "example", False),
        ("samenet", "samehost", True),
        ("samehost", "samenet", False),
        ("0.0.0.0/0", "host.example", False),
        ("0.0.0.0/0", "::1/128", False),
    ],
)
def test_covers_claims_only_what_is_proven(outer: str, inner: str, expected: bool) -> None:
    assert covers(address(outer), address(inner)) is expected


def test_contains_knows_its_limits() -> None:
    assert contains(address("10.0.0.0/8"), "10.9.9.9") is True
    assert contains(address("10.0.0.0/8"), "11.0.0.1") is False
    assert contains(address("samenet"), "10.0.0.1") is None
    assert contains(address("all"), "::1") is True


@given(st.text("0123456789abcdefxX.:", max_size=16))
def test_parse_number_agrees_with_the_c_library(text: str) -> None:
    try:
        found = socket.getaddrinfo(text, None, flags=socket.AI_NUMERICHOST, type=socket.SOCK_STREAM) if text else []
    except (OSError, UnicodeError):
        found = []
    expected = None
    if found:
        family, packed = (4, socket.AF_INET) if found[0][0] == socket.AF_INET else (6, socket.AF_INET6)
        expected = (family, int.from_bytes(socket.inet_pton(packed, found[0][4][0].split("%")[0]), "big"))
    assert parse_number(text) == expected
