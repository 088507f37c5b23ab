# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The info modules in this process: options, returns, included files, and what ends in one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.pgtls.postgresql.plugins.modules import pg_conf_info, pg_hba_info, pg_ident_info
from module_runner import run_module

RULES = """local all all peer map=admins
include more.conf
hostssl all all 10.0.0.0/8 cert map=apps
"""
MORE = """# others
host all all 192.168.0.0/16 md5
host app app 192.168.1.0/24 reject
"""


@pytest.fixture
def hba(tmp_path: Path) -> Path:
    (tmp_path / "more.conf").write_text(MORE, encoding="utf-8")
    (tmp_path / "pg_ident.conf").write_text('apps "PostgreSQL client1" app1\n', encoding="utf-8")
    path = tmp_path / "pg_hba.conf"
    path.write_text(RULES, encoding="utf-8")
    return path


def test_a_file_with_everything(hba: Path) -> None:
    args = {
        "path": str(hba),
        "ident_path": str(hba.parent / "pg_ident.conf"),
        "ssl_ca_file": "/etc/root.crt",
        "explain": [
            {"user": "app1", "address": "10.1.2.3", "tls": True, "certificate_common_name": "PostgreSQL client1"},
            {"user": "app1", "database": "app", "address": "10.1.2.3", "tls": False},
        ],
    }
    done = run_module("pg_hba_info", args)
    assert (done["failed"], done["changed"], done["accepted"], done["errors"]) == (False, False, True, [])
    assert (done["server_version"], done["ident_accepted"], done["line_warnings"]) == (19, True, [])
    more = str(hba.parent / "more.conf")
    assert [(rule["file"], rule["line"], rule["method"]) for rule in done["rules"]] == [
        (str(hba), 1, "peer"),
        (more, 2, "md5"),
        (more, 3, "reject"),
        (str(hba), 3, "cert"),
    ]
    assert [(one["file"], one["line"], one["shadowed_by_line"]) for one in done["unreachable_rules"]] == [(more, 3, 2)]
    assert [(one["outcome"], one["database_role"]) for one in done["explain"]] == [
        ("accepted", "app1"),
        ("refused", None),
    ]
    assert done["explain"][0]["rule"] == done["rules"][3]
    assert [one["code"] for one in done["findings"]] == ["map_unknown", "md5", "no_rule_for_replication"]


def test_a_file_that_no_server_loads(hba: Path) -> None:
    hba.write_text("local all all peer\nhost all all 10.0.0.5 trust\n", encoding="utf-8")
    done = run_module("pg_hba_info", {"path": str(hba), "explain": [{"user": "u"}]})
    assert (done["accepted"], done["ident_accepted"]) == (False, None)
    (error,) = done["errors"]
    assert (error["file"], error["line"], error["column"]) == (str(hba), 2, 14)
    assert "not a netmask for address" in error["problem"]
    assert done["explain"][0]["outcome"] == "depends"
    assert "does not load this file" in done["explain"][0]["sentence"]
    hba.write_text("# empty\n", encoding="utf-8")
    (error,) = run_module("pg_hba_info", {"path": str(hba)})["errors"]
    assert error["line"] is None


def test_the_version_and_the_build_decide(hba: Path) -> None:
    hba.write_text("host all all all ldap ldapserver=x ldapprefix=y\nhostssl all all all cert\n", encoding="utf-8")
    assert run_module("pg_hba_info", {"path": str(hba)})["accepted"]
    assert not run_module("pg_hba_info", {"path": str(hba), "build": {"ldap": False}})["accepted"]
    done = run_module("pg_hba_info", {"path": str(hba), "ssl": False})
    assert (done["accepted"], [one["line"] for one in done["line_warnings"]]) == (True, [2])
    hba.write_text("hostssl all all all md5 clientcert=1\n", encoding="utf-8")
    accepted = [run_module("pg_hba_info", {"path": str(hba), "server_version": n})["accepted"] for n in (13, 14)]
    assert accepted == [True, False]


@pytest.mark.parametrize(
    ("value", "is_found"), [("", True), (False, True), ("no", True), (True, False), ("/x", False), (None, False)]
)
def test_ssl_ca_file_is_a_boolean_or_the_value_of_the_setting(hba: Path, value: Any, is_found: bool) -> None:
    done = run_module("pg_hba_info", {"path": str(hba), "ssl_ca_file": value})
    assert ("cert_without_ca_file" in [one["code"] for one in done["findings"]]) is is_found


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        ("pg_hba_info", {"path": "/nowhere/pg_hba.conf"}, "there is no file /nowhere/pg_hba.conf"),
        ("pg_hba_info", {"server_version": 12}, "server_version 12 is not supported"),
        ("pg_hba_info", {"ssl_ca_file": 7}, "ssl_ca_file 7 is neither a boolean nor a path"),
        ("pg_hba_info", {"ident_path": "/nowhere/pg_ident.conf"}, "there is no file /nowhere/pg_ident.conf"),
        ("pg_hba_info", {"explain": [{"user": "u", "address": "::1"}]}, "explain 1: tls is missing"),
        ("pg_ident_info", {"server_version": 20}, "server_version 20 is not supported"),
        ("pg_conf_info", {"path": "/nowhere/x.conf"}, "there is no file /nowhere/x.conf"),
    ],
)
def test_bad_input_is_one_sentence(hba: Path, module: str, args: dict[str, Any], words: str) -> None:
    done = run_module(module, {"path": str(hba), **args})
    assert done["failed"]
    assert words in done["msg"]


def test_maps_that_no_server_loads(hba: Path) -> None:
    maps = hba.parent / "pg_ident.conf"
    maps.write_text("apps x\n", encoding="utf-8")
    client = {"user": "app1", "address": "10.0.0.1", "tls": True, "certificate_common_name": "x"}
    done = run_module("pg_hba_info", {"path": str(hba), "ident_path": str(maps), "explain": [client]})
    assert (done["accepted"], done["ident_accepted"], done["explain"][0]["outcome"]) == (True, False, "depends")
    (finding,) = (one for one in done["findings"] if one["code"] == "ident_file_rejected")
    assert (finding["file"], finding["line"]) == (str(maps), 1)
    done = run_module("pg_ident_info", {"path": str(maps)})
    assert (done["accepted"], [one["line"] for one in done["errors"]], done["mappings"]) == (False, [1], [])


def test_mappings(hba: Path) -> None:
    maps = hba.parent / "pg_ident.conf"
    maps.write_text("@names x all\ninclude more_maps\n", encoding="utf-8")
    (hba.parent / "names").write_text('"a b"\n', encoding="utf-8")
    (hba.parent / "more_maps").write_text("n /^(.*)@x$ \\1 # why\n", encoding="utf-8")
    done = run_module("pg_ident_info", {"path": str(maps), "server_version": 16}, check=True)
    assert done["accepted"]
    assert done["mappings"] == [
        {"file": str(maps), "line": 1, "map": "a b", "system_user": "x", "database_user": "all", "comment": None},
        {"file": str(hba.parent / "more_maps"), "line": 1, "map": "n", "system_user": "/^(.*)@x$",
         "database_user": "\\1", "comment": "why"},
    ]  # fmt: skip
    assert not run_module("pg_ident_info", {"path": str(maps), "server_version": 15})["accepted"]


def test_settings_in_effect(tmp_path: Path) -> None:
    path, auto = tmp_path / "postgresql.conf", tmp_path / "postgresql.auto.conf"
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/10-tls.conf").write_text("SSL = on\nssl_ecdh_curve = 'X25519'\n", encoding="utf-8")
    path.write_text("ssl = off\ninclude_dir 'conf.d'\nwork_mem = 1MB\n", encoding="utf-8")
    auto.write_text("work_mem = '2MB'\n", encoding="utf-8")
    args = {"path": str(path), "auto_conf": str(auto), "server_version": 18}
    done = run_module("pg_conf_info", args)
    assert (done["accepted"], done["errors"], done["changed"]) == (True, [], False)
    tls = str(tmp_path / "conf.d/10-tls.conf")
    assert done["settings"] == {
        "ssl": {"value": "on", "file": tls, "line": 1},
        "ssl_groups": {"value": "X25519", "file": tls, "line": 2},
        "work_mem": {"value": "2MB", "file": str(auto), "line": 1},
    }
    assert [(one["name"], one["value"], one["line"], one["by_file"], one["by_line"]) for one in done["overridden"]] == [
        ("ssl", "off", 1, tls, 1),
        ("work_mem", "1MB", 3, str(auto), 1),
    ]
    path.write_text("a b c\nssl = on\n", encoding="utf-8")
    auto.unlink()
    done = run_module("pg_conf_info", args)
    assert (done["accepted"], [one["line"] for one in done["errors"]]) == (False, [1])


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "unlisted"])
def test_an_included_file_that_cannot_be_read_is_an_error_of_its_line(hba: Path, kind: str) -> None:
    other = hba.parent / "other"
    directive = "include"
    if kind == "pipe":
        os.mkfifo(other)
    elif kind == "directory":
        other.mkdir()
    elif kind == "unlisted":
        directive = "include_dir"
    hba.write_text(f"local all all peer\n{directive} other\n", encoding="utf-8")
    done = run_module("pg_hba_info", {"path": str(hba)})
    # The server opens a directory as a file and finds nothing in it.
    assert [one["line"] for one in done["errors"]] == ([] if kind == "directory" else [2])


@pytest.mark.parametrize("module", [pg_hba_info, pg_ident_info, pg_conf_info])
def test_what_is_returned_is_documented(module: Any, hba: Path) -> None:
    done = run_module(module.__name__.rsplit(".", 1)[1], {"path": str(hba)})
    returned = set(done) - {"failed", "warnings", "_output", "changed", "invocation"}
    assert returned == set(yaml.safe_load(module.RETURN))
