# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hosts, the editor without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

TEXT = "# PostgreSQL SNI Hostname mappings\r\n# caf\udce9\r\nold.example old.crt old.key\r\n"
HOST = {"host": "raxus.swgalaxy", "cert": "raxus.crt", "key": "raxus.key", "ca": "root.crt"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "pg_hosts.conf"
    file.write_bytes(TEXT.encode("utf-8", "surrogateescape"))
    file.chmod(0o640)
    return file


def run(path: Path, *hosts: dict[str, Any], **args: Any) -> dict[str, Any]:
    modes = {mode: args.pop(mode) for mode in ("check", "diff") if mode in args}
    return run_module("pg_hosts", {"path": str(path), "hosts": list(hosts), **args}, **modes)


def test_check_mode_predicts_and_the_second_run_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    predicted = run(path, HOST, check=True, diff=True)
    assert predicted["changed"], predicted
    assert path.read_bytes() == before
    real = run(path, HOST, diff=True, backup=True)
    assert real["diff"] == predicted["diff"]
    assert real["hosts"] == predicted["hosts"]
    assert path.read_bytes() == before + b"raxus.swgalaxy   raxus.crt                   raxus.key   root.crt\r\n"
    assert Path(real["backup_file"]).read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o640
    assert not run(path, HOST)["changed"]


def test_the_lines_of_the_file_are_returned_and_doubts_are_warnings(path: Path) -> None:
    done = run(path, {**HOST, "host": ["*.swgalaxy", "mobus.swgalaxy"]})
    assert [(one["line"], one["host"]) for one in done["hosts"]] == [
        (3, ["old.example"]),
        (4, ["*.swgalaxy", "mobus.swgalaxy"]),
    ]
    (warning,) = done["warnings"]
    assert '"*.swgalaxy" is not a wildcard' in warning


def test_a_missing_file_is_made_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "pg_hosts.conf"
    assert "set create to true" in run(path, HOST)["msg"]
    assert not path.exists()
    assert run(path, HOST, create=True)["changed"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"validate": "server"}, "validate is server, but PostgreSQL has no view for pg_hosts.conf"),
        ({"server_version": 18}, "server_version 18 has no pg_hosts.conf, which came with PostgreSQL 19"),
        ({"hosts": [{"host": "a", "cert": "a.crt"}]}, "host entry 1: key is missing"),
        (
            {"hosts": [HOST, {**HOST, "host": ["x", "RAXUS.swgalaxy"]}]},
            'host "RAXUS.swgalaxy" is already in the file',
        ),
        ({"block": " x"}, "is not a usable name"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(path: Path, args: dict[str, Any], words: str) -> None:
    before = path.read_bytes()
    refused = run_module("pg_hosts", {"path": str(path), "hosts": [HOST], **args})
    assert refused["failed"]
    assert words in refused["msg"]
    assert path.read_bytes() == before
