# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml as a whole, on the demo's inventory: prediction, result, silence of the second run, and the secrecy of keys.

The tests build on each other in the order they stand, as a site's life does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import free_port
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

CHECKOUT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass
class Site:
    """A site on this machine: where it is, and all that ansible-playbook has ever said about it."""

    directory: Path
    environment: dict[str, str]
    said: list[str] = field(default_factory=list)

    def play(self, *options: str, succeeds: bool = True) -> str:
        """Run site.yml and return what it printed."""
        command = [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            "inventories/demo",
            "playbooks/site.yml",
            *options,
        ]
        done = subprocess.run(command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        self.said.append(output)
        assert (done.returncode == 0) == succeeds, output
        return output

    def server(self, action: str) -> None:
        """Stop or start the server."""
        owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
        binary = subprocess.run(
            [
                "sh",
                "-c",
                "ls -d /usr/lib/postgresql/*/bin/pg_ctl /usr/pgsql-*/bin/pg_ctl 2>/dev/null | sort -V | tail -1",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        arguments = ["-D", str(self.directory / "data"), "-l", str(self.directory / "log/postgresql.log"), "-w", action]
        subprocess.run([*owner, binary or "pg_ctl", *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def private_keys(self) -> list[Path]:
        """Return every file below the site that holds a private key."""
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return [path for path in files if b"PRIVATE KEY-----" in path.read_bytes()]

    def state(self) -> dict[str, str]:
        """Return mode and digest of every file but those that a running server writes."""
        found = {}
        for path in self.directory.rglob("*"):
            relative = path.relative_to(self.directory)
            ours = relative.parts[0] != "data" or path.suffix in (".conf", ".crt", ".key", ".pem", ".next")
            # the log and the report tell what was tried; they are no part of the site's state
            if path.is_file() and ours and relative.parts[0] not in ("log", "run") and path.name != "report.json":
                found[str(relative)] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        return found


def changed(output: str) -> int:
    """Return the number of changes over all hosts that the recap tells."""
    recap = RECAP.findall(output)
    assert recap, output
    return sum(int(numbers[2]) for numbers in recap)


@pytest.fixture(name="site", scope="module")
def _site() -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="pgtls-site-", dir="/var/tmp"))
    directory.chmod(0o755)
    environment = {
        **os.environ,
        "PGTLS_DEMO_DIR": str(directory),
        "PGTLS_DEMO_PORT": str(free_port()),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "controller"),
        "ANSIBLE_REMOTE_TMP": str(directory / "remote"),
        "ANSIBLE_NOCOLOR": "1",
    }
    script = str(CHECKOUT / "scripts/demo-cluster.sh")
    subprocess.run([script, "start", str(directory)], env=environment, check=True)
    environment["PGTLS_DEMO_PASSWORD"] = (directory / "password").read_text()
    yield Site(directory, environment)
    subprocess.run([script, "clean", str(directory)], env=environment, check=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (
            {"pgtls_clients": [{"name": "a", "common_name": "A", "database_role": "a", "hosts": ["nowhere"]}]},
            "pgtls_clients names hosts that the inventory does not have: nowhere; correct the key hosts of a.",
        ),
        ({"pgtls_server_dns_names": []}, "raxus is a server but has no pgtls_server_dns_names"),
        ({"pgtls_ca_host": "elsewhere"}, "pgtls_ca_host is elsewhere, which is no host of the group ca"),
        ({"pgtls_ca_adopt": {"certificate": "/nowhere/ca.crt", "private_key": "/nowhere/ca.key"}}, "/nowhere/ca.crt"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(site: Site, option: dict[str, object], sentence: str) -> None:
    before = site.state()
    output = site.play("-e", json.dumps(option), succeeds=False)
    assert sentence in " ".join(output.split())
    assert changed(output) == 0
    assert site.state() == before


def test_check_mode_on_a_fresh_target_predicts_and_changes_nothing(site: Site) -> None:
    before = site.state()
    output = site.play("--check", "--diff")
    assert changed(output) > 0
    assert site.state() == before


def test_the_run_does_what_check_mode_said(site: Site) -> None:
    def changed_tasks(output: str) -> list[str]:
        task, found = "", []
        for line in output.splitlines():
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                task = line.split("[", 1)[1].rsplit("]", 1)[0]
            elif line.startswith("changed: ["):
                found.append(f"{line.split()[1]} {task}")
        return found

    said = changed_tasks(site.said[-1])
    done = changed_tasks(site.play("-vvv", "--diff"))
    # connections are not tried in check mode, so their report is not predicted
    assert said == [task for task in done if "Try every connection" not in task]


def test_every_attempt_ended_as_expected(site: Site) -> None:
    report = json.loads((site.directory / "verify/report.json").read_text())
    attempts = report["attempts"]
    assert len(attempts) >= 30
    assert [one["name"] for one in attempts if not one["as_expected"]] == []
    accepted = [one for one in attempts if one["outcome"] == "accepted"]
    assert {one["evidence"]["role"] for one in accepted} == {"app1", "app2", "report"}
    assert {one["evidence"]["tls_version"] for one in accepted} == {"TLSv1.3"}
    assert all(one["error"] for one in attempts if one["outcome"] == "refused")


def test_second_run_and_check_mode_change_nothing(site: Site) -> None:
    assert changed(site.play()) == 0
    assert changed(site.play("--check", "--diff")) == 0


def test_no_private_key_left_its_place(site: Site) -> None:
    keys = site.private_keys()
    names = {str(path.relative_to(site.directory)) for path in keys}
    assert names == {
        "ca/ca.key",
        "data/postgres_server.key",
        "clients/app1.key",
        "clients/app2.key",
        "verify/expired.key",
        "verify/server-only.key",
        "verify/foreign.key",
        "verify/foreign-ca/ca.key",
    }
    assert {oct(path.stat().st_mode & 0o777) for path in keys} == {"0o600"}
    assert "PRIVATE KEY" not in "".join(site.said)
    others = [path.read_bytes() for path in site.directory.rglob("*") if path.is_file() and path not in keys]
    haystack = b"\0".join(_without_breaks(content) for content in [*others, "\0".join(site.said).encode()])
    for path in keys:
        assert not any(needle in haystack for needle in _needles(path)), path
        # the search itself works: it finds the key where it is
        assert any(needle in _without_breaks(path.read_bytes()) for needle in _needles(path))
    assert site.environment["PGTLS_DEMO_PASSWORD"] not in "".join(site.said)


def _without_breaks(content: bytes) -> bytes:
    return content.replace(b"\\n", b"").replace(b"\n", b"")


def _needles(path: Path) -> list[bytes]:
    """The private number of a key as it would look raw, in hexadecimal, and in base64 wherever it begins."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    numbers = key.private_numbers()
    number = numbers.private_value if isinstance(numbers, ec.EllipticCurvePrivateNumbers) else numbers.d
    secret = number.to_bytes((number.bit_length() + 7) // 8, "big")
    encoded = [base64.b64encode(bytes(shift) + secret)[4:36] for shift in range(3)]
    return [secret, secret.hex().encode(), *encoded]


def test_the_ca_host_is_not_contacted_when_nothing_is_due(site: Site) -> None:
    output = site.play("--limit", "all:!ca1")
    assert changed(output) == 0
    assert "ca1" not in {host for host, *_counts in RECAP.findall(output)}
    assert "-> ca1" not in output


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"pgtls_server_data_directory": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"pgtls_ca_passphrase": "of another key"}, "passphrase"),
    ],
)
def test_what_the_hosts_refuse_is_one_sentence_and_changes_nothing(
    site: Site, option: dict[str, object], sentence: str
) -> None:
    before = site.state()
    output = site.play("-e", json.dumps(option), succeeds=False)
    assert sentence in output and "Traceback" not in output
    assert changed(output) == 0
    assert site.state() == before


def test_a_server_that_is_down_is_one_sentence_and_changes_nothing(site: Site) -> None:
    before = site.state()
    site.server("stop")
    try:
        output = site.play(succeeds=False)
    finally:
        site.server("start")
    assert "is not running" in output and "Traceback" not in output
    assert changed(output) == 0
    assert site.state() == before
