# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role client in the home of a user who put links where its files go: nothing of root's becomes his, or is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_users import NOBODY, folder_of_root, home_of_nobody, planted

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home():
    with home_of_nobody() as directory:
        yield directory


@pytest.fixture
def roots():
    with folder_of_root() as directory:
        yield directory


def play(home, tmp_path, *options):
    """Run the roles ca and client for one client whose files go to libpq's own places."""
    client = {
        "name": "shop",
        "common_name": "shop",
        "database_role": "shop",
        "hosts": ["localhost"],
        "libpq_home": str(home),
    }
    variables = {
        "pgtls_ca_host": "localhost",
        "pgtls_ca_directory": str(tmp_path / "ca"),
        "pgtls_client_directory": str(tmp_path / "client"),
        "pgtls_client_owner": "nobody",
        "pgtls_client_server": "localhost",
        "pgtls_client_service_file": str(home / ".pg_service.conf"),
        "pgtls_server_dns_names": ["db1.example"],
        "pgtls_clients": [client],
    }
    roles = ["pgtls.postgresql.ca", "pgtls.postgresql.client"]
    book = [{"hosts": "localhost", "gather_facts": False, "roles": roles}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    connection = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"children": {"ca": {"hosts": {"localhost": {**connection, **variables}}}}}}
    (tmp_path / "inventory.yml").write_text(json.dumps(inventory))
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(tmp_path / "inventory.yml"),
        str(tmp_path / "play.yml"),
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(
        [*command, *options], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_directory_behind_a_link_stays_roots(home, roots, tmp_path):
    planted(home / ".postgresql", "link", roots)
    done = play(home, tmp_path)
    assert (roots.stat().st_uid, roots.stat().st_mode & 0o777) == (0, 0o755), done.stdout
    assert list(roots.iterdir()) == []
    assert done.returncode != 0
    assert "is a symbolic link, not a directory" in done.stdout, done.stdout


def test_a_file_behind_a_link_is_not_written(home, roots, tmp_path):
    target = roots / "profile"
    target.write_text("root's\n")
    planted(home / ".pg_service.conf", "link", target)
    done = play(home, tmp_path)
    assert target.read_text() == "root's\n", done.stdout
    assert target.stat().st_uid == 0
    assert done.returncode != 0
    assert "leads to a file of somebody else" in done.stdout, done.stdout


def test_a_home_without_tricks_gets_its_files_once(home, tmp_path):
    assert (done := play(home, tmp_path)).returncode == 0, done.stdout
    files = sorted(path.name for path in (home / ".postgresql").iterdir())
    assert files == ["postgresql.crt", "postgresql.fullchain.crt", "postgresql.key", "root.crt"]
    assert all(path.stat().st_uid == NOBODY for path in (home / ".postgresql", home / ".pg_service.conf"))
    text = (home / ".pg_service.conf").read_text()
    assert text.startswith("# BEGIN pgtls clients\n[shop]\nhost=db1.example\nport=5432\ndbname=postgres\nuser=shop\n")
    assert (tmp_path / "client" / "rootCA.pem").read_text() == (tmp_path / "ca" / "ca.crt").read_text()
    assert "changed=0" in play(home, tmp_path).stdout
