# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with many hosts that forge every result, and what became of the others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from demo_site import CHECKOUT, RECAP, Site
from lies import VALUES, WHOLE

FORGE = Path(__file__).with_name("forge.py")
SECONDS = 200
AMOUNTS = ("all", "some", "one")
HONEST = {"ca1", "raxus", "apps1"}
DATABASE = ["raxus.swgalaxy", "mobus.swgalaxy", "pgsql.swgalaxy"]
CLIENTS = [
    {"name": "app1", "common_name": "PostgreSQL client1", "database_role": "app1", "hosts": ["apps1"]},
    {"name": "evil", "common_name": "PostgreSQL evil", "database_role": "evil", "hosts": ["liars"]},
]
VARIABLES = {"pgtls_ca_key_type": "ecdsa-p256", "pgtls_clients": CLIENTS}
# What the inventory gives to a host of the group liars, and to each server: common name, usage and DNS names.
CLIENT, SERVER = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"
EVIL = "PostgreSQL evil"
GIVEN = {
    "evil": (EVIL, CLIENT, []),
    "verify-revoked": ("revoked for verify", CLIENT, []),
    "verify-expired": (EVIL, CLIENT, []),
    "verify-server-only": (EVIL, SERVER, ["not-a-client.invalid"]),
}


def said_by(certificate: x509.Certificate) -> tuple[str, str, list[str]]:
    """Common name, usage and DNS names of a certificate."""
    (name,) = certificate.subject
    (usage,) = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    found = [one.value for one in certificate.extensions if isinstance(one.value, x509.SubjectAlternativeName)]
    return (
        str(name.value),
        usage.dotted_string,
        [each for one in found for each in one.get_values_for_type(x509.DNSName)],
    )


@dataclass
class ForgedSite:
    """A site, what honest hosts of it once returned, and hosts that forge that."""

    site: Site
    seed: int
    clients: dict[str, str] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)

    @property
    def marker(self) -> Path:
        """What every command in a lie would make."""
        return self.site.directory / "somebody-ran-a-command"

    def record(self) -> None:
        """Bring the site up, and keep what its server and one more client host return."""
        self.clients = {"liar": "record"}
        recorded = {"ansible_python_interpreter": self._interpreter("raxus", "record", "server")}
        self.play("site", {"postgres_servers": {"hosts": {"raxus": recorded}}})
        self.play("revoke", {})

    def liars(self, families: int) -> None:
        """One client host and one server for each of so many families of lies, which alter now more and now less."""
        chance = Random(self.seed)
        lies = [f"{family}.{chance.choice(AMOUNTS)}" for family in VALUES] + [f"{family}.all" for family in WHOLE]
        lies = chance.sample(lies, families)
        self.clients = {f"client-{lie.replace('.', '-')}": lie for lie in lies}
        self.servers = {f"server-{lie.replace('.', '-')}": lie for lie in lies}

    def _interpreter(self, host: str, lie: str, kind: str) -> str:
        folder = self.site.directory / "forge" / kind
        folder.mkdir(parents=True, exist_ok=True)
        path = self.site.directory / "forge" / f"{host}-python"
        words = (sys.executable, FORGE, lie, folder, host, self.seed, self.marker)
        path.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + "\n")
        path.chmod(0o755)
        return str(path)

    def _inventory(self) -> dict[str, Any]:
        places = {
            f"pgtls_{role}_directory": str(self.site.directory / f"liars/{role}") for role in ("client", "verify")
        }
        clients = {
            host: {**places, "ansible_python_interpreter": self._interpreter(host, lie, "client")}
            for host, lie in self.clients.items()
        }
        servers = {
            host: {"ansible_python_interpreter": self._interpreter(host, lie, "server")}
            for host, lie in self.servers.items()
        }
        return {
            "liars": {"hosts": clients},
            "postgres_clients": {"children": {"liars": {}}},
            "postgres_servers": {"hosts": servers},
        }

    def play(self, playbook: str, inventory: dict[str, Any] | None = None, *options: str) -> str:
        """Run a playbook on all hosts; where more is given for the inventory, all of them must succeed."""
        path = self.site.directory / "forge.json"
        path.write_text(json.dumps(self._inventory()))
        more = self.site.directory / "forge-more.json"
        more.write_text(json.dumps(inventory or {"ungrouped": {}}))
        variables = {**VARIABLES}
        if playbook == "revoke":
            variables["pgtls_ca_revocations"] = [{"name": "verify-expired"}]
        command = self.site.command(playbook, "-i", str(path), "-i", str(more), "-e", json.dumps(variables), *options)
        environment = {**self.site.environment, "ANSIBLE_FORKS": "8"}
        try:
            done = subprocess.run(
                command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            raise AssertionError(f"{playbook} has not ended after {SECONDS} seconds: {said[-4000:]}") from error
        assert inventory is None or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def issued(self) -> dict[str, x509.Certificate]:
        """Every certificate that the CA has ever signed, by the name of its copy."""
        copies = (self.site.directory / "ca/issued").glob("*.crt")
        return {path.name: x509.load_pem_x509_certificate(path.read_bytes()) for path in copies}

    def beyond_the_inventory(self, before: dict[str, x509.Certificate]) -> list[str]:
        """The certificates issued since, that say anything else than what the inventory gives to whoever forges."""
        given = {**GIVEN, **{f"server-{host}": ("PostgreSQL server", SERVER, DATABASE) for host in self.servers}}
        new = {copy: one for copy, one in self.issued().items() if copy not in before}
        return [copy for copy, one in new.items() if said_by(one) != given.get(copy.rsplit(".", 2)[0])]

    def revoked(self) -> set[str]:
        """The names of what is in the CA's CRL."""
        names = {one.serial_number: copy.rsplit(".", 2)[0] for copy, one in self.issued().items()}
        found = x509.load_pem_x509_crl((self.site.directory / "ca/ca.crl").read_bytes())
        return {names[one.serial_number] for one in found}

    def state(self) -> dict[str, str]:
        """Every file of the honest hosts; the CA's copies and CRL, which it makes for all of them, are looked at on their own."""
        ours = ("forge", "liars", "ca/issued", "ca/ca.crl", "data/revoked.crl")
        return {path: seen for path, seen in self.site.state().items() if not path.startswith(ours)}


def failed(output: str) -> set[str]:
    """The hosts that failed in a run, which must have come to its end."""
    recap = RECAP.findall(output)
    assert recap, output[-4000:]
    return {host for host, *numbers in recap if int(numbers[2]) or int(numbers[3])}
