# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary and its standby: one run brings both to certificates, and WAL flows through all that happens to the site after it.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, create_standby, find_bin_directory, free_port
from demo_site import Site, changed, demo_site
from kept_state import forget_state

RECEIVERS = "SELECT pid, usename, ssl, client_dn FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"
CLIENTS = [
    {"name": "app1", "common_name": "app1 of the shop", "database_role": "app1", "hosts": ["apps"]},
    {
        "name": "replicator",
        "common_name": "members of the cluster",
        "database_role": "replicator",
        "hosts": ["raxus", "mobus"],
        "owner": "postgres",
        "replication": True,
    },
]


@dataclass
class Members:
    """The site, and its two servers, of which one may follow the other."""

    site: Site
    raxus: Cluster
    mobus: Cluster
    options: tuple[str, ...]
    primary: str = "raxus"
    more: dict[str, Any] = field(default_factory=dict)

    def play(self, *options: str, playbook: str = "site", succeeds: bool = True, **variables: Any) -> str:
        """Run a playbook on all of them."""
        given = json.dumps({"pgtls_server_primary": self.primary, **self.more, **variables})
        return self.site.play(*self.options, *options, "-e", given, playbook=playbook, succeeds=succeeds)


def receivers(primary: Cluster) -> list[tuple[str, ...]]:
    """Who receives WAL, once somebody does."""
    deadline = time.monotonic() + 30
    while not (found := primary.sql(RECEIVERS)):
        assert time.monotonic() < deadline, "nobody receives WAL"
        time.sleep(0.2)
    return found


def arrives(primary: Cluster, standby: Cluster, table: str) -> None:
    """Write something on the primary and see it on the standby."""
    primary.sql(f"CREATE TABLE {table} ()")
    deadline = time.monotonic() + 30
    while standby.sql(f"SELECT to_regclass('{table}') IS NOT NULL") != [("t",)]:
        assert time.monotonic() < deadline, f"{table} does not arrive"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def members() -> Iterator[Members]:
    """A primary and a standby without TLS."""
    with demo_site(free_port()) as site:
        port, log = int(site.environment["PGTLS_DEMO_PORT"]), str(site.directory / "log/postgresql.log")
        data, sockets = str(site.directory / "data"), str(site.directory / "run")
        raxus = Cluster(data, port, sockets, "postgres", find_bin_directory(), log)
        folder = tempfile.mkdtemp(prefix="pgtls-")
        Path(folder).chmod(0o755)
        mobus = create_standby(folder, raxus)
        own = {"pgtls_server_data_directory": mobus.data_directory, "pgtls_server_port": mobus.port}
        inventory = site.directory / "members.json"
        # the three hosts are all this machine
        both = {
            name: {
                "pgtls_client_directory": f"{site.directory}/{name}",
                "pgtls_verify_directory": f"{site.directory}/of_{name}",
            }
            for name in ("raxus", "mobus")
        }
        inventory.write_text(
            json.dumps({"postgres_servers": {"hosts": {"mobus": own}}, "postgres_clients": {"hosts": both}})
        )
        small = {
            "pgtls_ca_key_type": "ecdsa-p256",
            "pgtls_clients": CLIENTS,
            "pgtls_server_primary_conninfo": {"hostaddr": "127.0.0.1"},
        }
        yield Members(site, raxus, mobus, ("-i", str(inventory), "-e", json.dumps(small)))
        mobus.stop()
        forget_state(mobus.data_directory)
        shutil.rmtree(folder)


def test_one_run_brings_both_to_certificates(members: Members) -> None:
    assert [row[1:] for row in receivers(members.raxus)] == [("postgres", "f", "")]
    output = members.play()
    assert [row[1:] for row in receivers(members.raxus)] == [("replicator", "t", "/CN=members of the cluster")]
    arrives(members.raxus, members.mobus, "first")
    assert members.mobus.sql("SELECT rolreplication FROM pg_roles WHERE rolname = 'replicator'") == [("t",)]
    report = json.loads((members.site.directory / "verify/report.json").read_text())
    assert all(one["as_expected"] for one in report["attempts"]), output


def test_a_second_run_changes_nothing_and_leaves_the_stream(members: Members) -> None:
    before = receivers(members.raxus)
    assert changed(members.play()) == 0
    assert receivers(members.raxus) == before


def test_the_stream_goes_on_through_a_renewal(members: Members) -> None:
    before = receivers(members.raxus)
    members.more = {"pgtls_server_key_type": "rsa-2048", "pgtls_client_key_type": "rsa-2048"}
    output = members.play(playbook="renew")
    assert changed(output) > 0
    assert receivers(members.raxus) == before
    arrives(members.raxus, members.mobus, "renewed")


def test_the_stream_goes_on_through_a_new_ca(members: Members) -> None:
    before = receivers(members.raxus)
    members.more["pgtls_ca_generation"] = 2
    members.play(playbook="rotate_ca")
    assert receivers(members.raxus) == before
    arrives(members.raxus, members.mobus, "rotated")
    members.mobus.stop()
    members.mobus.start()
    assert [row[1:] for row in receivers(members.raxus)] == [row[1:] for row in before]
    assert changed(members.play()) == 0


def test_after_a_switch_over_the_old_primary_follows_by_certificate(members: Members) -> None:
    """In between it has no way to the new one at all, as after pg_rewind without -R."""
    members.raxus.stop()
    members.mobus.sql("SELECT pg_promote()")
    Path(members.raxus.data_directory, "standby.signal").touch()
    shutil.chown(Path(members.raxus.data_directory, "standby.signal"), "postgres")
    members.raxus.start()
    members.primary = "mobus"
    members.play()
    assert [row[1:] for row in receivers(members.mobus)] == [("replicator", "t", "/CN=members of the cluster")]
    arrives(members.mobus, members.raxus, "switched")
    assert changed(members.play()) == 0


def test_who_cannot_follow_is_told_before_anything_is_changed(members: Members) -> None:
    before = members.site.state()
    for primary, clients, words in (
        (
            "nosuch",
            CLIENTS,
            "pgtls_server_primary of raxus is nosuch, which is not a host of the group postgres_servers",
        ),
        ("mobus", CLIENTS[:1], "raxus is to follow mobus and has 0 entries of pgtls_clients with replication: true"),
    ):
        output = replace(members, primary=primary).play(succeeds=False, pgtls_clients=clients)
        assert words in " ".join(output.split()), output
    assert members.site.state() == before
