# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values a server takes for a setting, and what the built-in table knows."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import Build, judge_conf
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.setting_kind import Kind
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.builtin_table import known_settings
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.postgresql_conf import check_values
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.value_checks import setting_problem
from hypothesis import given
from hypothesis import strategies as st

GOOD = [
    "ssl = tr",
    "ssl = 1",
    "work_mem = 64MB",
    "work_mem = '64 MB '",
    "work_mem = 64",
    "work_mem = 0x40",
    "work_mem = 0100",
    "work_mem = '1e3'",
    "work_mem = '1.5MB'",
    "work_mem = ' +64'",
    "work_mem = '99999999B'",
    "checkpoint_timeout = 5min",
    "checkpoint_timeout = '30000 ms'",
    "log_rotation_size = 1GB",
    "shared_buffers = 128MB",
    "seq_page_cost = 1",
    "seq_page_cost = '0x1p3'",
    "seq_page_cost = .5",
    "vacuum_cost_delay = 2ms",
    "synchronous_commit = yes",
    "synchronous_commit = 0",
    "wal_level = HOT_STANDBY",
    "log_error_verbosity = Terse",
    "client_min_messages = debug",
    "default_transaction_isolation = 'read committed'",
    "ssl_max_protocol_version = ''",
    "search_path = 'whatever'",
    "my.thing = 'x'",
    "sort_mem = 1MB",
    "SSL = on",
    "ssl_renegotiation_limit = 0",
    "default_with_oids = off",
    "role = none",
    "seed = 0.5",
    "transaction_read_only = on",
]
BAD = {
    "ssl = o": "on or off",
    "ssl = ''": "on or off",
    "work_mem = 64mb": "unit",
    "work_mem = 64ms": "unit",
    "work_mem = '64 M B'": "unit",
    "work_mem = x": "a number",
    "work_mem = ''": "a number",
    "work_mem = 63": "outside",
    "work_mem = 08": "unit",
    "work_mem = 3TB": "outside",
    "work_mem = '1e400'": "a number",
    "work_mem = '99999999999999999999'": "outside",
    "max_connections = 10kB": "without a unit",
    "checkpoint_timeout = 29s": "outside",
    "seq_page_cost = -1": "outside",
    "seq_page_cost = nan": "a number",
    "synchronous_commit = y": "write one of",
    "wal_level = ''": "write one of",
    "server_version = 15": "cannot be changed",
    "transaction_isolation = serializable": "cannot be changed",
    "session_authorization = x": "cannot be changed",
    "is_superuser = on": "cannot be changed",
    "ssl_renegotiation_limit = 1": "outside",
    "default_with_oids = on": "it can only be off",
    "role = x": "write one of",
    "no_such_setting = 1": "has no setting",
}


@pytest.mark.parametrize("line", GOOD)
def test_the_server_takes_it(line: str) -> None:
    for version in (13, 15, 19):
        verdict = judge_conf(line + "\n", version)
        assert verdict.accepted, verdict.lines


@pytest.mark.parametrize(("line", "words"), list(BAD.items()))
def test_the_server_refuses_it(line: str, words: str) -> None:
    for version in (13, 15, 19):
        (found,) = judge_conf(line + "\n", version).lines
        assert words in found.problem


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("db_user_namespace", range(13, 17)),
        ("ssl_sni", (19,)),
        ("ssl_groups", (18, 19)),
        ("scram_iterations", range(16, 20)),
        ("ssl", range(13, 20)),
    ],
)
def test_the_built_in_table_knows_its_versions(name: str, versions: range | tuple[int, ...]) -> None:
    assert [version for version in range(13, 20) if name in known_settings(version)] == list(versions)


def test_the_built_in_table_knows_kinds() -> None:
    table = known_settings(18)
    assert table["port"] == Kind("integer", None, "postmaster", "1", "65535")
    assert table["shared_buffers"].unit == "8kB"
    assert table["default_transaction_isolation"].enum_values == (
        "serializable",
        "repeatable read",
        "read committed",
        "read uncommitted",
    )
    assert known_settings(14)["wal_compression"].vartype == "bool"
    assert known_settings(15)["wal_compression"].vartype == "enum"


def test_some_settings_have_a_rule_of_their_own() -> None:
    for value, good in (("0", True), ("1", False), ("127kB", False), ("128", True), ("1MB", True)):
        assert judge_conf(f"vacuum_buffer_usage_limit = {value}\n", 16).accepted is good
    assert judge_conf("password_encryption = on\n", 13).accepted
    assert not judge_conf("password_encryption = on\n", 14).accepted
    assert judge_conf("standard_conforming_strings = off\n", 18).accepted
    assert not judge_conf("standard_conforming_strings = off\n", 19).accepted


def test_a_servers_own_table_is_believed() -> None:
    own = Build(settings={"mine": Kind("bool")})
    assert judge_conf("mine = on\n", 15, build=own).accepted
    assert not judge_conf("ssl = on\n", 15, build=own).accepted


def test_wanted_values_are_checked_before_anything_is_written() -> None:
    check_values({"ssl": "on", "work_mem": None, "ours_only": "x"}, 15)
    with pytest.raises(ConfigError, match='"ssl" cannot be "maybe": write on or off'):
        check_values({"ssl": "maybe"}, 15)
    with pytest.raises(ConfigError, match="has no setting"):
        check_values({"ours_only": "x"}, 15, {"ssl": Kind("bool")})


@given(st.text(max_size=12), st.sampled_from(["ssl", "work_mem", "seq_page_cost", "wal_level", "search_path"]))
def test_any_value_gets_a_verdict(value: str, name: str) -> None:
    setting_problem(name, value, 15, known_settings(15))
