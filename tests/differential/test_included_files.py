# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that pg_hba.conf and pg_ident.conf include, edited while a server that knows include lines runs: judged and guarded.

Its views have no row for a file that is new or empty, so they cannot tell that the server will read it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from module_runner import run_module

VERSIONS = [version for version in servers.available_versions() if version >= 16] or [18]
REST = "local all all trust\nhost all postgres 127.0.0.1/32 trust\n"
REJECT = {"type": "local", "method": "reject"}
GUARD = [{"type": "local", "database": "shop", "user": "app1"}]
# What stands in the main file, the file to edit, and whether it is there (None: it is not; else its text).
WAYS = {
    "a new file of include_dir": ("include_dir hba.d", "hba.d/teams.conf", None),
    "an empty file of include_dir": ("include_dir hba.d", "hba.d/teams.conf", ""),
    "a file of comments": ("include_dir hba.d", "hba.d/teams.conf", "# teams\n"),
    "a file of include_dir with a rule": ("include_dir hba.d", "hba.d/teams.conf", "host all all 10.0.0.0/8 md5\n"),
    "a new file of include_if_exists": ("include_if_exists hba.d/x", "hba.d/x", None),
    "an empty file of include": ("include hba.d/x", "hba.d/x", ""),
    "a new file two levels down": ("include hba.d/first.conf", "hba.d/deep/second.conf", None),
}


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: Any) -> Iterator[servers.Server]:
    with servers.running(request.param, listen="127.0.0.1") as running:
        running.write("pg_hba.conf", REST)
        running.reload()
        if running.root:  # the server's own names of its files are good outside too, for its user as well
            os.mkdir(running.inside)
            subprocess.run(["mount", "--bind", str(running.directory), running.inside], check=True)
        yield running
        if running.root:
            subprocess.run(["umount", running.inside], check=True)
            os.rmdir(running.inside)


def prepare(server: servers.Server, name: str, text: str | None) -> dict[str, Any]:
    """Options of a task on a file of the configuration, which holds this text (None: it is not there)."""
    directory = Path(server.directory, "conf/hba.d")
    (directory / "deep").mkdir(parents=True, exist_ok=True)
    for path in directory.rglob("*"):
        if path.is_file():
            path.unlink()
    server.write("hba.d/first.conf", "include_dir deep\n")
    if text is not None:
        server.write(name, text)
    return {
        "path": server.path(name),
        "create": True,
        "mode": "0644",  # the server must be able to read it
        "login_host": "127.0.0.1",
        "login_port": server.port,
        "login_user": "postgres",
    }


@pytest.mark.parametrize("way", WAYS)
def test_rules_of_an_included_file_are_judged_and_guarded(server: servers.Server, way: str) -> None:
    line, name, text = WAYS[way]
    task = prepare(server, name, text)
    server.write("pg_hba.conf", f"{line}\n{REST}")
    path = Path(server.directory, "conf", name)
    for check in (True, False):
        refused = run_module("pg_hba", {**task, "rules": [REJECT], "guard": GUARD}, check=check)
        assert "would lock out the guarded local connection of user app1" in refused["msg"]
        own = run_module("pg_hba", {**task, "rules": [REJECT], "validate": "server"}, check=check)
        assert "it is that of the first superuser of the cluster" in own["msg"]
        assert (path.read_text() if path.exists() else None) == text
    for check in (True, False):
        args = {**task, "rules": [{**REJECT, "user": "app1"}], "validate": "server"}
        done = run_module("pg_hba", args, check=check)
        assert not done["failed"], done["msg"]
        assert [one["sentence"] for one in done["access_changes"]] == [
            "app1 through the socket: loses access (trust -> refused)"
        ]
        assert done["warnings"] == []
    assert not run_module("pg_hba", args)["changed"]
    assert server.query("SELECT file_name, auth_method FROM pg_hba_file_rules WHERE user_name = '{app1}'") == [
        (server.path(name), "reject")
    ]


def test_a_rule_that_the_files_around_hide_draws_a_warning(server: servers.Server) -> None:
    task = prepare(server, "hba.d/teams.conf", None)
    server.write("pg_hba.conf", f"{REST}include_dir hba.d\n")
    done = run_module("pg_hba", {**task, "rules": [{**REJECT, "user": "app1"}]})
    assert done["access_changes"] == []
    (warning,) = done["warnings"]
    assert (
        f'"local all app1 reject" is never met because "local all all trust" (line 1 of {server.path("pg_hba.conf")})'
        in warning
    )


@pytest.mark.parametrize("name", ["hba.d/teams.conf", "elsewhere.conf", "hba.d/teams.conf.old"])
def test_what_nothing_includes_is_a_warning(server: servers.Server, name: str) -> None:
    task = prepare(server, name, None)
    line = "# include_dir hba.d" if name == "hba.d/teams.conf" else "include_dir hba.d"
    server.write("pg_hba.conf", f"{line}\n{REST}")
    assert (
        "to which nothing in it leads" in run_module("pg_hba", {**task, "rules": [REJECT], "validate": "server"})["msg"]
    )
    for check in (True, False):
        done = run_module("pg_hba", {**task, "rules": [REJECT]}, check=check)
        assert done["changed"]
        assert any("to which nothing in it leads" in warning for warning in done["warnings"])
    Path(server.directory, "conf", name).unlink()


@pytest.mark.parametrize("text", [None, "", "# maps\n"])
def test_maps_of_an_included_file_are_judged_and_guarded(server: servers.Server, text: str | None) -> None:
    task = prepare(server, "hba.d/maps.conf", text)
    server.write("pg_ident.conf", "include_dir hba.d\nm app1 app1\n")
    server.write("pg_hba.conf", f"local shop all peer map=m\n{REST}")
    mapping = {"map": "m", "system_user": "x", "database_user": "y"}
    done = run_module("pg_ident", {**task, "mappings": [mapping], "validate": "server"})
    assert not done["failed"], done["msg"]
    assert [one["who"] for one in done["access_changes"]] == ["x"]
    rows = server.query("SELECT file_name, sys_name FROM pg_ident_file_mappings ORDER BY map_number")
    assert rows == [(server.path("hba.d/maps.conf"), "x"), (server.path("pg_ident.conf"), "app1")]
    guard = [{"type": "local", "database": "shop", "user": "y", "system_user": "x"}]
    refused = run_module("pg_ident", {**task, "mappings": [{**mapping, "state": "absent"}], "guard": guard})
    assert "would lock out" in refused["msg"]
    assert not run_module("pg_ident", {**task, "mappings": [mapping]})["changed"]
