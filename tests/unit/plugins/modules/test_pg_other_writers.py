# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that other tools write as a whole: those that write by themselves are left to them, templates are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

EDITS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pg_conf": ("postgresql.conf", "port = 5432\n", {"settings": {"work_mem": "5MB"}, "server_version": 15}),
    "pg_hba": (
        "pg_hba.conf",
        "local all all peer\n",
        {"rules": [{"type": "local", "user": "u", "method": "reject"}], "server_version": 15},
    ),
    "pg_ident": (
        "pg_ident.conf",
        "m a b\n",
        {"mappings": [{"map": "m", "system_user": "x", "database_user": "y"}], "server_version": 15},
    ),
    "pg_hosts": ("pg_hosts.conf", "x.test c k\n", {"hosts": [{"host": "y.test", "cert": "a", "key": "b"}]}),
}
AGENTS = {
    "Puppet": "# This file is managed by Puppet. DO NOT EDIT.\n",
    "Chef": "# This file was automatically generated and dropped off by Chef!\n",
    "Salt": "\n#\n# This file is managed by Salt! Do not edit by hand!\n",
    "CFEngine": "# -- managed by CFEngine --\n",
}
OPERATOR = "\n# load CloudNativePG custom.conf configuration\ninclude 'custom.conf'\n"


def task(module: str, path: Path) -> dict[str, Any]:
    judged = {} if module == "pg_hosts" else {"validate": "syntax"}
    return {"path": str(path), **EDITS[module][2], **judged}


@pytest.mark.parametrize("module", EDITS)
@pytest.mark.parametrize("agent", AGENTS)
def test_what_an_agent_writes_is_refused_in_one_sentence(tmp_path: Path, module: str, agent: str) -> None:
    name, text, _args = EDITS[module]
    path = tmp_path / name
    path.write_text(AGENTS[agent] + text)
    for check in (True, False):
        refused = run_module(module, task(module, path), check=check)
        assert refused["failed"] and f"{path} belongs to {agent} (" in refused["msg"], refused
        assert "remove that line where" in refused["msg"] and "\n" not in refused["msg"]
    assert path.read_text() == AGENTS[agent] + text


@pytest.mark.parametrize("module", EDITS)
def test_what_an_operator_writes_is_refused(tmp_path: Path, module: str) -> None:
    name, text, _args = EDITS[module]
    (tmp_path / name).write_text(text)
    with (tmp_path / "postgresql.conf").open("a") as stream:
        stream.write("x.y = 1\n" * 3000 + OPERATOR)
    refused = run_module(module, task(module, tmp_path / name))
    assert refused["failed"] and "belongs to CloudNativePG" in refused["msg"] and "resource Cluster" in refused["msg"]


@pytest.mark.parametrize("module", EDITS)
@pytest.mark.parametrize(
    "head", ["# Ansible managed\n", "#\n# Managed by Ansible, do not edit\n", "# ansible_managed: x\n"]
)
def test_what_a_template_wrote_is_edited_with_a_warning(tmp_path: Path, module: str, head: str) -> None:
    name, text, _args = EDITS[module]
    path = tmp_path / name
    path.write_text(head + text)
    for check in (True, False):
        done = run_module(module, task(module, path), check=check)
        assert done["changed"], done
        assert [one for one in done["warnings"] if "a play that templates it takes this change away" in one], done
    again = run_module(module, task(module, path))
    assert not again["changed"] and not [one for one in again["warnings"] if "templates" in one]


@pytest.mark.parametrize(
    "line", ["local all all peer # managed by Puppet\n", "local all all peer\n# managed by Puppet\n"]
)
def test_such_words_further_down_are_nobodys_mark(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pg_hba.conf"
    path.write_text(
        f"# BEGIN ANSIBLE MANAGED BLOCK\n{line}# END ANSIBLE MANAGED BLOCK\n".replace(
            "# BEGIN", "local x x peer\n# BEGIN"
        )
    )
    done = run_module("pg_hba", task("pg_hba", path))
    assert done["changed"] and done["warnings"] == [], done
