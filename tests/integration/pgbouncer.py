# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PgBouncer before the server of a site, run by the user of the server, with the files that the role client keeps."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusters import identity_of
from demo_site import Site

# The lines that docs/poolers.md shows; what is between angle brackets is of this machine.
SETTINGS = """\
[databases]
postgres = host=127.0.0.1 port=<server_port> dbname=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = <port>
unix_socket_dir = <run>
logfile = <run>/pgbouncer.log
pidfile = <run>/pgbouncer.pid
pool_mode = session

; to PostgreSQL: the certificate of the entry pool
server_tls_sslmode = verify-full
server_tls_ca_file = <clients>/rootCA.pem
server_tls_cert_file = <clients>/pool.crt
server_tls_key_file = <clients>/pool.key

; from applications: the server certificate pool-server, and the certificates of this CA
client_tls_sslmode = verify-full
client_tls_ca_file = <clients>/rootCA.pem
client_tls_cert_file = <clients>/pool-server.crt
client_tls_key_file = <clients>/pool-server.key
auth_type = cert
auth_file = <run>/userlist.txt
"""


def account() -> str:
    """Who runs server and pooler."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


@dataclass
class PgBouncer:
    """The pooler of a site, on a port of its own."""

    site: Site
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def run_directory(self) -> Path:
        """Where its settings, socket and log are."""
        return self.site.directory / "pooler"

    def start(self) -> None:
        """Start it with these settings, and wait until it listens."""
        run = self.run_directory
        run.mkdir(exist_ok=True)
        places = {
            "port": str(self.port),
            "server_port": self.site.environment["PGTLS_DEMO_PORT"],
            "run": str(run),
            "clients": str(self.site.directory / "clients"),
        }
        text = re.sub("<([a-z_]+)>", lambda found: places[found.group(1)], SETTINGS)
        (run / "pgbouncer.ini").write_text(text, encoding="utf-8")
        (run / "userlist.txt").write_text('"shop" ""\n"crm" ""\n', encoding="utf-8")
        if os.geteuid() == 0:
            shutil.chown(run, account())
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "pgbouncer is needed (Debian: apt-get install pgbouncer)"
        identity: dict[str, Any] = identity_of(account())
        self.process = subprocess.Popen([program, "-q", str(run / "pgbouncer.ini")], cwd="/", **identity)
        end = time.monotonic() + 20
        while not (run / f".s.PGSQL.{self.port}").exists():
            assert time.monotonic() < end and self.process.poll() is None, self.log()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, where it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def log(self) -> str:
        """What it has logged so far."""
        path = self.run_directory / "pgbouncer.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def reloads(self) -> int:
        """How often it has been told to reload."""
        return self.log().count("RELOAD command issued")

    def console(self, *commands: str) -> list[str]:
        """The command that tells it something as its own user, which its socket knows."""
        where = ["-h", str(self.run_directory), "-p", str(self.port), "-U", "pgbouncer", "-d", "pgbouncer"]
        return ["psql", "-X", "-q", *where, *(word for command in commands for word in ("-c", command))]

    def conninfo(self, name: str, **changes: str) -> Mapping[str, str]:
        """How an application connects through it, with the files of the client of this name."""
        clients = self.site.directory / "clients"
        return {
            "host": "pool.swgalaxy",
            "hostaddr": "127.0.0.1",
            "port": str(self.port),
            "user": name,
            "dbname": "postgres",
            "sslmode": "verify-full",
            "sslrootcert": str(clients / "rootCA.pem"),
            "sslcert": str(clients / f"{name}.crt"),
            "sslkey": str(clients / f"{name}.key"),
            "connect_timeout": "10",
            **changes,
        }

    def psql(self, name: str, query: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """One query of an application through it."""
        words = " ".join(f"{key}='{value}'" for key, value in self.conninfo(name, **changes).items())
        command = ["psql", "-X", "-A", "-t", "-w", "-c", query, words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
