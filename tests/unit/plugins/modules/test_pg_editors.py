# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hba, pg_ident and pg_conf on files alone: no server answers at these login options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

HBA_TEXT = """\
# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256
"""
RULE = {"type": "hostssl", "user": ["app1"], "address": "0.0.0.0/0", "method": "cert", "options": {"map": "m1"}}
MAPPING = {"map": "m1", "system_user": "PostgreSQL client1", "database_user": "app1"}

CASES = [
    ("pg_hba", HBA_TEXT, {"rules": [RULE]}),
    ("pg_ident", "# MAPNAME SYSTEM-USERNAME PG-USERNAME\n", {"mappings": [MAPPING]}),
    ("pg_conf", "#ssl = off\n", {"settings": {"ssl": True, "ssl_ca_file": "root.crt"}}),
]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Options of a task without a server: nobody listens in this directory."""
    return {"path": str(tmp_path / "file.conf"), "login_unix_socket": str(tmp_path)}


@pytest.mark.parametrize(("module", "text", "args"), CASES)
def test_check_mode_predicts_and_the_second_run_changes_nothing(
    module: str, text: str, args: dict[str, Any], options: dict[str, Any]
) -> None:
    path = Path(options["path"])
    path.write_text(text)
    path.chmod(0o640)
    predicted = run_module(module, {**options, **args}, check=True, diff=True)
    assert predicted["changed"], predicted
    assert path.read_text() == text
    real = run_module(module, {**options, **args}, diff=True)
    assert real["changed"]
    assert real["diff"] == predicted["diff"]
    assert real["path"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o640
    assert text.splitlines()[0] in path.read_text().splitlines()
    assert not run_module(module, {**options, **args})["changed"]


@pytest.mark.parametrize(("module", "text", "args"), CASES)
def test_without_a_login_the_syntax_is_checked_and_a_warning_says_so(
    module: str, text: str, args: dict[str, Any], options: dict[str, Any]
) -> None:
    path = Path(options["path"])
    path.write_text(text)
    refused = run_module(module, {**options, **args, "validate": "server"})
    assert refused["failed"]
    assert refused["msg"].startswith("validate is server, but ")
    assert path.read_text() == text
    done = run_module(module, {**options, **args})
    assert any("only its syntax was checked" in str(warning) for warning in done["warnings"])
    path.write_text(text)
    quiet = run_module(module, {**options, **args, "validate": "syntax", "server_version": 15, "backup": True})
    assert quiet["changed"]
    assert Path(quiet["backup_file"]).read_text() == text
    assert not [warning for warning in quiet["warnings"] if "syntax" in str(warning)]


@pytest.mark.parametrize(("module", "text", "args"), CASES)
def test_a_missing_file_is_made_only_when_asked(
    module: str, text: str, args: dict[str, Any], options: dict[str, Any]
) -> None:
    refused = run_module(module, {**options, **args})
    assert refused["failed"]
    assert "set create to true" in refused["msg"]
    assert not Path(options["path"]).exists()
    assert run_module(module, {**options, **args, "create": True})["changed"]
    assert Path(options["path"]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("module", "text", "args"), CASES)
def test_bytes_that_are_no_text_survive(module: str, text: str, args: dict[str, Any], options: dict[str, Any]) -> None:
    path = Path(options["path"])
    path.write_bytes(text.encode() + b"# caf\xe9\r\n#\xff")
    run_module(module, {**options, **args})
    assert b"# caf\xe9\r\n#\xff" in path.read_bytes()


def test_ident_says_what_is_wrong_with_an_expression(tmp_path: Path) -> None:
    (tmp_path / "ident").write_text("")
    mappings = [{"map": "m", "system_user": "/(", "database_user": "x"}]
    args = {"path": str(tmp_path / "ident"), "server_version": 15, "validate": "syntax", "mappings": mappings}
    assert run_module("pg_ident", args)["msg"].startswith('mapping 1: system_user "/(": invalid regular expression')


def test_hba_returns_rules_and_unreachable(options: dict[str, Any]) -> None:
    Path(options["path"]).write_text("host all all all reject\nhost all x 10.0.0.0/8 md5\n")
    done = run_module("pg_hba", {**options, "rules": [RULE]})
    assert [rule["line"] for rule in done["rules"]] == [1, 2, 3]
    assert done["rules"][0]["options"] == {"map": "m1"}
    assert [(one["line"], one["shadowed_by_line"]) for one in done["unreachable_rules"]] == [(3, 2)]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"rules": [{**RULE, "method": "scram"}]}, 'rule 1: method "scram" is invalid'),
        ({"rules": [RULE, {**RULE, "address": "10.0.0.1"}]}, "rule 2: address"),
        ({"rules": [{**RULE, "comment": "a\nb"}]}, "comment holds a line break"),
        ({"rules": [RULE], "before": {"type": "local", "database": ["nope"]}}, "given as the place"),
        ({"rules": [RULE], "before": {"type": "host"}}, "before: address is missing"),
        ({"rules": [RULE], "server_version": 12}, "server_version 12 is not supported"),
        ({"rules": [RULE], "placement": "first", "after": {"type": "local"}}, "mutually exclusive"),
        ({"rules": [{"type": "local", "state": "absent"}], "exclusive": True}, "no rule at all"),
        (
            {
                "rules": [{"type": "local", "method": "reject"}],
                "guard": [{"type": "local", "database": "postgres", "user": "postgres"}],
            },
            'would lock out the guarded local connection of user postgres to database postgres: it meets the rule "local all all',
        ),
    ],
)
def test_bad_wishes_are_one_sentence_and_change_nothing(
    args: dict[str, Any], words: str, options: dict[str, Any]
) -> None:
    Path(options["path"]).write_text(HBA_TEXT)
    refused = run_module("pg_hba", {**options, **args})
    assert refused["failed"]
    assert words in refused["msg"]
    assert "\n" not in refused["msg"]
    assert Path(options["path"]).read_text() == HBA_TEXT


def test_hba_adds_include_lines_and_looks_behind_them(options: dict[str, Any], tmp_path: Path) -> None:
    Path(options["path"]).write_text("host all app1 10.1.0.0/16 md5\n")
    (tmp_path / "closed").write_text("# all\nhost all all all reject\n")
    args = {**options, "server_version": 16, "rules": [{"include": "closed"}]}
    refused = run_module("pg_hba", {**args, "placement": "first"})
    assert 'make the rule "host all app1 10.1.0.0/16 md5" (line 1 of ' in refused["msg"]
    done = run_module("pg_hba", {**args, "placement": "first", "force": True})
    assert Path(options["path"]).read_text() == "include closed\nhost all app1 10.1.0.0/16 md5\n"
    assert done["includes"] == [{"line": 1, "include": "closed", "comment": None}]
    (dead,) = done["unreachable_rules"]
    assert (dead["file"], dead["line"], dead["shadowed_by_line"]) == (None, 2, 2)
    assert dead["shadowed_by_file"] == str(tmp_path / "closed")
    assert not run_module("pg_hba", args)["changed"]
    gone = run_module("pg_hba", {**args, "rules": [{"include": "closed", "state": "absent"}]})
    assert gone["includes"] == []
    assert "one of the following is required" in run_module("pg_hba", {**options, "rules": [{"method": "md5"}]})["msg"]


def test_a_rule_of_others_is_hidden_by_force_alone(options: dict[str, Any], tmp_path: Path) -> None:
    path, text = Path(options["path"]), "local all all peer\nhost all evil all reject\n"
    path.write_text(text)
    args = {**options, "rules": [{"type": "host", "address": "all", "method": "scram-sha-256"}], "placement": "first"}
    for check in (True, False):
        refused = run_module("pg_hba", args, check=check)
        assert refused["msg"] == (
            f'the change would make the rule "host all evil all reject" (line 2 of {path}) unreachable, because '
            '"host all all all scram-sha-256" would be met first; nothing was written, remove that rule where it is no '
            "longer meant, correct the change, or set force to true"
        )
        assert path.read_text() == text
    forced = run_module("pg_hba", {**args, "force": True})
    assert forced["changed"]
    assert [one for one in forced["warnings"] if "force is true, so this is only a warning: the change makes" in one]
    assert not run_module("pg_hba", args)["changed"], "what was dead already is no news"
    last = run_module(
        "pg_hba", {**options, "rules": [{"type": "host", "user": "good", "address": "all", "method": "md5"}]}
    )
    assert last["changed"], last


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("host all all 10.77.1.0/24 trust", "(trust)"),
        ("host all +admin 10.77.1.0/24 md5", "(md5)"),
        ("host all all gw.example.com scram-sha-256", "(scram-sha-256)"),
        ("host all all 10.78.0.0/16 trust", ""),
        ("host all other 10.77.1.0/24 trust", ""),
        ("host all all 10.77.1.0/24 reject", ""),
        ("host all all 127.0.0.1/32 trust", ""),
        ("hostssl all all 10.77.1.0/24 cert map=m1", ""),
    ],
)
def test_a_rule_that_takes_part_of_a_new_one_draws_a_warning(options: dict[str, Any], above: str, said: str) -> None:
    path = Path(options["path"])
    path.write_text(f"local all all peer\n{above}\n")
    args = {**options, "rules": [{**RULE, "address": "10.77.0.0/16"}]}
    warnings = [one for one in run_module("pg_hba", args)["warnings"] if "met before" in one]
    assert len(warnings) == bool(said)
    for warning in warnings:
        assert warning.startswith(
            f'"{" ".join(above.split()[:5])}" (line 2 of {path}) is met before "hostssl all app1 10.77'
        )
        assert warning.endswith(f"by some of its connections, and lets them in otherwise {said}")
    assert not [one for one in run_module("pg_hba", args)["warnings"] if "met before" in one], "it is no news"


def test_broken_markers_name_their_line(options: dict[str, Any]) -> None:
    Path(options["path"]).write_text(HBA_TEXT + "# END pgtls x\n")
    assert "line 4" in run_module("pg_hba", {**options, "rules": [RULE]})["msg"]


def test_md5_draws_a_warning(options: dict[str, Any]) -> None:
    Path(options["path"]).write_text(HBA_TEXT)
    done = run_module("pg_hba", {**options, "rules": [{"type": "host", "address": "all", "method": "md5"}]})
    assert any("PostgreSQL 18 deprecates MD5" in str(warning) for warning in done["warnings"])


def test_a_certificate_for_any_role_draws_a_warning_where_the_task_asks_for_it(options: dict[str, Any]) -> None:
    general = {"type": "hostssl", "address": "0.0.0.0/0", "method": "cert"}
    Path(options["path"]).write_text("hostssl all +staff 10.0.0.0/8 cert\n")
    asked = run_module("pg_hba", {**options, "rules": [general]})
    (warning,) = [one for one in asked["warnings"] if "any role, superusers included" in one]
    assert '"hostssl all all 0.0.0.0/0 cert"' in warning
    for rule in (
        RULE,
        {**general, "user": "app1"},
        {**general, "options": {"map": "m1"}},
        {**general, "method": "reject"},
    ):
        done = run_module("pg_hba", {**options, "rules": [rule]})
        assert not any("certificate of the CA" in one for one in done["warnings"]), rule


def test_an_expression_above_moves_the_rule_that_it_would_hide(options: dict[str, Any]) -> None:
    above = "host all /^svc[0-9]+$ 0.0.0.0/0 reject\n"
    rule = {"type": "host", "user": "svc7", "address": "10.0.0.0/8", "method": "scram-sha-256"}
    asked = {**options, "server_version": 16, "rules": [rule]}
    Path(options["path"]).write_text(above)
    done = run_module("pg_hba", asked)
    assert Path(options["path"]).read_text().split() == [
        *["host", "all", "svc7", "10.0.0.0/8", "scram-sha-256"],
        *above.split(),
    ]
    assert done["unreachable_rules"] == []
    Path(options["path"]).write_text(above)
    last = run_module("pg_hba", {**asked, "placement": "last"})
    assert [one["shadowed_by_line"] for one in last["unreachable_rules"]] == [1]


def test_conf_returns_overrides_and_restarts(options: dict[str, Any], tmp_path: Path) -> None:
    Path(options["path"]).write_text("port = 5432\n")
    auto = tmp_path / "postgresql.auto.conf"
    auto.write_text("port = '5502'\n")
    args = {**options, "settings": {"port": 5501, "ssl": "on", "work_mem": None}, "auto_conf": str(auto)}
    done = run_module("pg_conf", args)
    assert done["overridden"] == [{"name": "port", "value": "5502", "path": str(auto), "line": 1}]
    assert done["restart_required"] == ["port"]
    assert done["settings"] == {"port": "5501", "ssl": "on", "work_mem": None}
    assert any("ALTER SYSTEM RESET port" in str(warning) for warning in done["warnings"])
    assert run_module("pg_conf", args)["restart_required"] == []


def test_conf_looks_into_included_files_for_overrides(options: dict[str, Any], tmp_path: Path) -> None:
    Path(options["path"]).write_text("ssl = on\ninclude_dir = 'conf.d'\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "own.conf").write_text("\nssl = off\n")
    done = run_module("pg_conf", {**options, "settings": {"ssl": True}})
    assert not done["changed"]
    assert done["overridden"] == [{"name": "ssl", "value": "off", "path": str(tmp_path / "conf.d/own.conf"), "line": 2}]
    assert any("change it there" in str(warning) for warning in done["warnings"])


LEFT_ALONE = [
    ("pg_hba", 13, "local all @nosuch trust", "nosuch does not exist"),
    ("pg_hba", 16, "include nosuch.conf", "nosuch.conf does not exist"),
    ("pg_hba", 16, "include_dir nosuch", "nosuch"),
    ("pg_hba", 16, "local all /( peer", "invalid regular expression"),
    ("pg_hba", 19, "include main.d/x", 'line 2 of {0}/main.d/x is invalid for PostgreSQL 19 and was left alone: invalid'),
    ("pg_ident", 13, "m @nosuch x", "nosuch does not exist"),
    ("pg_ident", 14, "m x", "three words"),
    ("pg_ident", 17, "include nosuch", "nosuch does not exist"),
    ("pg_conf", 13, "work_mem = 'many'", '"work_mem" cannot be "many"'),
    ("pg_conf", 18, "no_such_setting = 1", 'PostgreSQL 18 has no setting "no_such_setting"'),
    ("pg_conf", 19, "include_dir 'main.d'\ninclude 'nosuch'", "nosuch does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "version", "line", "words"), LEFT_ALONE)
def test_a_fault_that_was_there_is_told_without_a_server_too(
    module: str, version: int, line: str, words: str, tmp_path: Path
) -> None:
    text, args = next((text, args) for name, text, args in CASES if name == module)
    (tmp_path / "main.d").mkdir()
    (tmp_path / "main.d" / "x").write_text("local all all peer\nnonsense\n")
    path = tmp_path / "file.conf"
    path.write_text(f"{text}{line}\n")
    for check in (True, False, False):
        options = {"path": str(path), "validate": "syntax", "server_version": version}
        done = run_module(module, {**options, **args}, check=check)
        assert not done["failed"], done["msg"]
        told = [one for one in done["warnings"] if "was left alone" in one]
        assert len(told) == 1 and words.format(tmp_path) in told[0], done["warnings"]
    many = "".join(f"{line}{number}\n" for number in range(25)) if "\n" not in line else ""
    path.write_text(f"{text}{many}")
    told = [one for one in run_module(module, {**options, **args})["warnings"] if "invalid" in one]
    assert len(told) <= 11
