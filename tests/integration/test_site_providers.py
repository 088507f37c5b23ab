# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites whose CA has another shape, or is somebody else's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import free_port
from demo_site import Site, changed, demo_site
from somebody_elses_ca import SomebodyElsesCa


@pytest.fixture(name="fresh")
def _fresh() -> Iterator[Site]:
    with demo_site(free_port()) as made:
        yield made


def run(*command: str) -> None:
    """Run a program that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


def test_a_server_ca_and_a_client_ca_below_the_root(fresh: Site) -> None:
    shape = {
        "pgtls_ca_passphrase": "of the root and those below",
        "pgtls_server_lifetime_days": 365,
        "pgtls_ca_dns_domains": ["swgalaxy", "invalid"],
        "pgtls_ca_intermediates": [
            {"name": "servers", "common_name": "SW Galaxy Server CA", "usages": ["server"]},
            {"name": "clients", "common_name": "SW Galaxy Client CA", "usages": ["client"]},
        ],
    }
    options = ("-e", json.dumps(shape))
    fresh.play(*options)
    assert changed(fresh.play(*options)) == 0
    root = fresh.directory / "clients/rootCA.pem"
    for file, purpose, ca in (
        ("data/postgres_server.crt", "sslserver", "Server CA"),
        ("clients/app1.crt", "sslclient", "Client CA"),
    ):
        path = fresh.directory / file
        below = ["-untrusted", str(path)]
        run("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", str(root), *below, str(path))
        shown = subprocess.run(
            ["openssl", "x509", "-in", str(path), "-noout", "-issuer"], check=True, capture_output=True, text=True
        )
        assert ca in shown.stdout
    rotated = (*options, "-e", "pgtls_ca_generation=2")
    fresh.play(*rotated, playbook="rotate_ca")
    assert changed(fresh.play(*rotated, playbook="rotate_ca")) == 0
    assert changed(fresh.play(*options)) == 0
    assert "of the root and those below" not in "".join(fresh.said)


def test_a_server_key_with_a_passphrase(fresh: Site) -> None:
    options = ("-e", json.dumps({"pgtls_server_key_passphrase": "opens the server's key"}))
    fresh.play(*options)
    assert b"ENCRYPTED PRIVATE KEY" in (fresh.directory / "data/postgres_server.key").read_bytes()
    assert changed(fresh.play(*options)) == 0
    fresh.server("stop")
    fresh.server("start")
    assert changed(fresh.play(*options, "-vvv", "--diff")) == 0
    assert "opens the server's key" not in "".join(fresh.said)


def test_a_command_signs(fresh: Site, tmp_path: Path) -> None:
    options = {**SomebodyElsesCa(tmp_path).variables("command"), "pgtls_server_lifetime_days": 365}
    fresh.play("-e", json.dumps(options))
    report = json.loads((fresh.directory / "verify/report.json").read_text())
    assert {one["outcome"] for one in report["attempts"]} == {"accepted", "refused"}
    assert changed(fresh.play("-e", json.dumps(options))) == 0


def test_signed_by_hand_elsewhere(fresh: Site, tmp_path: Path) -> None:
    signer = SomebodyElsesCa(tmp_path)
    options = ("-e", json.dumps({**signer.variables("external"), "pgtls_server_lifetime_days": 365}))
    first = fresh.play(*options)
    assert "server-raxus" in first and "and run again" in first
    assert changed(fresh.play(*options)) == 0
    assert signer.sign_all() == ["apps1.app1.csr", "apps1.app2.csr", "raxus.server-raxus.csr"]
    assert changed(fresh.play(*options)) > 0
    assert changed(fresh.play(*options)) == 0
    report = json.loads((fresh.directory / "verify/report.json").read_text())
    assert [one["name"] for one in report["attempts"] if not one["as_expected"]] == []
    assert len(report["attempts"]) > 20
