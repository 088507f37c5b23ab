# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services between two markers of a connection service file: all other bytes stay, and libpq reads back what was given."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from module_runner import run_module

BEGIN, END = "# BEGIN pgtls clients", "# END pgtls clients"
SHOP = {"name": "shop", "parameters": {"host": "db1", "port": 5433, "sslmode": "verify-full"}}
LINES = "[shop]\nhost=db1\nport=5433\nsslmode=verify-full\n"
OURS = f"{BEGIN}\n{LINES}{END}\n"


def run(path, services=(SHOP,), check=False, **options):
    return run_module("pg_service", {"path": str(path), "services": list(services), **options}, check=check, diff=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pg_service.conf"


def test_a_missing_file_is_made_once(path):
    predicted = run(path, check=True, mode="0644")
    assert not path.exists()
    made = run(path, mode="0644")
    assert (made["changed"], made["diff"], made["services"]) == (True, predicted["diff"], ["shop"])
    assert path.read_text() == OURS
    assert path.stat().st_mode & 0o777 == 0o644
    assert run(path, mode="0644")["changed"] is False
    assert run(path, services=[])["changed"] is True
    assert path.read_text() == ""


def test_nothing_is_made_for_no_service(path):
    assert run(path, services=[])["changed"] is False
    assert run(path, state="absent")["changed"] is False
    assert not path.exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", OURS.encode()),
        (b"[mine]\nhost=h\n", b"[mine]\nhost=h\n" + OURS.encode()),
        (b"[mine]\nhost=h", b"[mine]\nhost=h\n" + OURS.encode()),
        (b"# caf\xe9\r\n[mine]\r\n", b"# caf\xe9\r\n[mine]\r\n" + OURS.replace("\n", "\r\n").encode()),
        (f"a\n{BEGIN}\n[old]\n{END}\n[z]\n".encode(), f"a\n{OURS}[z]\n".encode()),
        (f"{BEGIN}\n{END}".encode(), OURS.encode()),
        (b"# BEGIN other\n# END other\n", b"# BEGIN other\n# END other\n" + OURS.encode()),
    ],
)
def test_every_other_byte_stays(path, before, after):
    path.write_bytes(before)
    assert run(path)["changed"] is True
    assert path.read_bytes() == after
    assert run(path)["changed"] is False
    assert run(path, state="absent")["changed"] is True
    assert BEGIN.encode() not in path.read_bytes()


def test_what_a_block_of_blockinfile_held_goes_on_unchanged(path):
    path.write_text(f"[mine]\nhost=h\n{OURS}")
    assert run(path)["changed"] is False


@pytest.mark.parametrize("text", [f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", OURS + OURS])
def test_markers_that_do_not_belong_together_are_refused(path, text):
    path.write_text(text)
    result = run(path)
    assert result["failed"] is True
    assert "do not belong together; remove the surplus" in result["msg"]
    assert result["msg"].startswith("line ")
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["", " a", "a ", "a]b", "a\nb", "a\u2028b"])
def test_a_name_that_libpq_would_not_find_is_refused(path, name):
    result = run(path, services=[{**SHOP, "name": name}])
    assert result["failed"] is True
    assert result["msg"].startswith("services: the name ")
    assert not path.exists()


@pytest.mark.parametrize(
    "value", ["db1\nsslmode=disable", "db1\r", " db1", "db1\t", "db1\x85", ["db1"], {"a": 1}, None]
)
def test_a_value_that_libpq_would_read_otherwise_is_refused(path, value):
    result = run(path, services=[{"name": "shop", "parameters": {"host": value}}])
    assert result["failed"] is True
    assert result["msg"].startswith("services: host of shop ")
    assert not path.exists()


@pytest.mark.parametrize("key", ["Host", "ho st", "host=a", "", "password", "sslpassword", "service"])
def test_a_parameter_that_has_no_place_there_is_refused(path, key):
    result = run(path, services=[{"name": "shop", "parameters": {key: "x"}}])
    assert result["failed"] is True
    assert result["msg"].startswith(f"services: {key} of shop ")


def test_two_services_of_one_name_are_refused_and_a_shadowed_one_is_named(path):
    assert "services: shop is listed twice" in run(path, services=[SHOP, SHOP])["msg"]
    path.write_text("[shop]\nhost=old\n")
    assert "libpq uses the first one" in run(path)["warnings"][0]


def test_all_services_are_read_back(path):
    services = [
        {
            "name": f"s{number}",
            "parameters": {"host": f"h{number}", "dbname": "a = b # c", "keepalives": number % 2 == 0},
        }
        for number in range(5)
    ]
    assert run(path, services=services)["services"] == [one["name"] for one in services]
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(Path(path).read_text())
    found = {name: dict(parser[name]) for name in parser.sections()}
    assert found == {
        f"s{number}": {"host": f"h{number}", "dbname": "a = b # c", "keepalives": "1" if number % 2 == 0 else "0"}
        for number in range(5)
    }
