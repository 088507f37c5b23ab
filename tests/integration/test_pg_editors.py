# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The editors against a real server: it accepts every class of line they write, and judges every candidate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

FILES = {"pg_hba": "pg_hba.conf", "pg_ident": "pg_ident.conf", "pg_conf": "postgresql.conf"}


@pytest.fixture
def kept(cluster: Any) -> Iterator[Any]:
    """The shared cluster, whose files are put back afterwards."""
    paths = [Path(cluster.data_directory, name) for name in FILES.values()]
    before = [path.read_bytes() for path in paths]
    yield cluster
    for path, content in zip(paths, before, strict=True):
        path.write_bytes(content)


def options(cluster: Any, module: str) -> dict[str, Any]:
    return {"path": str(Path(cluster.data_directory, FILES[module])), "validate": "server", **cluster.login}


def major_version(cluster: Any) -> int:
    return int(cluster.sql("SHOW server_version_num")[0][0]) // 10000


HBA_RULES = [
    {"type": "local", "user": ["postgres"], "method": "peer", "comment": "the administrator"},
    {"type": "local", "database": ["my db", '"all"', "a,b", "#x", 'q"q'], "user": ["+staff", '"+x"', "+My Group"], "method": "trust"},
    {"type": "local", "database": ["replication", "sameuser", "samerole"], "method": "scram-sha-256"},
    {"type": "local", "database": ["/^app", '"/tmp"'], "method": "reject"},
    {"type": "local", "user": ["back\\"], "method": "peer", "options": {"map": "x y"}},
    {"type": "hostssl", "user": ["app1"], "address": "0.0.0.0/0", "method": "cert", "options": {"map": "certmap_app1"}},
    {"type": "hostssl", "user": ["app2"], "address": "::/0", "method": "cert", "options": {"clientname": "DN"}},
    {"type": "hostssl", "user": ["app3"], "address": "10.0.0.0", "netmask": "255.0.0.0", "method": "md5",
     "options": {"clientcert": "verify-full"}},
    {"type": "hostnossl", "address": "samenet", "method": "reject"},
    {"type": "host", "address": ".example.com", "method": "password"},
    {"type": "host", "address": '"all"', "method": "md5"},
    {"type": "host", "user": ["u"], "address": "8.0.0.1/32", "method": "ident", "options": {"map": "m"}},
    {"type": "hostgssenc", "address": "all", "method": "gss", "options": {"include_realm": False, "krb_realm": "X Y"}},
    {"type": "hostnogssenc", "address": "192.168.0.0/16", "method": "ldap",
     "options": {"ldapserver": "ldap.example", "ldapprefix": "uid=", "ldapsuffix": ",dc=example"}},
    {"type": "host", "user": ["p"], "address": "samehost", "method": "pam", "options": {"pamservice": "pg"}},
]  # fmt: skip


def test_the_server_accepts_every_class_of_hba_line(kept: Any) -> None:
    args = {**options(kept, "pg_hba"), "rules": HBA_RULES, "block": "all kinds", "force": True}
    done = run_module("pg_hba", args)
    assert done["changed"], done
    rows = kept.sql(
        "SELECT line_number, type, method, error FROM (SELECT *, auth_method AS method FROM pg_hba_file_rules) AS r"
    )
    assert [row for row in rows if not row[1] or (row[3] and "cannot match because" not in row[3])] == []
    assert [(int(row[0]), row[1], row[2]) for row in rows] == [
        (r["line"], r["type"], r["method"]) for r in done["rules"]
    ]
    assert not run_module("pg_hba", args)["changed"]


def test_a_rule_for_tls_while_tls_is_off_draws_a_warning(kept: Any) -> None:
    rule = {"type": "hostssl", "user": "app1", "address": "10.0.0.0/8", "method": "scram-sha-256"}
    said = run_module("pg_hba", {**options(kept, "pg_hba"), "rules": [rule]})["warnings"]
    assert [one for one in said if "is never met while ssl is off; turn ssl on" in one and "hostssl all app1" in one]
    again = run_module("pg_hba", {**options(kept, "pg_hba"), "rules": [rule]})
    assert not again["changed"] and not [one for one in again["warnings"] if "ssl is off" in one]


def test_the_server_reads_the_names_that_we_mean(kept: Any) -> None:
    run_module("pg_hba", {**options(kept, "pg_hba"), "rules": HBA_RULES[1:2]})
    row = kept.sql("SELECT database, user_name FROM pg_hba_file_rules WHERE auth_method = 'trust'")[0]
    assert row == ('{"my db",all,"a,b",#x,"q\\"q"}', '{+staff,+x,"+My Group"}')


def test_the_version_is_the_servers(kept: Any) -> None:
    rule = {"type": "host", "address": "all", "method": "oauth", "options": {"issuer": "https://x", "scope": "y"}}
    if major_version(kept) < 18:
        assert (
            f"PostgreSQL {major_version(kept)} has"
            in run_module("pg_hba", {**options(kept, "pg_hba"), "rules": [rule]})["msg"]
        )


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        # What our own parser takes for good: told the wrong version, or of a kind that it does not judge.
        (
            "pg_hba",
            {
                "rules": [
                    {"type": "hostssl", "address": "all", "method": "md5", "options": {"clientcert": "no-verify"}}
                ],
                "server_version": 13,
            },
            "PostgreSQL refuses the new",
        ),
        (
            "pg_ident",
            {"mappings": [{"map": "m", "system_user": "/((x{1,200}){1,200}){1,200}", "database_user": "x"}]},
            "regular expression is too complex",
        ),
        (
            "pg_conf",
            {"settings": {"operator_precedence_warning": True}, "server_version": 13},
            "unrecognized configuration parameter",
        ),
        ("pg_conf", {"settings": {"timezone": "Nowhere/AtAll"}}, "setting could not be applied"),
    ],
)
def test_a_candidate_that_the_server_refuses_is_undone(
    kept: Any, module: str, args: dict[str, Any], words: str
) -> None:
    path = Path(kept.data_directory, FILES[module])
    before, status = path.read_bytes(), path.stat()
    refused = run_module(module, {**options(kept, module), **args, "mode": "0640"})
    assert refused["failed"], refused
    assert words in refused["msg"]
    assert "the previous file was restored" in refused["msg"]
    assert "\n" not in refused["msg"]
    after = path.stat()
    assert path.read_bytes() == before
    assert (after.st_uid, after.st_gid, after.st_mode) == (status.st_uid, status.st_gid, status.st_mode)


def test_errors_that_were_there_before_are_not_held_against_the_change(kept: Any) -> None:
    path = Path(kept.data_directory, "pg_ident.conf")
    path.write_text("broken\n" + path.read_text())
    done = run_module(
        "pg_ident", {**options(kept, "pg_ident"), "mappings": [{"map": "m", "system_user": "a", "database_user": "b"}]}
    )
    assert done["changed"], done
    assert any(f"line 1 of {path} is invalid" in str(warning) for warning in done["warnings"])


HARMLESS: dict[str, dict[str, Any]] = {
    "pg_hba": {"rules": [{"type": "host", "user": ["z"], "address": "10.0.0.0/8", "method": "reject"}]},
    "pg_ident": {"mappings": [{"map": "z", "system_user": "a", "database_user": "b"}]},
    "pg_conf": {"settings": {"maintenance_work_mem": "20MB"}},
}
STANDING_FAULTS = [
    ("pg_hba", "local all @nosuch trust", "nosuch does not exist"),
    ("pg_hba", "local @nosuch all trust", "nosuch does not exist"),
    ("pg_hba", "host all all 10.0.0.5 trust", "is not a netmask"),
    ("pg_hba", "host all all 10.0.0.0/8 nosuch", 'method "nosuch" is invalid'),
    ("pg_hba", "local all all", "before the authentication method"),
    ("pg_ident", "m @nosuch x", "nosuch does not exist"),
    ("pg_ident", "m x", "three words"),
    ("pg_ident", "m /( x", "invalid regular expression"),
    ("pg_conf", "no_such_setting = 1", 'no setting "no_such_setting"'),
    ("pg_conf", "work_mem = 'many'", '"work_mem" cannot be "many"'),
    ("pg_conf", "ssl = maybe", "write on or off"),
    ("pg_conf", "timezone = 'Nowhere/AtAll'", "timezone: setting could not be applied"),
    ("pg_conf", "include 'nosuch.conf'", "nosuch.conf does not exist"),
    ("pg_conf", "include_dir 'nosuch'", "cannot be opened"),
    ("pg_conf", "work_mem =", "syntax error"),
    ("pg_conf", "port = 99999999", "outside 1 to 65535"),
    ("pg_conf", "max_connections = 0", "outside 1 to"),
]


@pytest.mark.parametrize(("module", "line", "words"), STANDING_FAULTS)
def test_a_fault_that_was_there_is_told_with_what_the_server_will_do(
    kept: Any, module: str, line: str, words: str
) -> None:
    path = Path(kept.data_directory, FILES[module])
    good = path.read_text()
    path.write_text(f"{good}{line}\n")
    end = "has no maps" if module == "pg_ident" else "does not start"
    task = {**options(kept, module), **HARMLESS[module]}
    sentences = set()
    for check in (True, False, False):
        done = run_module(module, task, check=check)
        assert not done["failed"], done["msg"]
        told = [one for one in done["warnings"] if "was left alone" in one]
        assert len(told) == 1, done["warnings"]
        assert words in told[0] and told[0].endswith(f"and a server that is restarted {end}")
        sentences.add(told[0])
    assert len(sentences) == 1, "check mode says what the run says"
    assert f"line {path.read_text().splitlines().index(line) + 1} of {path} " in told[0]
    path.write_text(good)
    assert not [one for one in run_module(module, task)["warnings"] if "was left alone" in one]


@pytest.mark.parametrize(
    ("module", "line", "words"),
    [one for one in STANDING_FAULTS if one[1] in ("local all @nosuch trust", "m @nosuch x", "work_mem = 'many'")],
)
def test_a_whole_server_is_told_of_such_faults_too(kept: Any, module: str, line: str, words: str) -> None:
    path = Path(kept.data_directory, FILES[module])
    path.write_text(f"{path.read_text()}{line}\n")
    whole = {"data_directory": kept.data_directory, "certificates": []}
    for check in (True, False):  # the run itself fails at the reload, with the server's words
        done = run_module("pg_server", {**whole, "settings": {"maintenance_work_mem": "20MB"}}, check=check)
        assert done["failed"] is not check
        assert [one for one in done["warnings"] if "was left alone" in one and words in one], done


def test_an_edit_that_fixes_a_fault_says_nothing_of_it(kept: Any) -> None:
    path = Path(kept.data_directory, "postgresql.conf")
    path.write_text(path.read_text() + "work_mem = 'many'\nssl = maybe\n")
    done = run_module("pg_conf", {**options(kept, "pg_conf"), "settings": {"work_mem": "8MB"}})
    assert [one for one in done["warnings"] if "left alone" in one and "ssl" in one] == done["warnings"]


def test_what_the_warnings_say_of_a_restart_is_what_it_does(fresh_cluster: Any) -> None:
    """The sentences of the test before, tried: pg_ctl alone is the judge."""
    tried = {("pg_hba", "local all @nosuch trust"): 1, ("pg_ident", "m @nosuch x"): 0, ("pg_conf", "no_such = 1"): 1}
    for (module, line), status in tried.items():
        path = Path(fresh_cluster.data_directory, FILES[module])
        good = path.read_text()
        path.write_text(f"{good}{line}\n")
        fresh_cluster.stop()
        try:
            fresh_cluster.start()
            failed = 0
        except subprocess.CalledProcessError as error:
            failed = error.returncode
        path.write_text(good)
        assert failed == status, line
        if failed:
            fresh_cluster.start()


def test_the_tasks_own_connection_is_guarded(kept: Any) -> None:
    before = Path(kept.data_directory, "pg_hba.conf").read_bytes()
    refused = run_module("pg_hba", {**options(kept, "pg_hba"), "rules": [{"type": "local", "method": "reject"}]})
    assert "would lock out the guarded local connection of user postgres" in refused["msg"]
    assert Path(kept.data_directory, "pg_hba.conf").read_bytes() == before


@pytest.mark.parametrize(("module", "entry", "bad"), [
    ("pg_hba", {"rules": [{"type": "local", "method": "peer"}]}, {"rules": [{"type": "local", "user": "x", "method": "peer"}]}),
    ("pg_ident", {"mappings": [{"map": "m", "system_user": "a", "database_user": "b"}]},
     {"mappings": [{"map": "m", "system_user": "/((x{1,200}){1,200}){1,200}", "database_user": "x"}]}),
])  # fmt: skip
def test_a_file_that_the_server_misses_is_made_and_judged(
    kept: Any, module: str, entry: dict[str, Any], bad: dict[str, Any]
) -> None:
    path = Path(kept.data_directory, FILES[module])
    path.unlink()
    task = {**options(kept, module), "create": True}
    refused = run_module(module, {**task, **bad})
    assert refused["failed"] and ("would lock out" in refused["msg"] or "too complex" in refused["msg"]), refused
    assert not path.exists()
    for check in (True, False):
        done = run_module(module, {**task, **entry}, check=check)
        assert not done["failed"] and done["changed"] and done["warnings"] == [], done
    assert not run_module(module, {**task, **entry})["changed"]


def test_another_file_is_not_judged(kept: Any, tmp_path: Path) -> None:
    path = tmp_path / "pg_hba.conf"
    path.write_text("local all all peer\n")
    args = {**options(kept, "pg_hba"), "path": str(path), "rules": [{"type": "local", "user": ["x"], "method": "md5"}]}
    assert "and not" in run_module("pg_hba", args)["msg"]
    del args["validate"]
    done = run_module("pg_hba", args)
    assert any("only its syntax was checked" in str(warning) for warning in done["warnings"])


def test_every_written_setting_is_what_the_server_reads(kept: Any) -> None:
    settings = {
        "ssl_ciphers": "HIGH:!aNULL:!MD5",
        "ssl_min_protocol_version": "TLSv1.2",
        "log_line_prefix": "%m [%p] it's \\ \t",
        "work_mem": "8MB",
        "search_path": ['"$user"', "public"],
        "my.thing": "on",
        "max_connections": 55,
        "seq_page_cost": 1.5,
        "application_name": "",
    }
    done = run_module("pg_conf", {**options(kept, "pg_conf"), "settings": settings})
    assert done["changed"], done
    assert done["restart_required"] == ["max_connections"]
    rows = dict(kept.sql("SELECT name, setting FROM pg_file_settings WHERE error IS NULL OR name = 'max_connections'"))
    expected = {name: str(value) for name, value in settings.items()} | {"search_path": '"$user", public'}
    assert {name: rows[name] for name in expected} == expected
    spellings = {
        "work_mem": "8192kB",
        "seq_page_cost": "1.50",
        "ssl_min_protocol_version": "tlsv1.2",
        "max_connections": "0x37",
    }
    assert not run_module("pg_conf", {**options(kept, "pg_conf"), "settings": spellings})["changed"]


def test_auto_conf_is_found_through_the_login(kept: Any) -> None:
    kept.sql("ALTER SYSTEM SET work_mem = '5MB'")
    done = run_module("pg_conf", {**options(kept, "pg_conf"), "settings": {"work_mem": "9MB"}})
    kept.sql("ALTER SYSTEM RESET work_mem")
    assert [(one["name"], one["value"]) for one in done["overridden"]] == [("work_mem", "5MB")]


def test_a_value_of_alter_system_is_taken_back_where_the_task_asks(kept: Any) -> None:
    for text in ("work_mem = '5MB'", "max_connections = 44", "log_line_prefix = 'x'", "maintenance_work_mem = '30MB'"):
        kept.sql(f"ALTER SYSTEM SET {text}")
    wanted = {"WORK_MEM": "9MB", "max_connections": None, "log_line_prefix": "y"}
    task = {**options(kept, "pg_conf"), "settings": wanted}
    auto = Path(kept.data_directory, "postgresql.auto.conf")
    before = auto.read_text()
    kept_back = run_module("pg_conf", task)
    assert [one["name"] for one in kept_back["overridden"]] == list(wanted) and kept_back["reset"] == []
    assert len([one for one in kept_back["warnings"] if "use ALTER SYSTEM RESET" in one]) == 3
    assert auto.read_text() == before
    for check in (True, False):
        done = run_module("pg_conf", {**task, "reset_auto_conf": True}, check=check)
        assert done["changed"] and done["reset"] == list(wanted), done
        assert (done["overridden"], done["warnings"]) == ([], [])
        assert done["restart_required"] == ["max_connections"]
        assert (auto.read_text() == before) is check
    assert auto.read_text().splitlines()[2:] == ["maintenance_work_mem = '30MB'"]
    again = run_module("pg_conf", {**task, "reset_auto_conf": True})
    assert not again["changed"] and again["reset"] == []
    kept.sql("ALTER SYSTEM SET work_mem = '5MB'")
    task = {**task, "settings": {"work_mem": "7MB"}, "reset_auto_conf": True, "login_user": "nobody"}
    del task["validate"]
    refused = run_module("pg_conf", {**task, "auto_conf": str(auto)})
    assert (
        refused["failed"] and "reset_auto_conf is true, but no server can be told to forget work_mem" in refused["msg"]
    )
    kept.sql("ALTER SYSTEM RESET ALL")


def test_check_mode_asks_but_writes_nothing(kept: Any) -> None:
    path = Path(kept.data_directory, "postgresql.conf")
    before = path.read_bytes()
    assert run_module("pg_conf", {**options(kept, "pg_conf"), "settings": {"port": 1}}, check=True)[
        "restart_required"
    ] == ["port"]
    assert path.read_bytes() == before
