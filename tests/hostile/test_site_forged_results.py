# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that forge every result of every module: nobody else notices, and nobody gets more than the inventory gives.

For each family of lies there is a client host and a server (`lies.py`); PGTLS_HOSTILE_SEED says which values they alter. The tests
build on each other in the order they stand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from demo_site import Site
from forged_site import HONEST, ForgedSite, failed

SEED = int(os.environ.get("PGTLS_HOSTILE_SEED", "1"))


@pytest.fixture(name="forged", scope="module")
def _forged(site: Site) -> Iterator[ForgedSite]:
    made = ForgedSite(site, SEED)
    made.record()
    yield made


def attempts(forged: ForgedSite) -> list[dict[str, object]]:
    """What the honest client host tried in the last run."""
    found: list[dict[str, object]] = json.loads((forged.site.directory / "verify/report.json").read_text())["attempts"]
    return found


# How many families lie. site.yml does all that renew.yml and verify.yml do.
FAMILIES = {"revoke": 8, "site": 15}


@pytest.mark.parametrize("playbook", FAMILIES)
def test_who_forges_every_result_gets_what_the_inventory_gives(forged: ForgedSite, playbook: str) -> None:
    forged.liars(FAMILIES[playbook])
    print(f"PGTLS_HOSTILE_SEED={SEED}: {', '.join(forged.clients)}")
    before, issued, keys = forged.state(), forged.issued(), set(forged.site.private_keys())
    output = forged.play(playbook)
    assert failed(output) & HONEST == set(), output[-4000:]
    assert not forged.marker.exists()
    assert forged.beyond_the_inventory(issued) == []
    assert forged.revoked() <= {"verify-revoked", "verify-expired"}
    assert set(forged.site.private_keys()) == keys
    assert forged.state() == before
    assert [one for one in attempts(forged) if not one["as_expected"]] == []


def test_no_server_says_itself_that_it_need_not_be_tried(forged: ForgedSite) -> None:
    """The role server tells others that a server waits for its certificate; a CA of the site lets nobody wait. See the last run."""
    assert "server-waits-all" in forged.servers
    assert {one["server"] for one in attempts(forged)} >= {"raxus", *forged.servers}


def test_a_rollover_does_not_go_on_while_somebody_forges(forged: ForgedSite) -> None:
    before, issued = forged.state(), forged.issued()
    output = forged.play("rotate_ca", None, "-e", "pgtls_ca_generation=2")
    assert failed(output)
    assert not forged.marker.exists()
    assert forged.beyond_the_inventory(issued) == []
    after = forged.state()
    assert {path: after.get(path) for path in before if not path.startswith(("ca/", "clients/root", "data/root"))} == {
        path: seen for path, seen in before.items() if not path.startswith(("ca/", "clients/root", "data/root"))
    }
    assert json.loads((forged.site.directory / "ca/rollover.json").read_text())["phase"] == "introduce"


def test_the_honest_hosts_are_as_they_were(forged: ForgedSite) -> None:
    forged.clients, forged.servers = {"liar": "record"}, {}
    forged.play("verify", {})
    assert [one for one in attempts(forged) if not one["as_expected"]] == []
