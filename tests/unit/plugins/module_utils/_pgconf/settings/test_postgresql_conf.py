# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql.conf: the scanner, and settings that find their place."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.included_settings import (
    describe_overrides,
    read_conf,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.postgresql_conf import (
    Assignment,
    conf_problems,
    describe_named,
    describe_overridden,
    describe_restarts,
    ensure_settings,
    parse_conf,
    parse_conf_line,
    read_settings,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.values import Kind
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken, Opaque
from hypothesis import given
from hypothesis import strategies as st
from pgconf_strategies import VERSIONS, texts

STOCK = """\
#listen_addresses = 'localhost'\t\t# what IP address(es) to listen on;
\t\t\t\t\t# comma-separated list of addresses;
\t\t\t\t\t# (change requires restart)
#port = 5432\t\t\t\t# (change requires restart)
#ssl = off
#ssl_ca_file = ''
"""


def edit(text: str, version: int = 15, kinds: dict[str, Kind] | None = None, **settings: object) -> str:
    """The text after one task; the second one must have nothing to do."""
    wanted = read_settings({"settings": settings})
    after = ensure_settings(parse_conf(text, version), wanted, kinds)
    assert ensure_settings(after, wanted, kinds) is after
    again = parse_conf(after.render(), version)
    assert ensure_settings(again, wanted, kinds) is again
    return after.render()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a = b", "b"),
        ("a b", "b"),
        ("a=b#c", "b"),
        ("  A\t=\t'x y' # c\r", "x y"),
        ("a = ''", ""),
        ("a = 'it''s'", "it's"),
        (r"a = 'it\'s'", "it's"),
        (r"a = 'x\ty\x41\101'", "x\tyx41A"),
        (r"a = '\303\251'", "é"),
        ("a = 64MB", "64MB"),
        ("a = -1", "-1"),
        ("a = 0x1F", "0x1F"),
        ("a = 1.5", "1.5"),
        ("a = .5", ".5"),
        ("a = 5.", "5."),
        ("a = 1.5e3", "1.5e3"),
        ("a = a.b.c", "a.b.c"),
        ("a = a-b.c", "a-b.c"),
        ("a.b = c", "c"),
        ("é = x", "x"),
        ("a = x:/y", "x:/y"),
    ],
)
def test_values_are_read_as_the_server_scans_them(line: str, value: str) -> None:
    entry = parse_conf_line(line + "\n")
    assert isinstance(entry, Assignment)
    assert entry.value == value


@pytest.mark.parametrize(
    "line",
    ["a", "a =", "a = b.c", "a = 64 MB", "a = x, y", "a = *", "a = /p", "a = 127.0.0.1", 'a = "x"', "a = %m", "a = 'x", "a = 1.5GB",
     "a = 1e3", "a.b.c = x", "1 = x", "\ufeffa = '", "= x", "a = b c", "a = 'x\\"],
)  # fmt: skip
def test_syntax_errors_are_found(line: str) -> None:
    assert isinstance(parse_conf_line(line + "\n"), Broken)


@pytest.mark.parametrize("line", ["include 'x'", "INCLUDE_DIR = 'conf.d'", "include_if_exists x"])
def test_includes_are_kept(line: str) -> None:
    assert isinstance(parse_conf_line(line), Opaque)


def test_no_continuation_in_this_file() -> None:
    assert len(parse_conf("a = b # x\\\nc = d\n", 15).lines) == 2
    assert edit("a = b # x\\", c="d") == "a = b # x\\\nc = d\n"


def test_missing_setting_stands_below_its_commented_default() -> None:
    assert edit(STOCK, ssl=True) == STOCK.replace("#ssl = off\n", "#ssl = off\nssl = on\n")
    lines = edit(STOCK, listen_addresses=["10.0.0.1", "::1"]).splitlines()
    assert lines[3] == "listen_addresses = '10.0.0.1, ::1'"
    assert edit(STOCK, work_mem="8MB") == STOCK + "work_mem = 8MB\n"


def test_only_the_exact_name_is_meant() -> None:
    assert (
        edit("#ssl_ca_file = ''\nssl_ca_file = 'x'\n", ssl=True) == "#ssl_ca_file = ''\nssl_ca_file = 'x'\nssl = on\n"
    )


def test_the_last_assignment_decides_and_is_rewritten_in_place() -> None:
    text = "ssl = on\nSSL  off\t# why\r\n"
    assert edit(text, ssl=False) == text
    assert edit(text, ssl=True) == "ssl = on\nSSL  on\t# why\r\n"


@pytest.mark.parametrize("value", ["on", "yes", "TRUE", "'on'", "tr"])
def test_other_spellings_of_a_boolean_are_no_change(value: str) -> None:
    assert edit(f"ssl = {value}\n", ssl=True) == f"ssl = {value}\n"


def test_units_are_compared() -> None:
    assert edit("shared_buffers = 1GB\n", shared_buffers="1024MB") == "shared_buffers = 1GB\n"
    assert edit("work_mem = 4096\n", work_mem="4MB") == "work_mem = 4096\n"
    assert edit("work_mem = 4096\n", work_mem="4mB") == "work_mem = 4mB\n"
    assert edit("port = 05432\n", port=5432) == "port = 5432\n"


def test_null_removes_every_active_assignment() -> None:
    assert edit("#ssl = off\nssl = on\nx = y\nSsl = off\n", ssl=None) == "#ssl = off\nx = y\n"


def test_alias_and_new_name_are_one_setting() -> None:
    assert edit("ssl_ecdh_curve = 'prime256v1'\n", 18, ssl_groups="X25519") == "ssl_ecdh_curve = X25519\n"
    assert edit("ssl_ecdh_curve = prime256v1\n", 17, ssl_groups="X25519").count("\n") == 2
    assert edit("sort_mem = 1MB\n", work_mem=None) == ""


def test_values_are_quoted_safely() -> None:
    assert edit("", ssl_ciphers="HIGH:!aNULL") == "ssl_ciphers = 'HIGH:!aNULL'\n"
    assert edit("", archive_command="cp '%p' \\x\n") == "archive_command = 'cp ''%p'' \\\\x\\n'\n"
    assert edit("", search_path="pg_catalog.english") == "search_path = 'pg_catalog.english'\n"
    assert edit("", seed=1.5, x="") == "seed = 1.5\nx = ''\n"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"a b": 1}, "is not a known setting"),
        ({"include": "x"}, "directive"),
        ({"a": {"b": 1}}, "is a dict"),
        ({"a": "\0"}, "NUL"),
    ],
)
def test_bad_input_is_one_sentence(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings({"settings": settings})


def test_two_names_of_one_setting_are_refused() -> None:
    with pytest.raises(ConfigError, match="one setting"):
        edit("", 18, ssl_groups="a", ssl_ecdh_curve="b")


def overrides(wanted: dict[str, str | None], text: str, others: dict[str, str]) -> list[dict[str, Any]]:
    """What overrides the wanted settings; the edited file is /etc/own, and /etc/main is read first."""
    files = Files("/etc/main", {**others, "/etc/own": text}.get)
    lines = read_conf(others.get("/etc/main", "include own\n"), 15, files, "/d/postgresql.auto.conf")
    return describe_overrides(wanted, lines, 15, lambda file: file == "/etc/own")


def test_the_last_assignment_in_reading_order_overrides() -> None:
    later = {"/etc/main": "include own\ninclude other\n", "/etc/other": "ssl = off\n"}
    assert overrides({"ssl": "on"}, "ssl = on\n", later) == [
        {"name": "ssl", "value": "off", "path": "/etc/other", "line": 1}
    ]
    earlier = {"/etc/main": "include other\ninclude own\n", "/etc/other": "ssl = off\n"}
    assert overrides({"ssl": "on"}, "ssl = on\n", earlier) == []
    inside = {"/etc/other": "work_mem = 2MB\n"}
    assert overrides({"sort_mem": "1MB"}, "sort_mem = 1MB\ninclude other\n", inside)[0]["value"] == "2MB"
    assert overrides({"sort_mem": "2048kB"}, "sort_mem = 2048kB\ninclude other\n", inside) == []
    assert overrides({"ssl": None}, "include other\n", {"/etc/other": "ssl = on\n"})[0]["path"] == "/etc/other"


def test_overrides_restarts_and_doubts() -> None:
    wanted = read_settings({"settings": {"port": 5501, "ssl": True, "work_mem": None}})
    auto = {"/d/postgresql.auto.conf": "# auto\nPORT = '5502'\nssl = 'yes'\nwork_mem = '1MB'\n"}
    overridden = overrides(wanted, "port = 5501\nssl = on\n", auto)
    assert overridden == [
        {"name": "port", "value": "5502", "path": "/d/postgresql.auto.conf", "line": 2},
        {"name": "work_mem", "value": "1MB", "path": "/d/postgresql.auto.conf", "line": 4},
    ]
    before = parse_conf("port = 5432\nbroken\n", 15)
    after = ensure_settings(before, wanted)
    assert describe_restarts(before, after) == ["port"]
    assert describe_restarts(
        before, after, {"ssl": Kind("bool", None, "postmaster"), "port": Kind("integer", None, "sighup")}
    ) == ["ssl"]
    assert describe_named(after, wanted) == {"port": "5501", "ssl": "on", "work_mem": None}
    assert [number for number, _line, _problem in conf_problems(after)] == [2]
    assert "ALTER SYSTEM RESET port" in describe_overridden(overridden)[0]


# What a file can hold: characters, and bytes that are none.
FILE_CHARACTERS = st.one_of(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),
)


@given(
    texts,
    st.dictionaries(
        st.sampled_from(["ssl", "port", "work_mem", "x.y", "ssl_ciphers", "ssl_ecdh_curve"]),
        st.one_of(st.none(), st.booleans(), st.integers(0, 9999), st.text(FILE_CHARACTERS, max_size=8)),
        max_size=3,
    ),
    VERSIONS,
)
def test_twice_is_once_and_every_value_is_read_back(text: str, settings: dict[str, object], version: int) -> None:
    document = parse_conf(text, version)
    wanted = read_settings({"settings": settings})
    after = ensure_settings(document, wanted)
    again = parse_conf(after.render(), version)
    assert ensure_settings(again, wanted) is again
    fresh = describe_named(ensure_settings(parse_conf("", version), wanted), wanted)
    assert fresh == wanted
    untouched = [
        [line.raw.rstrip("\r\n") for line in one.lines if not isinstance(line.entry, Assignment)]
        for one in (document, after)
    ]
    assert untouched[0] == untouched[1]


@pytest.mark.parametrize(("written", "value"), [(r"'a\0b'", "a"), (r"'\0'", ""), (r"'a\400b'", "a"), (r"'\101'", "A")])
def test_a_nul_ends_a_value(written: str, value: str) -> None:
    entry = parse_conf_line(f"search_path = {written}\n")
    assert isinstance(entry, Assignment)
    assert entry.value == value
