# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of site.yml costs where nothing is due: the modules that each host starts, and the tasks that are skipped."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_site import Site, changed

CALLBACKS = Path(__file__).parent / "callbacks"
SERVICES = {"pgtls_client_service_file": "{{ demo_directory }}/pg_service.conf"}


@dataclass(frozen=True)
class Calls:
    """What one run did: (host, module) of each call, and of each skipped task, in order."""

    made: list[tuple[str, str]]
    skipped: list[tuple[str, str]]

    def of(self, host: str) -> list[str]:
        """The modules that ran on a host, whoever asked for it."""
        return [module for name, module in self.made if name == host]

    def __str__(self) -> str:
        hosts = dict.fromkeys(name for name, _module in self.made)
        lines = [f"{host}: {len(self.of(host))} ({', '.join(self.of(host))})" for host in hosts]
        skipped = Counter(f"{host} skipped {module}" for host, module in self.skipped)
        return "\n".join([*lines, *(f"{what}: {count}" for what, count in skipped.items())])


def counted(site: Site, folder: Path, *options: str, changes: bool = False) -> Calls:
    """Run site.yml, which changes something or nothing as said, and count."""
    told = folder / "calls.jsonl"
    told.unlink(missing_ok=True)
    counting = {
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "counted_calls",
        "PGTLS_COUNTED_CALLS": str(told),
    }
    output = Site(site.directory, {**site.environment, **counting}).play(*options)
    assert (changed(output) > 0) == changes
    lines = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    calls = Calls(
        [(line["host"], line["module"]) for line in lines if line["kind"] == "call"],
        [(line["host"], line["module"]) for line in lines if line["kind"] == "skipped"],
    )
    print(calls)
    return calls


INTERMEDIATES = [
    {"name": "servers", "common_name": "SW Galaxy Server CA", "usages": ["server"]},
    {"name": "clients", "common_name": "SW Galaxy Client CA", "usages": ["client"]},
]


@pytest.mark.parametrize(
    "variables",
    [
        SERVICES,
        {**SERVICES, "pgtls_ca_crl": False},
        {**SERVICES, "pgtls_ca_intermediates": INTERMEDIATES, "pgtls_server_lifetime_days": 365},
    ],
    ids=["as the demo", "without CRLs", "with intermediate CAs"],
)
def test_a_converged_run_stays_within_its_budget(converged: Site, tmp_path: Path, variables: dict[str, object]) -> None:
    options = ("-e", json.dumps(variables))
    converged.play(*options)
    calls = counted(converged, tmp_path, *options)
    assert calls.of("ca1") == ["host_requirements", "ca"], calls
    assert calls.of("raxus") == ["host_requirements", "pg_server"], calls
    assert calls.of("apps1") == ["host_requirements", "certificate_request", "pg_service", "connection_check"], calls
    # what signs is left out, a table that nobody wants, and a reload where no client names a program
    assert Counter(module for host, module in calls.skipped if host == "apps1") <= Counter(
        include_tasks=1, proof_table=1, certificate_reload=1
    ), calls


def test_a_first_run_makes_two_calls_more_on_each_host_and_signs_once_in_each_play(site: Site, tmp_path: Path) -> None:
    calls = counted(site, tmp_path, changes=True)
    signing, others = (
        [module for module in calls.of("ca1") if (module == "certificate_sign") == wanted] for wanted in (True, False)
    )
    assert len(signing) == 2 and others == ["host_requirements", "ca", "ca"], calls
    assert len(calls.of("raxus")) <= 2 + 2, calls
    assert calls.of("apps1") == [
        "host_requirements",
        "certificate_request",
        "certificate_install",
        "connection_check",
    ], calls


def test_a_proof_that_was_cut_off_before_the_revocation_is_completed_by_the_next_run(converged: Site) -> None:
    """The certificates that must be refused go to a new directory, and the run ends before the CA revokes the one of them."""
    directory = converged.directory / "shared/verify"
    options = ("-e", f"pgtls_verify_directory={directory}")
    converged.play("--limit", "apps1", *options, playbook="revoked_certificate")
    assert [oct(path.stat().st_mode & 0o777) for path in (directory, directory.parent)] == ["0o700", "0o755"]
    assert {path.name for path in directory.glob("*.crt")} == {
        f"{name}.crt" for name in ("expired", "foreign", "revoked", "server-only")
    }
    converged.play(*options)
    attempts = json.loads((directory / "report.json").read_text())["attempts"]
    assert [one["name"] for one in attempts if not one["as_expected"]] == []
    (revoked,) = [one for one in attempts if one["name"] == "revoked certificate"]
    assert "certificate revoked" in revoked["error"]
    assert changed(converged.play(*options)) == 0
