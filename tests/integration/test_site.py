# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml as a whole, on the demo's inventory: prediction, result, silence of the second run, and the secrecy of keys.

The tests build on each other in the order they stand, as a site's life does.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
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
        (
            {"pgtls_clients": [{"name": "a", "common_name": "A", "database_role": "a", "hosts": ["all"]}]},
            "pgtls_clients names the group all, which gives no host a certificate",
        ),
        ({"pgtls_server_dns_names": []}, "raxus is a server but has no pgtls_server_dns_names"),
        ({"pgtls_ca_host": "elsewhere"}, "pgtls_ca_host is elsewhere, which is not a host of the group ca"),
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
    assert len(attempts) == 27
    assert 0 < max(one["seconds"] for one in attempts) <= report["seconds"] <= sum(one["seconds"] for one in attempts)
    assert re.fullmatch(r"27 attempts in \d+\.\d seconds, 27 as expected", report["table"][-1])
    assert [one["name"] for one in attempts if not one["as_expected"]] == []
    accepted = [one for one in attempts if one["outcome"] == "accepted"]
    assert {one["evidence"]["role"] for one in accepted} == {"app1", "app2", "report"}
    pinned = "ssl_max_protocol_version"
    assert {one["evidence"]["tls_version"] for one in accepted if pinned not in one["conninfo"]} == {"TLSv1.3"}
    assert {one["evidence"]["tls_version"] for one in accepted if pinned in one["conninfo"]} == {"TLSv1.2"}


# Every refusal of the demo: the words of the server or of libpq, and what alone differs from an accepted connection.
CERTIFICATE = {"sslcert", "sslkey"}
WITHOUT_TLS = {"sslmode", "sslrootcert", *CERTIFICATE}  # libpq looks at no certificate without TLS
REFUSALS = {
    r"app\d's certificate as app\d": (r"FATAL: certificate authentication failed for user \"app\d\"", {"user"}),
    # the demo lets others in by password; without that, a rule rejects them
    r"app\d's certificate as its common name": (r"fe_sendauth: no password supplied", {"user"}),
    "certificate of another CA": (r"alert unknown ca", CERTIFICATE),
    "expired certificate": (r"alert certificate expired", CERTIFICATE),
    "revoked certificate": (r"alert certificate revoked", CERTIFICATE),
    "server-only certificate": (r"alert unsupported certificate", CERTIFICATE),
    r"app\d without certificate": (r"FATAL: connection requires a valid client certificate", CERTIFICATE),
    r"(app\d|report) without TLS": (
        r"FATAL: pg_hba.conf rejects connection for host .*, no encryption",
        WITHOUT_TLS,
    ),
    r"app\d, name not in certificate": (r"server certificate for .* does not match host name", {"host"}),
    "server of another CA": (r"SSL error: certificate verify failed", {"sslrootcert"}),
    "report, wrong password": (r"FATAL: password authentication failed for user \"report\"", set()),
    "TLS 1.1": (
        r"the server at \S+ refused the TLS handshake: .*alert protocol version",
        {"ssl_min_protocol_version", "ssl_max_protocol_version"},
    ),
}


def refusals(site: Site) -> list[tuple[dict, str, set[str]]]:
    """Every refused attempt of the last run with the words and the difference that it must have."""
    attempts = json.loads((site.directory / "verify/report.json").read_text())["attempts"]
    found = []
    for one in attempts:
        if one["expect"] == "refused":
            meant = [what for name, what in REFUSALS.items() if re.fullmatch(name, one["name"])]
            assert len(meant) == 1, one["name"]
            found.append((one, *meant[0]))
    return found


def test_every_refusal_has_the_words_of_the_server_or_of_libpq(site: Site) -> None:
    found = refusals(site)
    for one, words, _difference in found:
        assert one["outcome"] == "refused" and re.search(words, one["error"]), one
        assert one["because"] == "refused for the stated reason"
    names = {one["name"] for one, *_rest in found}
    assert [name for name in REFUSALS if not any(re.fullmatch(name, other) for other in names)] == []


def test_every_refusal_has_an_accepted_twin_that_differs_in_nothing_but_the_fault(site: Site) -> None:
    attempts = json.loads((site.directory / "verify/report.json").read_text())["attempts"]
    accepted = [one["conninfo"] for one in attempts if one["outcome"] == "accepted"]
    for one, _words, difference in refusals(site):
        refused = one["conninfo"]
        differences = [
            {key for key in {*refused, *twin} if refused.get(key) != twin.get(key)}
            for twin in accepted
            if twin["user"] == refused["user"] or "user" in difference
        ]
        assert any(found <= difference for found in differences), (one, min(differences, key=len))


def test_the_certificates_that_are_refused_have_one_fault_each(site: Site) -> None:
    def facts(name: str) -> dict[str, object]:
        """What a server looks at in a certificate."""
        found = x509.load_pem_x509_certificate((site.directory / name).read_bytes())
        return {
            "subject": found.subject,
            "issuer": found.issuer,
            "usage": found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value,
            "ended": found.not_valid_after_utc < datetime.now(UTC),
        }

    good = facts("clients/app1.crt")
    faults = {"foreign": {"issuer"}, "expired": {"ended"}, "server-only": {"usage"}, "revoked": {"subject"}}  # nobody's
    for name, fault in faults.items():
        bad = facts(f"verify/{name}.crt")
        assert {key for key in good if good[key] != bad[key]} == fault, name


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


def test_hosts_share_what_is_tried_once_for_each_server(site: Site) -> None:
    """A second host that holds the same clients; what only a run of site.yml prepares, the revoked certificate, is left out."""
    second = {"pgtls_verify_directory": str(site.directory / "verify2")}
    inventory = site.directory / "second.json"
    inventory.write_text(json.dumps({"apps": {"hosts": {"apps2": second}}}))
    site.play("-i", str(inventory), "-e", '{"pgtls_ca_crl": false}', playbook="verify")
    tried = [
        [
            one
            for one in json.loads((site.directory / where / "report.json").read_text())["attempts"]
            if one["as_expected"]
        ]
        for where in ("verify", "verify2")
    ]
    # two clients on each host, and once what is about the server
    assert sum(len(attempts) for attempts in tried) == 2 * 2 + 3 * 3 - 1 + 16
    kinds = [
        {re.sub(r"app\d", "app", one["name"]) for one in attempts if one["expect"] == "refused"} for attempts in tried
    ]
    assert kinds[0] and kinds[1] and not kinds[0] & kinds[1]
    meant = [
        name.replace(r"\d", "").replace("(app|report)", "app") for name in REFUSALS if name != "revoked certificate"
    ]
    assert kinds[0] | kinds[1] == {*meant, "report without TLS"}


@pytest.mark.parametrize(
    "variables",
    [
        {"pgtls_ca_common_name": "Another Root CA"},
        {
            "pgtls_ca_intermediates": [
                {"name": "clients", "common_name": "Client CA", "usages": ["client"], "lifetime_days": 0}
            ]
        },
        {"pgtls_ca_crl_lifetime_days": 5},  # less than the days before which it is renewed
    ],
    ids=["the root", "an intermediate CA", "the CRLs"],
)
def test_no_host_goes_on_when_the_ca_failed(site: Site, variables: dict[str, object]) -> None:
    """A client has lost its certificate, which would be issued again. Another CA is well, else Ansible ends the run by itself."""
    (site.directory / "clients/app1.crt").unlink(missing_ok=True)
    well = {"pgtls_ca_host": "ca2", "pgtls_ca_directory": str(site.directory / "ca2")}
    inventory = site.directory / "two_cas.json"
    inventory.write_text(json.dumps({"ca": {"hosts": {"ca1": variables, "ca2": well}}}))
    before = site.state()
    output = site.play("-i", str(inventory), succeeds=False)
    assert "The CA on ca1 failed (its message is above); nothing was changed on this host." in " ".join(output.split())
    assert {name: state for name, state in site.state().items() if not name.startswith("ca2/")} == {
        name: state for name, state in before.items() if not name.startswith("ca2/")
    }


def test_the_mode_require_refuses_plaintext_too_and_to_everybody(site: Site) -> None:
    site.play("-e", "pgtls_server_tls_mode=require", "-e", "pgtls_verify_depth=full")
    attempts = json.loads((site.directory / "verify/report.json").read_text())["attempts"]
    assert [one["name"] for one in attempts if not one["as_expected"]] == []
    assert len(attempts) == 38
    without = [one for one, *_rest in refusals(site) if one["name"].endswith("without TLS")]
    assert {one["conninfo"]["user"] for one in without} == {"app1", "app2", "report"}
    assert all(one["as_expected"] and "no encryption" in one["error"] for one in without)
