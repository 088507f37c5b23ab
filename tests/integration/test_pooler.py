# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with a real PgBouncer (docs/poolers.md): certificates on both of its sides, and reloads after each change of them.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from clusters import free_port
from connecting_load import connecting_load
from demo_site import Site, changed
from kept_state import forget_state
from pgbouncer import PgBouncer, account
from test_site_life import LONG_AGO, serial_of

WHO = "SELECT current_user, client_dn, client_serial FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def client(name: str, **more: Any) -> dict[str, Any]:
    """An entry of pgtls_clients whose holder PgBouncer 1.18 knows: it has no maps, so the common name is the role."""
    return {"name": name, "common_name": name, "database_role": name, "hosts": ["apps"], **more}


class Pooled:
    """The site with its pooler, and what the inventory says of both."""

    def __init__(self, site: Site) -> None:
        self.site, self.pooler = site, PgBouncer(site, free_port())
        self.wishes: dict[str, Any] = {
            "pgtls_ca_key_type": "ecdsa-p256",
            "pgtls_server_ip_addresses": ["127.0.0.1"],
            "pgtls_ca_crl_lifetime_days": 355,
        }

    def inventory(self) -> tuple[str, ...]:
        """The options that say all of it: lists of the site, and one of the pooler's host alone."""
        again = [{"argv": self.pooler.console("RELOAD", "RECONNECT"), "user": account()}]
        pool = client("pool", common_name="PgBouncer", database_role="shop", further_roles=["crm"], owner=account())
        clients = [client("shop"), client("crm"), client("other"), {**pool, "reload_commands": again}]
        stem = str(self.site.directory / "clients/pool-server")
        server = {
            "name": "pool-server",
            "common_name": "PgBouncer of the shop",
            "dns_names": ["pool.swgalaxy"],
            "usages": ["server"],
            "private_key": f"{stem}.key",
            "certificate": f"{stem}.crt",
            "owner": account(),
            "reload_commands": again,
        }
        hosts = {"all": {"hosts": {"apps1": {"pgtls_client_further_certificates": [server]}}}}
        path = self.site.directory / "pooler.yml"
        path.write_text(yaml.safe_dump(hosts), encoding="utf-8")
        return "-i", str(path), "-e", json.dumps({**self.wishes, "pgtls_clients": clients})

    def play(self, *options: str, **how: Any) -> str:
        """Run a playbook with this inventory."""
        return self.site.play(*self.inventory(), *options, **how)

    def served(self) -> str:
        """The serial number of the certificate that the pooler shows to applications, as openssl sees it."""
        address = ["-connect", f"127.0.0.1:{self.pooler.port}"]
        shown = subprocess.run(
            ["openssl", "s_client", "-starttls", "postgres", *address], input=b"", capture_output=True, check=False
        )
        command = ["openssl", "x509", "-noout", "-serial"]
        return subprocess.run(command, input=shown.stdout, capture_output=True, check=True).stdout.decode().strip()[7:]

    def decimal_serial(self, name: str) -> str:
        """The serial number of a client's file as pg_stat_ssl writes it."""
        return str(int(serial_of(self.site, f"clients/{name}.crt"), 16))


@pytest.fixture(scope="module")
def pooled(site: Site) -> Iterator[Pooled]:
    """The site, whose first run was nearly a year ago, and the pooler started with what that installed."""
    made = Pooled(site)
    made.play(before=LONG_AGO)
    made.pooler.start()
    yield made
    made.pooler.stop()
    forget_state(str(site.directory / "clients"))


def test_a_client_comes_through_the_pooler_by_certificates_on_both_ways(pooled: Pooled) -> None:
    for name in ("shop", "crm"):
        done = pooled.pooler.psql(name, WHO)
        assert (done.stdout.strip(), done.stderr) == (f"{name}|/CN=PgBouncer|{pooled.decimal_serial('pool')}", "")
    assert pooled.served() == serial_of(pooled.site, "clients/pool-server.crt")


def foreign_files(pooled: Pooled) -> dict[str, str]:
    """A certificate for the same common name from another CA, which the role verify has left."""
    stem = str(pooled.site.directory / "verify/foreign")
    assert Path(f"{stem}.crt").exists()
    return {"sslcert": f"{stem}.crt", "sslkey": f"{stem}.key"}


def test_the_pooler_refuses_everybody_else(pooled: Pooled) -> None:
    psql = pooled.pooler.psql
    attempts = {
        "a client of the site that is no user of the pooler": psql("other", WHO),
        "a client as the role of another": psql("shop", WHO, user="crm"),
        "no certificate": psql("shop", WHO, sslcert="", sslkey=""),
        "a certificate of another CA": psql("shop", WHO, **foreign_files(pooled)),
        "the pooler's own certificate": psql("pool", WHO, user="shop"),
        "no TLS": psql("shop", WHO, sslmode="disable"),
    }
    assert {what: done.returncode for what, done in attempts.items() if done.returncode != 2} == {}
    refused = {what: done.stderr for what, done in attempts.items()}
    assert "certificate" in refused["a client as the role of another"]
    wrong = psql("shop", WHO, host="raxus.swgalaxy")
    assert "does not match host name" in wrong.stderr


def test_a_renewal_reaches_the_pooler_and_costs_no_connection(pooled: Pooled) -> None:
    old = pooled.decimal_serial("pool"), pooled.served()
    assert pooled.pooler.reloads() == 0  # a first certificate needs none
    with connecting_load(pooled.site.directory, [pooled.pooler.conninfo(name) for name in ("shop", "crm")]) as load:
        pooled.play(playbook="renew")
    assert load.failures == [], load.figures()
    assert load.connections.total() > 50
    assert pooled.pooler.reloads() == 1  # two entries name it
    done = pooled.pooler.psql("shop", WHO)
    assert done.stdout.strip() == f"shop|/CN=PgBouncer|{pooled.decimal_serial('pool')}"
    assert pooled.served() == serial_of(pooled.site, "clients/pool-server.crt")
    assert old[0] != pooled.decimal_serial("pool") and old[1] != pooled.served()


def test_a_reload_that_failed_is_tried_again_though_nothing_is_due_any_more(pooled: Pooled) -> None:
    pooled.pooler.stop()
    pooled.wishes["pgtls_client_key_type"] = "rsa-2048"
    said = pooled.play(playbook="renew", succeeds=False)
    assert f"command psql as {account()} for pool, pool-server was not reloaded" in said
    assert "the new files are in place and valid, and the next run tries again" in said
    pooled.pooler.start()
    before = pooled.pooler.reloads()
    assert changed(pooled.play(playbook="renew")) == 1
    assert changed(pooled.play(playbook="renew")) == 0
    assert pooled.pooler.reloads() == before + 1
    assert pooled.pooler.psql("crm", WHO).stdout.strip() == f"crm|/CN=PgBouncer|{pooled.decimal_serial('pool')}"


def test_a_new_ca_reaches_the_pooler_in_every_phase_and_costs_no_connection(pooled: Pooled) -> None:
    before = pooled.pooler.reloads()
    with connecting_load(pooled.site.directory, [pooled.pooler.conninfo(name) for name in ("shop", "crm")]) as load:
        pooled.play("-e", "pgtls_ca_generation=2", playbook="rotate_ca")
    assert load.failures == [], load.figures()
    assert pooled.pooler.reloads() == before + 3
    done = pooled.pooler.psql("shop", WHO)
    assert done.stdout.strip() == f"shop|/CN=PgBouncer|{pooled.decimal_serial('pool')}"
    assert pooled.served() == serial_of(pooled.site, "clients/pool-server.crt")
