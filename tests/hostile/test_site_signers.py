# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever signs for a site, CAs below its root, a command or a CA that files go to: hosts that lie get what the inventory gives.

The root itself signs in test_site_lying_host.py and test_site_forged_results.py. Each liar holds one client of its own and lies in one
play with the others; `apps1` is honest.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from demo_site import Site
from foreign_ca import ForeignCa
from lying_host import lying_interpreter
from openssl_judge import openssl

SIGNERS = ("below", "command", "external")
MORE = {
    "usages": ["server", "client"],
    "dns_names": ["raxus.swgalaxy"],
    "lifetime_days": 3650,
    "common_name": "postgres",
    "host": "apps1",
}
REQUESTS = "result.get('requests', [])"


def csr(folder: Path, subject: str, *extensions: str) -> str:
    """A request for a key that the host holds, made with openssl."""
    options = [part for word in extensions for part in ("-addext", word)]
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "liars.key")
    return openssl("req", "-new", *key, "-subj", subject, *options)


def lies(folder: Path, marker: Path) -> dict[str, str]:
    """What each liar does to its results."""
    server = csr(folder, "/CN=PostgreSQL server", "subjectAltName=DNS:raxus.swgalaxy", "extendedKeyUsage=serverAuth")
    other = csr(folder, "/CN=PostgreSQL client1", "extendedKeyUsage=clientAuth")
    whole = {"name": "intruder", "csr_pem": other, "reasons": []}
    facts = {"pgtls_ca_provider": "command", "pgtls_ca_command": ["touch", str(marker)], "pgtls_ca_host": "localhost"}
    return {
        "greedy": f"[request.update({MORE!r}) for request in {REQUESTS}]",
        "server": f"[request.update(csr_pem={server!r}) for request in {REQUESTS}]",
        "somebody": f"[request.update(csr_pem={other!r}) for request in {REQUESTS}]",
        "namesake": f"[request.update(name='app1') for request in {REQUESTS}]",
        "twofold": f"result.get('requests', []).extend({REQUESTS})",
        "nobody": "[result.update({key: []}) for key in ('requests', 'certificates') if key in result]",
        "facts": f"result['ansible_facts'] = {facts!r}",
        "intruder": f"result.update(requests=[{whole!r}]) if 'requests' in result else None",
    }


class Signed:
    """A site with one of the signers, and what reached it."""

    def __init__(self, site: Site, folder: Path, kind: str) -> None:
        self.site, self.folder, self.kind = site, folder, kind
        self.marker = folder / "somebody-ran-a-command"
        self.variables: dict[str, Any] = {"pgtls_ca_key_type": "ecdsa-p256", "pgtls_ca_directory": str(folder / "ca")}
        if kind == "below":
            self.variables["pgtls_ca_intermediates"] = [
                {"name": "servers", "common_name": "Server CA", "usages": ["server"]},
                {"name": "clients", "common_name": "Client CA", "usages": ["client"]},
            ]
        else:
            self.variables.update(pgtls_ca_provider=kind, pgtls_ca_crl=False)
            self._elsewhere(ForeignCa(folder / "foreign"))

    def _elsewhere(self, foreign: ForeignCa) -> None:
        copies, script = self.folder / "copies", self.folder / "signer.py"
        copies.mkdir()
        script.write_text(
            "import os, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], capture_output=True, check=True)\n"
            f"open({str(copies)!r} + f'/{{os.getpid()}}.crt', 'wb').write(done.stdout)\n"
            "sys.stdout.buffer.write(done.stdout)\n"
        )
        self.variables["pgtls_ca_command"] = [sys.executable, str(script), *foreign.command]
        self.variables["pgtls_ca_chain_pem"] = foreign.chain if self.kind == "command" else ""
        self.variables["pgtls_ca_exchange_directory"] = str(self.folder / "exchange")

    def play(self, liars: dict[str, str]) -> str:
        """Renew the clients of all hosts."""
        hosts = {}
        for host, lie in liars.items():
            (self.folder / host).mkdir()
            hosts[host] = {"ansible_python_interpreter": lying_interpreter(self.folder / host, lie)}
        names = {host: f"PostgreSQL {host}" for host in liars if host != "intruder"}
        clients = [
            {"name": host, "common_name": name, "database_role": host, "hosts": [host]} for host, name in names.items()
        ]
        clients += [{"name": "app1", "common_name": "PostgreSQL client1", "database_role": "app1", "hosts": ["apps1"]}]
        inventory = self.folder / "liars.json"
        inventory.write_text(json.dumps({"postgres_clients": {"hosts": hosts}}))
        directory = self.folder / "clients"
        directory.mkdir()
        variables = {**self.variables, "pgtls_clients": clients, "pgtls_client_directory": str(directory)}
        options = ("-i", str(inventory), "-e", json.dumps(variables), "--limit", "ca:postgres_clients")
        return self.site.play(*options, playbook="renew", succeeds=False)

    def certificates(self) -> list[Any]:
        """What was signed; of a CA that signs later, the requests that wait for it."""
        if self.kind == "external":
            return [x509.load_pem_x509_csr(path.read_bytes()) for path in (self.folder / "exchange/requests").iterdir()]
        copies = [*self.folder.glob("ca/**/issued/*.crt"), *self.folder.glob("copies/*.crt")]
        found = [x509.load_pem_x509_certificate(path.read_bytes()) for path in copies]
        return [one for one in found if not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca]


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_lying_host_gets_what_the_inventory_gives_from_every_signer(site: Site, tmp_path: Path, kind: str) -> None:
    signed = Signed(site, tmp_path, kind)
    output = " ".join(signed.play(lies(tmp_path, signed.marker)).split())
    own_client = {"app1": "PostgreSQL client1", **{name: f"PostgreSQL {name}" for name in ("greedy", "nobody")}}
    if kind == "below":  # of a request they take the key alone
        own_client.update({name: f"PostgreSQL {name}" for name in ("server", "somebody")})
    found = signed.certificates()
    subjects = sorted(one.subject.rfc4514_string() for one in found)
    assert subjects == sorted(f"CN={name}" for host, name in own_client.items() if host != "nobody")
    for one in found:
        assert list(one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            x509.ExtendedKeyUsageOID.CLIENT_AUTH
        ]
        assert not [each for each in one.extensions if isinstance(each.value, x509.SubjectAlternativeName)]
        if kind != "external":
            assert (one.not_valid_after_utc - one.not_valid_before_utc).days <= 366
            assert ("Client CA" in one.issuer.rfc4514_string()) == (kind == "below")
    assert "the certificate app1 of the host namesake is requested, but the option certificates has no entry" in output
    assert "twofold returned 2 requests, but the inventory gives it 1 certificates" in output
    assert "intruder returned 1 requests, but the inventory gives it 0 certificates" in output
    assert "the facts of facts set pgtls_ca_command, pgtls_ca_host, pgtls_ca_provider, but" in output
    if kind in ("command", "external"):
        for liar in ("server", "somebody"):
            assert (
                f"the certificate {liar} of the host {liar}: the request is not as its entry in certificates" in output
            )
    assert not signed.marker.exists()
