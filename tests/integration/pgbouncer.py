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

PAGE = Path(__file__).resolve().parents[2] / "docs/poolers.md"


def settings_of_page(places: Mapping[str, str]) -> str:
    """The settings that the page shows, with places of this machine instead of those of the page."""
    (text,) = re.findall(r"^```ini\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for shown, here in places.items():
        assert shown in text, shown
        text = text.replace(shown, here)
    return text


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
        port = self.site.environment["PGTLS_DEMO_PORT"]
        text = settings_of_page(
            {
                "host=db1.swgalaxy port=5432": f"host=127.0.0.1 port={port}",
                "0.0.0.0": "127.0.0.1",
                "6432": str(self.port),
                "/etc/pgtls/client": str(self.site.directory / "clients"),
                "/etc/pgbouncer": str(run),
                "/run/postgresql": str(run),
                "/var/log/postgresql": str(run),
            }
        )
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
