# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server, a CA and one client, for the tests of pg_server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from kept_state import state_of
from module_runner import run_module

CLIENTS = {
    "roles": ["app1"],
    "mapping_blocks": [
        {
            "block": "clients",
            "mappings": [{"map": "certmap_app1", "system_user": "PostgreSQL client1", "database_user": "app1"}],
        }
    ],
    "rule_blocks": [
        {
            "block": "clients",
            "placement": "first",
            "rules": [
                {
                    "type": "hostssl",
                    "user": "app1",
                    "address": "127.0.0.1/32",
                    "method": "cert",
                    "options": {"map": "certmap_app1"},
                },
                {"type": "hostnossl", "address": "all", "method": "reject"},
            ],
        }
    ],
}


class World:
    """A cluster, a CA, and one client's certificate."""

    def __init__(self, cluster: Any, home: Path) -> None:
        self.cluster, self.home = cluster, home
        made = run_module("ca", {"directory": str(home / "ca"), "common_name": "Server Test CA"})
        assert not made["failed"], made
        self.authority = {"issuer_pem": made["chain_pem"], "trusted_pem": made["trusted_pem"]}
        self.options: dict[str, Any] = {
            "data_directory": cluster.data_directory,
            "certificates": [self.entry],
            **self.authority,
            "settings": {
                "ssl": True,
                "ssl_cert_file": "tls.crt",
                "ssl_key_file": "tls.key",
                "ssl_ca_file": "root.pem",
            },
            **CLIENTS,
        }

    @property
    def entry(self) -> dict[str, Any]:
        places = {"private_key": "tls.key", "certificate": "tls.crt", "root": "root.pem"}
        return {"name": "db1", "common_name": "db1", "dns_names": ["localhost"], "usages": ["server"], **places}

    def sign(self, requests: list[dict[str, Any]], *entries: dict[str, Any]) -> list[dict[str, Any]]:
        known = ("name", "common_name", "dns_names", "usages")
        asked = [{word: entry[word] for word in known if word in entry} for entry in entries or (self.entry,)]
        signed = run_module(
            "certificate_sign", {"directory": str(self.home / "ca"), "certificates": asked, "requests": requests}
        )
        assert not signed["failed"], signed
        return list(signed["certificates"])

    def call(self, check: bool = False, **options: Any) -> dict[str, Any]:
        return run_module("pg_server", {**self.options, **options}, check=check, diff=True)

    def settle(self, **options: Any) -> dict[str, Any]:
        """Both calls of a site: request, and everything else."""
        first = self.call(**options)
        assert not first["failed"], first
        if not first["requests"]:
            return first
        done = self.call(signed=self.sign(first["requests"]), **options)
        assert not done["failed"], done
        return done

    def client(self, place: Path | None = None, **options: Any) -> dict[str, str]:
        """Files of a client certificate, for app1 unless it is said otherwise."""
        place = place or self.home / "client"
        place.mkdir(exist_ok=True)
        entry = {
            "name": "app1",
            "common_name": "PostgreSQL client1",
            "usages": ["client"],
            **options,
            "private_key": str(place / "key"),
            "certificate": str(place / "crt"),
            "root": str(place / "root"),
        }
        requested = run_module("certificate_request", {"certificates": [entry], **self.authority})
        if requested["requests"]:
            signed = self.sign(requested["requests"], entry)
            installed = run_module(
                "certificate_install",
                {"certificates": [entry], "signed": signed, "trusted_pem": self.authority["trusted_pem"]},
            )
            assert not installed["failed"], installed
        return {"sslkey": entry["private_key"], "sslcert": entry["certificate"], "sslrootcert": entry["root"]}

    def login(self, **words: str) -> str:
        """The role that a login as app1 gets, or the words of the refusal, as psql prints them."""
        known = {"host": "localhost", "port": str(self.cluster.port), "dbname": "postgres", "user": "app1", **words}
        conninfo = " ".join(f"{word}='{value}'" for word, value in known.items())
        done = subprocess.run(
            [os.path.join(self.cluster.bin_directory, "psql"), "-XAtc", "SELECT current_user", conninfo],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.home)},
        )
        return (done.stdout + done.stderr).strip()

    def state(self) -> dict[str, bytes | str]:
        """All that a run may change and undo."""
        found: dict[str, bytes | str] = {}
        for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "tls.crt", "tls.key", "root.pem"):
            path = Path(self.cluster.data_directory, name)
            found[name] = path.read_bytes() if path.exists() else "(none)"
        rows = self.cluster.sql("SELECT name, setting FROM pg_settings WHERE name IN ('ssl', 'ssl_cert_file', 'port')")
        return {**found, **dict(rows)}

    @property
    def state_directory(self) -> str:
        return state_of(self.cluster.data_directory)

    def connections(self) -> int:
        """How many connections the server has received until now, as its log says."""
        return Path(self.cluster.log).read_text().count("connection received")

    def leftovers(self) -> list[str]:
        hidden = [name for name in os.listdir(self.cluster.data_directory) if ".pgtls-" in name]
        journal = Path(self.state_directory, "pgtls-transaction.json")
        return hidden + [str(journal)] * journal.exists()
