# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on which a real server and this room once differed (tests/differential found them), each with the server's verdict."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Build
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import (
    FileVerdict,
    judge_conf,
    judge_hba,
    judge_ident,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.setting_kind import Kind

ALL_VERSIONS = (13, 14, 15, 16, 17, 18, 19)
SERVER = Build(
    settings={
        "work_mem": Kind("integer", "kB", "user", "64", "2147483647"),
        "vacuum_buffer_usage_limit": Kind("integer", "kB", "user", "0", "16777216"),
    }
)


def wrong_lines(verdict: FileVerdict) -> list[int]:
    return [line.line_number for line in verdict.errors]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_zone_beyond_32_bits_makes_a_host_name(version: int) -> None:
    verdict = judge_hba("host all all ::%9999999999 trust\n", version)
    assert verdict.accepted
    assert verdict.entries[0].entry.address.kind == "name"


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("attributes", ["%", "%zz", ",", "%2c", "%00", ",?sub"])
def test_an_ldapurl_that_names_no_attribute_is_an_error_for_it_kills_the_server(version: int, attributes: str) -> None:
    text = f'host all all all ldap "ldapurl=ldap://h/dc=x?{attributes}"\n'
    assert wrong_lines(judge_hba(text, version)) == [1]


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("base", ["%", "", "dc=x", "%64c=x"])
def test_an_ldapurl_may_lack_its_attributes_and_its_base(version: int, base: str) -> None:
    assert judge_hba(f'host all all all ldap "ldapurl=ldap://h/{base}??sub"\n', version).accepted


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize(("value", "seen"), [(r"'\0'", ""), (r"'a\0b'", "a"), (r"'a\400b'", "a")])
def test_an_escaped_nul_ends_a_value(version: int, value: str, seen: str) -> None:
    verdict = judge_conf(f"search_path = {value}\n", version)
    assert [one.entry.value for one in verdict.entries] == [seen]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_settings_that_the_server_does_not_list_are_known_all_the_same(version: int) -> None:
    text = "ssl_renegotiation_limit = 0\ndefault_with_oids = off\nseed = 0.5\nnobody = x\n"
    assert wrong_lines(judge_conf(text, version, build=SERVER)) == [4]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_some_of_them_take_hardly_any_value_from_a_file(version: int) -> None:
    text = "ssl_renegotiation_limit = 1\ndefault_with_oids = on\nis_superuser = on\nseed = 2\nrole = x\n"
    assert wrong_lines(judge_conf(text, version, build=SERVER)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("version", (16, 17, 18, 19))
def test_the_buffer_usage_limit_is_zero_or_at_least_128_kilobytes(version: int) -> None:
    text = "".join(f"vacuum_buffer_usage_limit = {value}\n" for value in ("0", "1", "127", "128", "2MB"))
    assert wrong_lines(judge_conf(text, version, build=SERVER)) == [2, 3]


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize(
    ("address", "kind"), [("ff02::1%lo", "network"), ("ff12::%lo", "network"), ("ff05::1%lo", None)]
)
def test_multicast_addresses_of_the_link_take_the_name_of_an_interface(
    version: int, address: str, kind: str | None
) -> None:
    verdict = judge_hba(f"host all all {address}/16 trust\n", version)
    assert [one.entry.address.kind for one in verdict.entries] == ([kind] if kind else [])


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_an_integer_may_begin_with_a_point_but_not_with_a_sign_or_blank_before_it(version: int) -> None:
    text = "".join(f"work_mem = '{value}'\n" for value in ("64.5", "+64.5", ".64e3", "+.64e3", "-.64e3", " .64e3"))
    assert wrong_lines(judge_conf(text, version, build=SERVER)) == [4, 5, 6]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_setting_that_can_only_be_off_may_be_so_in_every_spelling(version: int) -> None:
    text = "".join(f"default_with_oids = {value}\n" for value in ("f", "of", "NO", "0", "tr", "o"))
    assert wrong_lines(judge_conf(text, version, build=SERVER)) == [5, 6]


@pytest.mark.parametrize(("version", "accepted"), [(13, False), (14, True), (19, True)])
def test_the_end_of_the_file_takes_a_backslash_away_whose_line_end_a_nul_hides(version: int, accepted: bool) -> None:
    assert judge_ident("\\\0\n", version).accepted is accepted


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_value_with_a_raw_nul_is_an_error_because_servers_read_it_differently_each_time(version: int) -> None:
    assert wrong_lines(judge_conf("a.b = 'x\0y'\na.c = 'x\\0y'\n# \0\n", version, build=SERVER)) == [1]
