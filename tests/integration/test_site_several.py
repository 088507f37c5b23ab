# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with more than one server: restarts, proofs, and a rollover of the CA while one of them is lost.

The two servers share all their names, as two clusters of a host or a pair behind one address do.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from clusters import free_port
from demo_site import CHECKOUT, Site, changed, demo_site
from test_site_life import coming_all_the_time, conninfo
from test_site_undo import left_behind, sql


def time_down(site: Site) -> tuple[str, str]:
    """When the server went down, and when it was up again, as its log tells: it was restarted once."""
    log = (site.directory / "log/postgresql.log").read_text().splitlines()
    (down,) = [line for line in log if "received fast shutdown request" in line]
    *_started, up = [line for line in log if "database system is ready to accept connections" in line]
    assert down < up
    return down[:23], up[:23]


def test_servers_are_restarted_one_after_the_other() -> None:
    with demo_site(free_port()) as one, demo_site(free_port()) as other:
        own = {
            "pgtls_server_data_directory": str(other.directory / "data"),
            "pgtls_server_port": int(other.environment["PGTLS_DEMO_PORT"]),
        }
        inventory = one.directory / "mobus.json"
        inventory.write_text(json.dumps({"postgres_servers": {"hosts": {"mobus": own}}}))
        settings = ("-e", json.dumps({"pgtls_server_settings": {"max_connections": 33}}))
        options = ("-i", str(inventory), "--limit", "ca:postgres_servers", *settings)
        one.play(*options)
        first, second = sorted(time_down(site) for site in (one, other))
        assert first[1] <= second[0]
        assert changed(one.play(*options)) == 0


APPS = {"app1": {}, "app2": {"databases": ["shop"]}, "copier": {"databases": "replication"}}
CLIENTS = [
    {"name": name, "common_name": f"{name} of the shop", "database_role": name, "hosts": ["apps"], **more}
    for name, more in APPS.items()
]


@dataclass
class Pair:
    """Two servers, a CA and an application host."""

    one: Site
    other: Site
    options: tuple[str, ...]

    def play(self, playbook: str = "site", *options: str, succeeds: bool = True, **variables: Any) -> str:
        """Run a playbook on all of them."""
        return self.one.play(*self.options, *options, "-e", json.dumps(variables), playbook=playbook, succeeds=succeeds)

    def roll(self, succeeds: bool = True, generation: int = 2, **variables: Any) -> str:
        """Roll the CA over."""
        return self.play("rotate_ca", succeeds=succeeds, pgtls_ca_generation=generation, **variables)

    def phase(self) -> dict[str, Any]:
        """Where the CA says that it is."""
        record = self.one.directory / "ca/rollover.json"
        return json.loads(record.read_text()) if record.exists() else {}

    def everybody_gets_in(self) -> None:
        """Connect as app1 to both servers."""
        for site in (self.one, self.other):
            port = site.environment["PGTLS_DEMO_PORT"]
            psycopg.connect(**{**conninfo(self.one, "app1"), "port": port}).close()


def facts_of(site: Site) -> dict[str, Any]:
    """How the inventory describes a server that is not the demo's own."""
    port = int(site.environment["PGTLS_DEMO_PORT"])
    return {"pgtls_server_data_directory": str(site.directory / "data"), "pgtls_server_port": port}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A site with two servers, brought up once."""
    with demo_site(free_port()) as one, demo_site(free_port()) as other:
        for site in (one, other):
            sql(site, "CREATE DATABASE shop")
            sql(site, "CREATE ROLE copier LOGIN REPLICATION")
            sql(site, f"ALTER ROLE report PASSWORD '{one.environment['PGTLS_DEMO_PASSWORD']}'")
        inventory = one.directory / "mobus.json"
        inventory.write_text(json.dumps({"postgres_servers": {"hosts": {"mobus": facts_of(other)}}}))
        small = {"pgtls_ca_key_type": "ecdsa-p256", "pgtls_clients": CLIENTS}
        made = Pair(one, other, ("-i", str(inventory), "-e", json.dumps(small)))
        made.play(pgtls_password_users={"databases": ["shop"]})
        yield made


def test_every_client_is_proven_on_every_server_where_it_may_be(pair: Pair) -> None:
    report = json.loads((pair.one.directory / "verify/report.json").read_text())
    attempts = report["attempts"]
    assert all(one["as_expected"] for one in attempts)
    accepted = [one for one in attempts if one["outcome"] == "accepted" and one["name"].endswith("with certificate")]
    for server, site in (("raxus", pair.one), ("mobus", pair.other)):
        here = [one for one in accepted if one["server"] == server]
        assert {one["conninfo"]["port"] for one in here} == {site.environment["PGTLS_DEMO_PORT"]}
        assert {one["conninfo"]["user"] for one in here} == set(APPS)
        assert {one["evidence"]["database"] for one in here if one["conninfo"]["user"] == "app2"} == {"shop"}
        copying = [one["conninfo"] for one in here if one["conninfo"]["user"] == "copier"]
        assert copying and all(one["replication"] == "true" and "dbname" not in one for one in copying)
    assert "server" in report["table"][0].split()


def test_a_second_run_changes_nothing_on_either(pair: Pair) -> None:
    assert changed(pair.play(pgtls_password_users={"databases": ["shop"]})) == 0


def test_every_revoked_certificate_is_tried_on_both(pair: Pair) -> None:
    revocation = {"pgtls_ca_revocations": [{"name": "app2"}], "pgtls_verify_show_table": True}
    output = pair.play("revoke", **revocation)
    assert output.count("app2, revoked") == 2 and output.count("app1, not revoked") == 2


LOST = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0}


def without_mobus(pair: Pair) -> tuple[str, ...]:
    """An inventory in which nobody reaches the second server, which runs all the same."""
    inventory = pair.one.directory / "lost.json"
    inventory.write_text(json.dumps({"postgres_servers": {"hosts": {"mobus": LOST}}}))
    return "-i", str(inventory)


def test_a_rollover_that_would_leave_somebody_out_does_not_begin(pair: Pair) -> None:
    elsewhere = [{**CLIENTS[0], "hosts": ["apps", "ca1"]}]
    output = pair.roll(succeeds=False, pgtls_clients=elsewhere)
    assert "ca1 hold certificates of pgtls_clients, but are not in the group" in " ".join(output.split())
    alone = pair.one.directory / "alone.json"
    alone.write_text(json.dumps({"ca": {"hosts": {"ca1": {"ansible_connection": "local"}}}}))
    command = pair.one.command("rotate_ca", "-e", "pgtls_ca_generation=2")
    command[command.index("inventories/demo")] = str(alone)
    done = subprocess.run(command, cwd=CHECKOUT, env=pair.one.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "The group postgres_servers is empty" in " ".join(done.stdout.split())
    assert pair.phase() == {}


def test_a_server_that_cannot_be_reached_stops_the_rollover_for_all(pair: Pair) -> None:
    with coming_all_the_time(pair.one, "app1") as comings:
        output = pair.play("rotate_ca", *without_mobus(pair), pgtls_ca_generation=2, succeeds=False)
    assert comings.refused == [] and comings.accepted > 10
    assert re.search(r"mobus .*unreachable=1", output) and "is undefined" not in output
    assert pair.phase() == {"generation": 1, "phase": "introduce"}
    pair.everybody_gets_in()


def test_a_server_that_is_down_stops_the_rollover_for_all(pair: Pair) -> None:
    pair.other.server("stop")
    try:
        output = pair.roll(succeeds=False)
    finally:
        pair.other.server("start")
    assert "is not running" in output and "is undefined" not in output
    assert pair.phase() == {"generation": 1, "phase": "introduce"}
    assert left_behind(pair.one) == left_behind(pair.other) == []
    pair.everybody_gets_in()


def test_no_step_is_taken_by_itself_before_the_phase_was_completed(pair: Pair) -> None:
    output = pair.play("rotate_ca_phase", pgtls_ca_generation=2, pgtls_ca_phase="reissue", succeeds=False)
    assert "phase introduce was not completed" in " ".join(output.split())
    pair.play("rotate_ca_phase", pgtls_ca_generation=2, pgtls_ca_phase="introduce")
    assert pair.phase() == {"generation": 1, "phase": "introduce", "completed": True}


def test_a_server_that_is_lost_while_all_is_issued_again_locks_nobody_out(pair: Pair) -> None:
    with coming_all_the_time(pair.one, "app1") as comings:
        lost = without_mobus(pair)
        pair.play("rotate_ca_phase", *lost, pgtls_ca_generation=2, pgtls_ca_phase="reissue", succeeds=False)
        pair.everybody_gets_in()
        assert pair.phase() == {"generation": 1, "phase": "reissue"}
        pair.roll()
    assert comings.refused == [] and comings.accepted > 10
    assert pair.phase() == {"generation": 2, "phase": "stable"}
    pair.everybody_gets_in()
