# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Defaults for the action group ``login`` in a playbook: every member logs in with them, and nobody else minds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import Cluster, free_port

CHECKOUT = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, cluster: Cluster, **defaults: object) -> subprocess.CompletedProcess[str]:
    """Run a play of one task per module with these defaults for the group; nothing else says where the server is."""
    data = cluster.data_directory
    tasks = {
        "ca": {"directory": str(tmp_path / "ca"), "common_name": "Root CA"},
        "login_role": {"name": ["lg_app"]},
        "pg_conf": {"path": f"{data}/postgresql.conf", "settings": {"work_mem": "5MB"}},
        "pg_ident": {
            "path": f"{data}/pg_ident.conf",
            "mappings": [{"map": "m", "system_user": "a", "database_user": "lg_app"}],
        },
        "pg_hba": {
            "path": f"{data}/pg_hba.conf",
            "rules": [{"type": "local", "user": "lg_app", "method": "peer"}],
        },
        "pg_server": {"data_directory": data, "certificates": [], "roles": ["lg_app"]},
        "pg_reload": {"data_directory": data},
        "pg_hba_info": {"path": f"{data}/pg_hba.conf"},
    }
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "module_defaults": {"group/pgtls.postgresql.login": defaults},
        "tasks": [{"name": name, f"pgtls.postgresql.{name}": options} for name, options in tasks.items()],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    command = [sys.executable, "-m", "ansible", "playbook", "--check", "-i", "localhost,", str(tmp_path / "play.yml")]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("by", ["socket", "host"])
def test_every_member_logs_in_with_the_defaults_of_the_group(tmp_path: Path, cluster: Cluster, by: str) -> None:
    defaults = cluster.login
    if by == "host":
        cluster.sql("CREATE ROLE lg_admin SUPERUSER LOGIN PASSWORD 'lg'")
        defaults = {"login_host": "127.0.0.1", "login_port": cluster.port, "login_user": "lg_admin"}
        defaults["login_password"] = "lg"
    try:
        done = run(tmp_path, cluster, **defaults)
    finally:
        cluster.sql("DROP ROLE IF EXISTS lg_admin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed=0" in done.stdout
    assert not (tmp_path / "ca").exists()


def test_a_default_of_the_group_reaches_the_login(tmp_path: Path, cluster: Cluster) -> None:
    done = run(tmp_path, cluster, **{**cluster.login, "login_port": free_port()})
    assert done.returncode == 2
    assert "[login_role]" in done.stdout.split("fatal:")[0].rsplit("TASK", 1)[1]
