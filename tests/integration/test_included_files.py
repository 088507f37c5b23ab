# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that the main files bring in, new or empty before the task: the server of the main file judges them all the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from pwd import getpwnam
from typing import Any

import pytest
from module_runner import run_module

WAYS = {
    "a new file of include_dir": ("include_dir 'conf.d'", "conf.d/x.conf", None),
    "an empty file of include_dir": ("include_dir 'conf.d'", "conf.d/x.conf", ""),
    "a new file of include_if_exists": ("include_if_exists 'conf.d/x'", "conf.d/x", None),
    "an empty file of include": ("include 'conf.d/x'", "conf.d/x", ""),
    "a file with settings": ("include_dir 'conf.d'", "conf.d/x.conf", "work_mem = 5MB\n"),
}


def included(cluster: Any, line: str, name: str, text: str | None) -> dict[str, Any]:
    """Options of a task on a file that a line of postgresql.conf includes, where there is one."""
    directory = Path(cluster.data_directory, "conf.d")
    directory.mkdir()
    path = Path(cluster.data_directory, name)
    if text is not None:
        path.write_text(text)
    for one in (directory, *directory.iterdir()):
        if os.geteuid() == 0:
            shutil.chown(one, cluster.owner, getpwnam(cluster.owner).pw_gid)
    cluster.configure(f"{line}\n")
    return {"path": str(path), "create": True, "mode": "0644", **cluster.login}


@pytest.mark.parametrize("way", WAYS)
def test_settings_of_an_included_file_are_judged(fresh_cluster: Any, way: str) -> None:
    line, name, text = WAYS[way]
    task = included(fresh_cluster, line, name, text)
    path = Path(task["path"])
    # PostgreSQL alone knows that the library is not there.
    refused = run_module("pg_conf", {**task, "settings": {"timezone": "Nowhere/AtAll"}, "validate": "server"})
    assert "PostgreSQL refuses the new" in refused["msg"], refused
    assert (path.read_text() if path.exists() else None) == text
    for check in (True, False):
        args = {**task, "settings": {"work_mem": "7MB", "max_connections": 55}, "validate": "server"}
        done = run_module("pg_conf", args, check=check)
        assert not done["failed"], done["msg"]
        assert (done["overridden"], done["restart_required"], done["warnings"]) == ([], ["max_connections"], [])
    assert not run_module("pg_conf", args)["changed"]
    reloaded = run_module("pg_reload", {"data_directory": fresh_cluster.data_directory})
    assert reloaded["pending_restart"] == ["max_connections"], reloaded
    assert fresh_cluster.sql("SHOW work_mem") == [("7MB",)]


def test_a_later_line_of_the_main_file_is_told(fresh_cluster: Any) -> None:
    task = included(fresh_cluster, "include_dir 'conf.d'", "conf.d/x.conf", None)
    fresh_cluster.configure("work_mem = 9MB\n")
    done = run_module("pg_conf", {**task, "settings": {"work_mem": "7MB"}, "validate": "server"})
    assert [(one["value"], one["path"]) for one in done["overridden"]] == [
        ("9MB", str(Path(fresh_cluster.data_directory, "postgresql.conf")))
    ]


@pytest.mark.parametrize("name", ["conf.d/x.conf", "conf.d/x.conf.old", "elsewhere.conf"])
def test_settings_that_nothing_includes_are_a_warning(fresh_cluster: Any, name: str) -> None:
    line = "# include_dir 'conf.d'" if name == "conf.d/x.conf" else "include_dir 'conf.d'"
    task = {**included(fresh_cluster, line, name, None), "settings": {"work_mem": "7MB"}}
    assert "to which nothing in it leads" in run_module("pg_conf", {**task, "validate": "server"})["msg"]
    for check in (True, False):
        done = run_module("pg_conf", task, check=check)
        assert any("to which nothing in it leads" in warning for warning in done["warnings"])


def test_names_that_a_rule_reads_from_a_file_are_judged_and_guarded(fresh_cluster: Any) -> None:
    names = fresh_cluster.write("names", "nobody\n", 0o644)
    fresh_cluster.write("pg_hba.conf", "local @names all reject\nlocal all all peer\n")
    task = {"path": names, **fresh_cluster.login, "validate": "server"}
    refused = run_module("pg_hba", {**task, "rules": [{"type": "local", "database": "postgres", "method": "peer"}]})
    assert "would lock out" in refused["msg"]
    done = run_module(
        "pg_hba", {**task, "rules": [{"type": "local", "database": "shop", "user": "x", "method": "peer"}]}
    )
    assert not done["failed"], done["msg"]
    assert "shop" in str([one["database"] for one in done["access_changes"]])


@pytest.mark.parametrize("before", [None, "", "work_mem = 5MB\n"])
def test_a_changed_file_that_is_included_is_a_reason_to_reload(fresh_cluster: Any, before: str | None) -> None:
    task = included(fresh_cluster, "include_dir 'conf.d'", "conf.d/x.conf", before)
    path = Path(task["path"])
    assert not run_module("pg_reload", {"data_directory": fresh_cluster.data_directory})["failed"]
    path.write_text("" if before else "work_mem = 6MB\n")
    path.chmod(0o644)
    result = run_module("pg_reload", {"data_directory": fresh_cluster.data_directory})
    assert [one["sentence"] for one in result["reasons"]] == [f"{path} changed after the server loaded its files"]
