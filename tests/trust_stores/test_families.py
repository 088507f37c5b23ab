# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""trust_anchor on hosts that are laid out like each family of distributions: added, kept, and gone from all that the family's command fills.

The judges are openssl with the family's bundle and directory, and the bytes of the store that Java reads.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CONTAINERS = CHECKOUT / "extensions/molecule"
NAME = "swgalaxy-root-ca"
# The directory that openssl searches, and the store of Java, where the family's command fills one.
PLACES = {
    "el": ("/etc/pki/ca-trust/extracted/pem/directory-hash", "/etc/pki/ca-trust/extracted/java/cacerts"),
    "suse": ("/var/lib/ca-certificates/pem", "/var/lib/ca-certificates/java-cacerts"),
    "arch": ("/etc/ca-certificates/extracted/cadir", "/etc/ssl/certs/java/cacerts"),
    "alpine": ("/etc/ssl/certs", None),
}


@dataclass(frozen=True)
class Host:
    """A container of a family; folder: where the test keeps the CA and a certificate of it."""

    family: str
    name: str
    folder: Path

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a program in it."""
        return subprocess.run(
            ["podman", "exec", "--interactive", self.name, *command], capture_output=True, check=False, **options
        )

    def module(self, **options: Any) -> dict[str, Any]:
        """Run trust_anchor in it, as Ansible does; returns what it returns."""
        inventory = self.folder / "inventory.json"
        variables = {"ansible_connection": "namespaces", "ansible_python_interpreter": "/usr/bin/python3"}
        inventory.write_text(json.dumps({"all": {"hosts": {self.name: variables}}}))
        asked = [self.name, "-i", str(inventory), "-m", "pgtls.postgresql.trust_anchor"]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(CONTAINERS / "plugins/connection"),
        }
        command = [sys.executable, "-m", "ansible", "adhoc", *asked, "-a", json.dumps({"name": NAME, **options})]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])
        return dict(found)

    def trusts(self, bundle: str) -> list[bool]:
        """Whether the bundle, the directory and Java's store trust the CA."""
        directory, java = PLACES[self.family]
        leaf = (self.folder / "leaf.crt").read_bytes()
        found = []
        for store in (["-no-CApath", "-CAfile", bundle], ["-no-CAfile", "-CApath", directory]):
            found.append(self.run("openssl", "verify", *store, input=leaf).returncode == 0)
        if java is not None:
            body = (self.folder / "ca.crt").read_text().split("-----")[2]
            found.append(base64.b64decode(body) in self.run("cat", java).stdout)
        return found


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=sorted(PLACES))
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    family = request.param
    subprocess.run([str(CONTAINERS / "images/trust-family.sh"), family], check=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        tmp_path,
        "req",
        "-x509",
        *key,
        "-days",
        "5",
        "-subj",
        "/CN=SW Galaxy Root CA",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
    )
    openssl(tmp_path, "req", *key, "-subj", "/CN=raxus", "-keyout", "leaf.key", "-out", "leaf.csr")
    signed_by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl(tmp_path, "x509", "-req", "-in", "leaf.csr", *signed_by, "-days", "5", "-out", "leaf.crt")
    name = f"pgtls-trust-{family}-{os.getpid()}"
    subprocess.run(
        ["podman", "run", "--detach", "--name", name, f"localhost/pgtls-trust:{family}"],
        check=True,
        capture_output=True,
    )
    yield Host(family, name, tmp_path)
    subprocess.run(["podman", "rm", "--force", "--time", "0", name], check=True, capture_output=True)


def test_an_anchor_comes_stays_and_goes(host: Host) -> None:
    anchor = (host.folder / "ca.crt").read_text()
    added = host.module(certificate_pem=anchor)
    assert (added["changed"], added["style"]) == (True, host.family)
    stores = host.trusts(added["bundle"])
    assert stores == [True] * len(stores)
    command = "/usr/bin/update-ca-trust" if host.family in ("el", "arch") else "/usr/sbin/update-ca-certificates"
    assert host.run("sh", "-c", f"mv {command} {command}.kept && ln -s /bin/false {command}").returncode == 0
    assert host.module(certificate_pem=anchor)["changed"] is False, "a second run does not call the command"
    assert host.run("mv", "-f", f"{command}.kept", command).returncode == 0
    gone = host.module(state="absent")
    assert gone["changed"] is True
    assert host.trusts(added["bundle"]) == [False] * len(stores)
    assert host.module(state="absent")["changed"] is False
