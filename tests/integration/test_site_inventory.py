# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong inventory ends the first play: nothing was made or changed, not even the CA."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from demo_site import CHECKOUT, Site, changed

CLIENT = {"name": "app1", "common_name": "PostgreSQL client1", "database_role": "app1", "hosts": ["apps"]}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"pgtls_sever_tls_mode": "require"},
            "pgtls_sever_tls_mode is no variable of this collection; is pgtls_server",
        ),
        ({"pgtls_server_tls_mode": "required"}, "pgtls_server_tls_mode: value of pgtls_server_tls_mode must be one of"),
        ({"pgtls_clients": [{**CLIENT, "usage": "x"}]}, "pgtls_clients: unknown key pgtls_clients.usage."),
        ({"pgtls_server_port": 70000}, "pgtls_server_port of raxus is 70000"),
        ({"pgtls_server_dns_names": ["-x"]}, "dns_names holds '-x', which is not a host name"),
    ],
)
def test_what_the_inventory_says_wrongly_ends_the_first_play(site: Site, variables: dict[str, Any], said: str) -> None:
    before = site.state()
    output = site.play("-e", json.dumps(variables), succeeds=False)
    assert said in " ".join(output.split())
    assert changed(output) == 0
    assert site.state() == before and not (site.directory / "ca").exists()


def test_an_inventory_without_our_groups_is_no_green_run(site: Site) -> None:
    inventory = site.directory / "other.yml"
    hosts = {"db1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    inventory.write_text(json.dumps({"all": {"children": {"databases": {"hosts": hosts}}}}))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "playbooks/site.yml"]
    done = subprocess.run(command, cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "so there is nothing to do; put the hosts into these groups" in " ".join(done.stdout.split())


def test_a_tag_that_no_play_has_is_no_green_run(site: Site) -> None:
    output = site.play("--tags", "databases", succeeds=False)
    assert "no play of the site has the tag databases" in " ".join(output.split())


def test_each_part_runs_alone(site: Site) -> None:
    """One after the other they are the whole site; then none of them finds anything to do."""
    parts = ("ca", "client", "server", "verify")
    for part in parts:
        site.play("--tags", part)
    report = json.loads((site.directory / "verify/report.json").read_text())
    assert {one["as_expected"] for one in report["attempts"]} == {True}
    for part in (*parts, "trust_store"):
        assert changed(site.play("--tags", part)) == 0, part
    assert changed(site.play()) == 0
