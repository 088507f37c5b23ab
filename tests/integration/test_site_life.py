# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The later life of a site: renewal, revocation and a new CA, with clients that stay connected and clients that come all the time.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from demo_site import CHECKOUT, Site, changed

# Installed by .ci/run; the first run of the site happens in the past, so that certificates are old when the tests begin.
LONG_AGO = ("faketime", "-f", "-350d")
SHORT_LIVES = ("-e", json.dumps({"pgtls_server_lifetime_days": 365}))
LONG_LIST = ("-e", json.dumps({"pgtls_ca_crl_lifetime_days": 355}))


def conninfo(site: Site, name: str) -> dict[str, str]:
    """How an application with this client's files connects."""
    stem = str(site.directory / "clients" / name)
    return {
        "host": "raxus.swgalaxy",
        "hostaddr": "127.0.0.1",
        "port": site.environment["PGTLS_DEMO_PORT"],
        "user": name,
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": str(site.directory / "clients/rootCA.pem"),
        "sslcert": f"{stem}.crt",
        "sslkey": f"{stem}.key",
        "connect_timeout": "10",
    }


def serial_of(site: Site, file: str) -> str:
    """The serial number of a certificate file as openssl reads it."""
    return _openssl(site, file, "-serial").removeprefix("serial=")


def issuer_of(site: Site, file: str) -> str:
    """The issuer of a certificate file as openssl reads it."""
    return _openssl(site, file, "-issuer").removeprefix("issuer=")


def _openssl(site: Site, file: str, what: str) -> str:
    command = ["openssl", "x509", "-in", str(site.directory / file), "-noout", what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def key_of(site: Site, file: str) -> bytes:
    """The public key of a private key file as openssl reads it."""
    command = ["openssl", "pkey", "-in", str(site.directory / file), "-pubout"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@dataclass
class Comings:
    """What came of a client that connects again and again."""

    accepted: int = 0
    refused: list[str] = field(default_factory=list)


@contextmanager
def coming_all_the_time(site: Site, *names: str) -> Iterator[Comings]:
    """Connect with the clients' files, without a pause, for as long as the block lasts."""
    found, over = Comings(), threading.Event()

    def come() -> None:
        while not over.is_set():
            for name in names:
                try:
                    psycopg.connect(**conninfo(site, name)).close()
                    found.accepted += 1
                except psycopg.Error as error:
                    found.refused.append(str(error))
            time.sleep(0.02)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def test_a_site_of_a_year_ago_is_there(site: Site) -> None:
    site.play(*SHORT_LIVES, *LONG_LIST, before=LONG_AGO)
    assert serial_of(site, "clients/app1.crt")


def test_renewal_is_told_then_done_by_a_reload_while_sessions_stay_open(site: Site) -> None:
    before = {file: serial_of(site, file) for file in ("data/postgres_server.crt", "clients/app1.crt")}
    keys = {file: key_of(site, file) for file in ("data/postgres_server.key", "clients/app1.key")}
    foretold = site.play(*SHORT_LIVES, "--check", "--diff", playbook="renew")
    assert foretold.count("renewal_due") >= 3, "the server and both clients are due"
    assert {file: serial_of(site, file) for file in before} == before
    with psycopg.connect(**conninfo(site, "app1")) as session, coming_all_the_time(site, "app1", "app2") as comings:
        (started,) = session.execute("SELECT pg_postmaster_start_time()").fetchone()
        assert changed(site.play(*SHORT_LIVES, playbook="renew")) > 0
        assert session.execute("SELECT pg_postmaster_start_time()").fetchone() == (started,)
    assert comings.refused == [] and comings.accepted > 10
    assert all(serial_of(site, file) != serial for file, serial in before.items())
    assert {file: key_of(site, file) for file in keys} == keys
    assert changed(site.play(*SHORT_LIVES, playbook="renew")) == 0


def test_a_revoked_client_is_refused_and_the_other_is_not(site: Site) -> None:
    revocation = ["-e", json.dumps({"pgtls_ca_revocations": [{"name": "app1", "reason": "keyCompromise"}]})]
    with coming_all_the_time(site, "app2") as comings:
        output = site.play(*revocation, playbook="revoke")
    assert comings.refused == [] and comings.accepted > 10
    assert changed(output) > 0
    with pytest.raises(psycopg.OperationalError, match="certificate revoked"):
        psycopg.connect(**conninfo(site, "app1"))
    assert changed(site.play(*revocation, playbook="revoke")) == 0


def test_a_revoked_client_that_is_still_listed_gets_another_certificate_and_key(site: Site) -> None:
    key = key_of(site, "clients/app1.key")
    assert changed(site.play(*SHORT_LIVES)) > 0
    psycopg.connect(**conninfo(site, "app1")).close()
    assert key_of(site, "clients/app1.key") != key
    assert changed(site.play(*SHORT_LIVES)) == 0


def test_the_ca_is_rolled_over_from_wherever_it_was_killed_and_no_client_is_refused(site: Site) -> None:
    generation = ("-e", "pgtls_ca_generation=2", *SHORT_LIVES)
    foretold = site.play("--check", *generation, playbook="rotate_ca")
    assert "left: " in foretold and "reissue" in foretold
    with coming_all_the_time(site, "app1", "app2") as comings:
        for seconds in (8, 20):
            run = subprocess.Popen(
                site.command("rotate_ca", *generation),
                cwd=CHECKOUT,
                env=site.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
        site.play(*generation, playbook="rotate_ca")
    assert comings.refused == [] and comings.accepted > 50
    for file in ("data/postgres_server.crt", "clients/app1.crt", "clients/app2.crt"):
        assert "SW Galaxy Root CA G2" in issuer_of(site, file)
    for file in ("data/rootCA.pem", "clients/rootCA.pem"):
        assert (site.directory / file).read_text().count("BEGIN CERTIFICATE") == 1
    assert changed(site.play(*generation, playbook="rotate_ca")) == 0


def test_the_same_inventory_goes_on_with_the_new_ca(site: Site) -> None:
    assert changed(site.play(*SHORT_LIVES)) == 0
