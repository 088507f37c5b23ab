# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No change of certificates, rules or the CA costs a connection of an application that connects all the time.

PGTLS_LOAD_ROTATIONS says how many changes of each kind there are (1). Each round edits the inventory as its owner would:
a client comes, or is revoked and goes, and rules change; the server gets one more name and another type of key; at last the CA is rolled
over, which brings every client a new certificate. Clients keep their keys: one that reads its two files just while a new key takes its place
may hold a mixed pair, which no server can help (see certificate_install).
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from connecting_load import Load, connecting_load
from demo_site import Site, changed
from test_site_life import conninfo, issuer_of, key_of, serial_of

ROTATIONS = int(os.environ.get("PGTLS_LOAD_ROTATIONS", "1"))
NAMES = ["raxus.swgalaxy", "mobus.swgalaxy", "pgsql.swgalaxy"]
KEY_TYPES = ("ecdsa-p256", "ecdsa-p384")
ADDRESSES = (["127.0.0.0/8", "10.0.0.0/8"], ["0.0.0.0/0"])


def client(name: str, number: int) -> dict[str, Any]:
    """An entry of pgtls_clients."""
    return {"name": name, "common_name": f"PostgreSQL client{number}", "database_role": name, "hosts": ["apps"]}


def inventory(number: int) -> dict[str, Any]:
    """The variables that differ from the demo's after this many rounds."""
    guests = [client("app3", 3)] if number % 2 else []
    return {
        "pgtls_ca_key_type": "ecdsa-p256",
        "pgtls_ca_generation": number + 1,
        "pgtls_clients": [client("app1", 1), client("app2", 2), *guests],
        "pgtls_password_users": {"method": "scram-sha-256", "databases": "all", "addresses": ADDRESSES[number % 2]},
        "pgtls_server_dns_names": [*NAMES, *(f"more{extra}.swgalaxy" for extra in range(number))],
        "pgtls_server_key_type": KEY_TYPES[number % 2],
    }


def change(site: Site, load: Load, number: int, kind: str, playbook: str, *parts: str) -> None:
    """Let the variables that begin with these parts become those of this round, and run a playbook."""
    load.step = kind
    now = {key: value for key, value in inventory(number).items() if key.startswith(parts)}
    wished = {**inventory(number - 1), **now}
    assert changed(site.play("-e", json.dumps(wished), playbook=playbook)) > 0, kind


def say_goodbye(site: Site, load: Load, number: int) -> None:
    """Revoke what the guest of the round before holds, who leaves in this one."""
    load.step = "revocation"
    revocations = [{"name": "app3", "reason": "cessationOfOperation"}]
    wished = {**inventory(number - 1), "pgtls_ca_revocations": revocations}
    assert changed(site.play("-e", json.dumps(wished), playbook="revoke")) > 0


@pytest.fixture(scope="module")
def served_site(site: Site) -> Site:
    """The site as it is before the first round."""
    site.play("-e", json.dumps(inventory(0)))
    return site


def test_no_connection_fails_through_rule_edits_renewals_and_rollovers(served_site: Site) -> None:
    site, keys = served_site, ("data/postgres_server.key", "clients/app1.key", "clients/app2.key")
    rules, certificates = ("pgtls_clients", "pgtls_password_users"), ("pgtls_server", "pgtls_client")
    with connecting_load(site.directory, [conninfo(site, name) for name in ("app1", "app2")]) as load:
        for number in range(1, ROTATIONS + 1):
            if number % 2 == 0:
                say_goodbye(site, load, number)
            before = [key_of(site, file) for file in keys]
            change(site, load, number, "rules", "../tests/integration/servers_alone", *rules)
            change(site, load, number, "certificates", "renew", *rules, *certificates)
            kept = [key_of(site, file) == key for file, key in zip(keys, before, strict=True)]
            assert kept == [False, True, True]
            old = serial_of(site, "clients/app1.crt")
            change(site, load, number, "rollover", "rotate_ca", "pgtls")
            assert serial_of(site, "clients/app1.crt") != old
            assert key_of(site, "clients/app1.key") == before[1]
            assert f" G{number + 1}" in issuer_of(site, "data/postgres_server.crt")
            print(f"after round {number}\n{load.figures()}", flush=True)
        load.step = "end"
    assert load.failures == [], load.figures()
    assert all(load.connections[step] > 50 * ROTATIONS for step in ("rules", "certificates", "rollover"))
