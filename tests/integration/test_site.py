# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml as a whole, on the demo's inventory: prediction, result, silence of the second run, and the secrecy of keys.

The tests build on each other in the order they stand, as a site's life does.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from demo_site import RECAP, Site, changed


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
        "verify/revoked.key",
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
