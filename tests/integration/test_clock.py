# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of ours under a shifted clock: what a real server, libpq and the modules say before, in and after their life.

Only the clock of the processes that a test starts is shifted (libfaketime); nobody waits.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster
from inventory import entries_of
from module_runner import run_module

NAME = "db.pgtls.invalid"  # RFC 2606: no resolver knows it, so hostaddr is needed
CLIENT_DAYS, SERVER_DAYS = 40, 90
UNIT = Path(__file__).resolve().parents[1] / "unit"
ONE_MODULE = (
    "import json, sys; from module_runner import run_module; print(json.dumps(run_module(**json.load(sys.stdin))))"
)


def shifted(days: int) -> dict[str, str]:
    """The environment of a process whose clock is so many days ahead."""
    found = glob.glob("/usr/lib*/faketime/libfaketime.so.1") + glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    assert found, "libfaketime.so.1 is needed (Debian: apt-get install libfaketime)"
    # The server measures how long it waits by the monotonic clock, which nobody shifts.
    return {"LD_PRELOAD": found[0], "FAKETIME": f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def run_shifted(name: str, args: dict[str, Any], days: int) -> dict[str, Any]:
    """What a module returns so many days from now."""
    environment = {**os.environ, **shifted(days), "PYTHONPATH": os.pathsep.join([str(UNIT), *sys.path])}
    task = json.dumps({"name": name, "args": args})
    command = [sys.executable, "-c", ONE_MODULE]
    done = subprocess.run(command, env=environment, input=task, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert not result["failed"], result
    return result


@dataclass
class Site:
    """A CA, a server and its client on this machine."""

    cluster: Cluster
    folder: Path

    def items(self) -> list[dict[str, Any]]:
        """The certificates of the site: a server's and its client's."""
        wishes: list[dict[str, Any]] = [
            {"name": "server", "usages": ["server"], "dns_names": [NAME], "lifetime_days": SERVER_DAYS},
            {"name": "app", "usages": ["client"], "lifetime_days": CLIENT_DAYS},
        ]
        return [
            {
                "common_name": wish["name"],
                "private_key": str(self.folder / f"{wish['name']}.key"),
                "certificate": str(self.folder / f"{wish['name']}.crt"),
                "root": str(self.folder / "root.crt"),
                **wish,
            }
            for wish in wishes
        ]

    def issue(self, days: int = 0) -> list[str]:
        """Request what is due so many days from now, sign and install it, and return the reasons for it."""
        requests = run_shifted("certificate_request", {"certificates": self.items()}, days)["requests"]
        sign = {"directory": str(self.folder / "ca"), "certificates": entries_of(self.items()), "requests": requests}
        signed = run_shifted("certificate_sign", sign, days)["certificates"]
        run_shifted("certificate_install", {"certificates": self.items(), "signed": signed}, days)
        for name in ("root.crt", "server.crt", "server.key", "app.crt", "app.key"):
            self.cluster.write(name, (self.folder / name).read_bytes())
        return [f"{request['name']}: {reason['code']}" for request in requests for reason in request["reasons"]]

    def restart(self, days: int) -> None:
        """Start the server with its clock so many days ahead."""
        self.cluster.stop()
        data, log = self.cluster.data_directory, self.cluster.log
        start = [f"{self.cluster.bin_directory}/pg_ctl", "-D", data, "-l", log, "-w", "start"]
        self.cluster.run("/usr/bin/env", *as_words(shifted(days)), *start)
        ((seconds,),) = self.cluster.sql("SELECT extract(epoch FROM now())")
        assert abs(float(seconds) - time.time() - days * 86_400) < 60, "the server's clock is not shifted"

    def connect(self, days: int = 0) -> str:
        """Log in by certificate with the client's clock so many days ahead; what psql prints, or its own words."""
        data = self.cluster.data_directory
        conninfo = (
            f"host={NAME} hostaddr=127.0.0.1 port={self.cluster.port} dbname=postgres user=app sslmode=verify-full "
            f"sslrootcert={data}/root.crt sslcert={data}/app.crt sslkey={data}/app.key"
        )
        query = "SELECT current_user, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        psql = [f"{self.cluster.bin_directory}/psql", "-X", "-A", "-t", "-c", query, conninfo]
        try:
            return self.cluster.run("/usr/bin/env", *as_words(shifted(days)), *psql).stdout.strip()
        except subprocess.CalledProcessError as error:
            return str(error.stderr)

    def logged(self) -> str:
        """What the server has said since this was asked last."""
        text = Path(self.cluster.log).read_text()
        Path(self.cluster.log).write_text("")
        return text

    def will_log(self, words: str) -> bool:
        """Whether the server says this within a while; a client that is refused may know it before the log does."""
        said, deadline = "", time.monotonic() + 20
        while words not in said and time.monotonic() < deadline:
            time.sleep(0.05)
            said = Path(self.cluster.log).read_text()
        return words in said


def as_words(environment: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


@pytest.fixture(scope="module")
def site(make_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("clock")
    made = Site(make_cluster(), folder)
    ca = run_module("ca", {"directory": str(folder / "ca"), "common_name": "Clock CA", "lifetime_days": 400})
    assert not ca["failed"], ca
    assert made.issue() == ["server: missing", "app: missing"]
    files = "ssl_ca_file = 'root.crt'\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n"
    made.cluster.configure(f"ssl = on\n{files}")
    made.cluster.write("pg_hba.conf", "local all all peer\nhostssl all app all cert\n")
    made.cluster.sql("CREATE ROLE app LOGIN")
    yield made
    made.cluster.stop()


def test_inside_its_life_a_certificate_logs_in(site: Site) -> None:
    site.restart(0)
    assert site.connect() == "app|TLSv1.3|/CN=app"
    site.restart(CLIENT_DAYS - 1)
    assert site.connect() == "app|TLSv1.3|/CN=app"


def test_a_server_that_is_past_the_end_of_a_client_certificate_refuses_it(site: Site) -> None:
    site.restart(CLIENT_DAYS + 1)
    site.logged()
    assert "alert certificate expired" in site.connect()
    assert site.will_log("could not accept SSL connection: certificate verify failed")


def test_libpq_that_is_past_the_end_of_a_server_certificate_refuses_it(site: Site) -> None:
    site.restart(0)
    assert site.connect(days=SERVER_DAYS - 1) == "app|TLSv1.3|/CN=app"
    site.logged()
    assert "SSL error: certificate verify failed" in site.connect(days=SERVER_DAYS + 1)
    assert site.will_log("alert certificate expired")


def test_a_request_says_that_the_renewal_is_due_when_its_time_has_come(site: Site) -> None:
    def due(days: int) -> list[tuple[str, str]]:
        requests = run_shifted("certificate_request", {"certificates": site.items()}, days)["requests"]
        return [(request["name"], reason["code"]) for request in requests for reason in request["reasons"]]

    window = 30  # renew_before_days, unless something else is said
    assert due(CLIENT_DAYS - window - 1) == []
    assert due(CLIENT_DAYS - window + 1) == [("app", "renewal_due")]
    assert due(CLIENT_DAYS + 1) == [("app", "renewal_due")]
    assert due(SERVER_DAYS + 1) == [("server", "renewal_due"), ("app", "renewal_due")]


def test_a_renewed_certificate_logs_in_then_and_not_before_its_begin(site: Site) -> None:
    assert site.issue(days=CLIENT_DAYS + 1) == ["app: renewal_due"]
    site.restart(CLIENT_DAYS + 1)
    assert site.connect() == "app|TLSv1.3|/CN=app"
    site.restart(0)
    site.logged()
    assert "alert bad certificate" in site.connect()
    assert site.will_log("could not accept SSL connection: certificate verify failed")
