# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with bytes that are no UTF-8, which PostgreSQL loads: real ansible runs, for the results must come through it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LATIN_1 = '# Grüße\nlocal all all peer # Grüße\nlocal "dbü" "uü" trust\nhost all "rü" 10.0.0.0/8 md5\n'.encode(
    "latin-1"
)
RULE = {"type": "local", "user": "app1", "method": "reject"}
Play = Callable[..., dict[str, Any]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """A function that runs one task by ansible-playbook and returns its result as a later task of the play sees it."""

    def run(module: str, args: dict[str, Any], *options: str) -> dict[str, Any]:
        told = tmp_path / "result.json"
        told.unlink(missing_ok=True)
        tell = {"content": "{{ result | to_json }}", "dest": str(told)}
        tasks = [
            {
                "block": [{f"pgtls.postgresql.{module}": args, "register": "result"}],
                "always": [{"ansible.builtin.copy": tell, "check_mode": False}],
            }
        ]
        playbook = tmp_path / "play.yml"
        playbook.write_text(
            json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
        )
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "l"),
                       "ANSIBLE_REMOTE_TMP": str(tmp_path / "r"), "ANSIBLE_LOCALHOST_WARNING": "0"}  # fmt: skip
        python = f"ansible_python_interpreter={sys.executable}"
        command = [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            "localhost,",
            "-e",
            python,
            *options,
            str(playbook),
        ]
        done = subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path, check=False)
        output = (done.stdout + done.stderr).decode("utf-8")  # strictly: nothing else may come out
        assert told.exists(), output
        result: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        return {**result, "output": output}

    return run


def editor(cluster: Any, name: str, **args: Any) -> dict[str, Any]:
    return {"path": str(Path(cluster.data_directory, name)), **cluster.login, **args}


def test_rules_in_latin_1_are_read_kept_and_told(fresh_cluster: Any, play: Play) -> None:
    path = Path(fresh_cluster.write("pg_hba.conf", LATIN_1))
    done = play("pg_hba", editor(fresh_cluster, "pg_hba.conf", rules=[RULE], placement="last", backup=True), "--diff")
    assert not done["failed"], done["output"]
    assert path.read_bytes() == LATIN_1 + b"local   all             app1                                    reject\n"
    assert [rule["comment"] for rule in done["rules"]] == ["Gr\\xfc\\xdfe", None, None, None]
    assert [rule["user"] for rule in done["rules"]] == [["all"], ["u\\xfc"], ["r\\xfc"], ["app1"]]
    assert [one["rule"] for one in done["unreachable_rules"]] == [
        '"local db\\xfc u\\xfc trust"',
        '"local all app1 reject"',
    ]
    assert Path(done["backup_file"]).read_bytes() == LATIN_1
    assert "Gr\\xfc\\xdfe" in done["output"]
    fresh_cluster.reload()
    again = play("pg_hba", editor(fresh_cluster, "pg_hba.conf", rules=[RULE], placement="last"))
    assert (again["failed"], again["changed"]) == (False, False)
    told = play("pg_hba_info", {"path": str(path), "explain": [{"user": "x", "address": "10.0.0.1", "tls": False}]})
    assert told["accepted"]
    assert told["rules"] == [{**rule, "file": str(path)} for rule in done["rules"]]
    assert any("r\\xfc" in one["sentence"] for one in told["findings"])


def test_what_came_back_from_a_result_means_the_bytes_of_the_file(fresh_cluster: Any, play: Play) -> None:
    path = Path(fresh_cluster.write("pg_hba.conf", LATIN_1))
    asked = editor(fresh_cluster, "pg_hba.conf")
    rules = [
        {key: value for key, value in rule.items() if key != "line"}
        for rule in play("pg_hba", {**asked, "rules": [RULE], "placement": "last"})["rules"]
    ]
    with_rule = path.read_bytes()
    same = play("pg_hba", {**asked, "rules": rules, "exclusive": True})
    assert (same["failed"], same["changed"]) == (False, False), same["output"]
    changed = play("pg_hba", {**asked, "rules": [{**rules[1], "method": "md5"}], "placement": "last"})
    assert changed["changed"]
    gone = play("pg_hba", {**asked, "rules": [{**rules[2], "state": "absent"}]})
    assert "r\\xfc" in gone["access_changes"][0]["sentence"]
    kept = [line.split() for line in path.read_bytes().splitlines()]
    assert [b"local", b'"db\xfc"', b'"u\xfc"', b"md5"] in kept or [b"local", b"db\xfc", b"u\xfc", b"md5"] in kept
    assert len(kept) == len(with_rule.splitlines()) - 1
    assert b"\\x" not in path.read_bytes()
    beside = {"type": "local", "user": "b", "method": "reject", "comment": "Gr\\xfc\\xdfe"}
    play("pg_hba", {**asked, "rules": [beside]})
    assert path.read_bytes().count(b"# Gr\xfc\xdfe\n") == 3
    path.write_bytes(path.read_bytes() + b"local all c reject # Gr\\xfc\\xdfe\n")
    before = path.read_bytes()
    unclear = play("pg_hba", {**asked, "rules": [{**beside, "user": "d"}]})
    assert unclear["failed"]
    assert "which of the two is meant is ambiguous" in unclear["msg"]
    assert path.read_bytes() == before


def test_a_value_that_the_file_does_not_hold_is_written_as_it_stands_with_one_sentence(
    fresh_cluster: Any, play: Play
) -> None:
    asked = editor(fresh_cluster, "pg_hba.conf", rules=[{**RULE, "comment": "caf\\xe9"}])
    done = play("pg_hba", asked)
    assert "rules: \\xe9 is written as these four characters" in done["output"]
    assert b"# caf\\xe9\n" in Path(asked["path"]).read_bytes()
    assert "four characters" not in play("pg_hba", asked)["output"]


def test_errors_and_guards_in_latin_1_are_sentences(fresh_cluster: Any, play: Play) -> None:
    path = Path(fresh_cluster.write("pg_hba.conf", LATIN_1 + "local all all grün\n".encode("latin-1")))
    asked = editor(fresh_cluster, "pg_hba.conf", rules=[RULE])
    beside = play("pg_hba", asked)
    assert not beside["failed"], beside["output"]
    assert "gr\\xfcn" in beside["output"]
    told = play("pg_hba_info", {"path": str(path)})
    assert "gr\\xfcn" in told["errors"][0]["problem"]
    refused = play(
        "pg_reload", {"data_directory": fresh_cluster.data_directory, "files_changed": True, **fresh_cluster.login}
    )
    assert refused["failed"]
    assert 'invalid authentication method "gr\\xfcn"' in refused["msg"]
    path.write_bytes(LATIN_1)
    locked = play("pg_hba", {**asked, "rules": [{**RULE, "user": "all", "comment": "x"}]})
    assert "would lock out" in locked["msg"]
    path.write_bytes(b"local all all peer # Gr\xfc\xdfe\n")
    shown = play(
        "pg_hba", {**asked, "rules": [RULE], "guard": [{"type": "local", "database": "x", "user": "y"}]}, "--check"
    )
    assert not shown["failed"], shown["output"]


def test_maps_settings_and_hosts_in_latin_1(fresh_cluster: Any, play: Play) -> None:
    c = fresh_cluster
    ident = Path(c.write("pg_ident.conf", "m ü ü # Grüße\n".encode("latin-1")))
    done = play(
        "pg_ident", editor(c, "pg_ident.conf", mappings=[{"map": "m", "system_user": "x", "database_user": "y"}])
    )
    assert done["mappings"][0]["system_user"] == "\\xfc", done["output"]
    assert ident.read_bytes().startswith(b"m \xfc \xfc # Gr\xfc\xdfe\n")
    told = play("pg_ident_info", {"path": str(ident)})["mappings"]
    assert [one["comment"] for one in told] == ["Gr\\xfc\\xdfe", None]
    same = {key: value for key, value in told[0].items() if key not in ("file", "line")}
    assert play("pg_ident", editor(c, "pg_ident.conf", mappings=[same]))["changed"] is False
    conf = Path(c.data_directory, "postgresql.conf")
    conf.write_bytes(conf.read_bytes() + "my.ü = 'ü\\\\x'\nlog_line_prefix = 'ü %m ' # Grüße\n".encode("latin-1"))
    done = play(
        "pg_conf", editor(c, "postgresql.conf", settings={"work_mem": "5MB", "log_line_prefix": "\\xfc %m "}), "--diff"
    )
    assert not done["failed"], done["output"]
    assert done["settings"]["log_line_prefix"] == "\\xfc %m "
    assert conf.read_bytes().endswith(b"log_line_prefix = '\xfc %m ' # Gr\xfc\xdfe\n")
    assert b"\nwork_mem = 5MB\n" in conf.read_bytes()
    settings = play("pg_conf_info", {"path": str(conf)})["settings"]
    assert settings["my.\\xfc"]["value"] == "\\xfc\\x"
    hosts = Path(c.write("pg_hosts.conf", "ü.example ü.crt ü.key # Grüße\n".encode("latin-1")))
    done = play("pg_hosts", {"path": str(hosts), "hosts": [{"host": "x.example", "cert": "a", "key": "b"}]})
    assert done["hosts"][0]["cert"] == "\\xfc.crt", done["output"]
    assert hosts.read_bytes().startswith(b"\xfc.example \xfc.crt \xfc.key # Gr\xfc\xdfe\n")


def test_names_of_files_and_words_of_the_log_in_latin_1(fresh_cluster: Any, play: Play) -> None:
    c = fresh_cluster
    directory = os.fsencode(c.data_directory) + b"/conf\xfc"
    os.mkdir(directory)
    with open(directory + b"/x\xfc.conf", "wb") as stream:
        stream.write(b"work_mem = 'gr\xfc'\n")
    conf = Path(c.data_directory, "postgresql.conf")
    good = conf.read_bytes()
    conf.write_bytes(good + b"include_dir 'conf\xfc'\n")
    done = play("pg_conf", editor(c, "postgresql.conf", settings={"work_mem": "5MB"}))
    assert done["overridden"][0]["path"].endswith("/conf\\xfc/x\\xfc.conf"), done["output"]
    refused = play("pg_reload", {"data_directory": c.data_directory, "files_changed": True, **c.login})
    assert "conf\\xfc/x\\xfc.conf line 1: work_mem: setting could not be applied" in refused["msg"], refused["output"]
    conf.write_bytes(good + b"ssl_ca_file = 'gr\xfc.crt'\n")
    found = play("pg_cluster_info", {"data_directory": c.data_directory})["cluster"]
    assert found["settings"]["ssl_ca_file"] == "gr\\xfc.crt"
    conf.write_bytes(good + b"log_line_prefix = 'gr\xfc %m '\nssl = on\nssl_ciphers = 'gr\xfcn'\n")
    said = play("pg_reload", {"data_directory": c.data_directory, "files_changed": True, **c.login})
    assert said["failed"]
    conf.write_bytes(good + b"ssl_ca_file = 'gr\xfc.crt'\n")
    whole = {"data_directory": c.data_directory, "certificates": [], **c.login}
    undone = play("pg_server", {**whole, "settings": {"work_mem": "6MB"}, "expected_settings": {"server_version": "1"}})
    assert "the server is as it was before" in undone["msg"], undone["output"]
    assert conf.read_bytes() == good + b"ssl_ca_file = 'gr\xfc.crt'\n"


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_is_asked_all_the_same(fresh_cluster: Any, play: Play, encoding: str) -> None:
    c = fresh_cluster
    c.sql(f"CREATE DATABASE other ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    c.run("psql", "-X", "-h", c.socket_directory, "-p", str(c.port), "-U", c.owner, "-d", "other", "-c",
          "SET client_encoding = 'LATIN1'", "-c", "CREATE ROLE \"\udcfc\" LOGIN", errors="surrogateescape")  # fmt: skip
    c.write("pg_hba.conf", LATIN_1 + "local all all grün\n".encode("latin-1"))
    asked = editor(c, "pg_hba.conf", rules=[RULE], login_db="other", guard_connected=True)
    done = play("pg_hba", asked)
    assert not done["failed"], done["output"]
    assert "no server judged" not in done["output"]
    refused = play(
        "pg_reload", {"data_directory": c.data_directory, "files_changed": True, **c.login, "login_db": "other"}
    )
    assert 'invalid authentication method "gr\\xfcn"' in refused["msg"]
