# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_sign a second time: what was issued stays the answer, whatever became of the run that issued it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority.open_or_create import open_authority
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority.signing import BATCH, sign_and_keep
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import Writer
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import SigningPolicy
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from inventory import OF_THE_INVENTORY, asked
from module_runner import run_module
from openssl_judge import openssl, verdict

SHAPE = "%Y-%m-%dT%H:%M:%SZ"


class Signer:
    """A CA, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = folder / "ca"
        self.made = self.ca()

    def ca(self, **more) -> dict:
        made = run_module("ca", {"directory": str(self.directory), "common_name": "Root", **more})
        assert not made["failed"], made
        return made

    def csr(self, name: str = "app1", subject: str = "/O=X/CN=app1") -> str:
        key = self.folder / f"{name}.key"
        if not key.exists():
            openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        return openssl("req", "-new", "-key", key, "-subj", subject)

    def request(self, name: str = "app1", **more) -> dict:
        known = {"common_name": "app1", "subject": {"O": "X"}, "usages": ["client"], "lifetime_days": 50}
        return {"name": name, "csr_pem": self.csr(name), **known, **more}

    def sign(self, *requests: dict, check=False, diff=False, **more) -> dict:
        args = {"directory": str(self.directory), **asked(*requests), **more}
        signed = run_module("certificate_sign", args, check, diff)
        assert not signed["failed"], signed
        return signed

    def issued(self) -> list[str]:
        return sorted(path.name for path in self.directory.rglob("*.crt") if path.parent.name == "issued")


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


def test_the_same_request_is_answered_with_the_same_certificate(signer):
    first = signer.sign(signer.request(dns_names=["b.example", "a.example"]))
    assert first["changed"]
    again_request = signer.request(dns_names=["a.example", "b.example"])  # another request: a new signature, and so on
    for check in (True, False):
        again = signer.sign(again_request, check=check, diff=True)
        assert (again["changed"], again["diff"]) == (False, [])
        assert again["certificates"] == [
            {**first["certificates"][0], "not_after": again["certificates"][0]["not_after"]}
        ]
    end = openssl(
        "x509", "-noout", "-enddate", "-dateopt", "iso_8601", stdin=first["certificates"][0]["certificate_pem"]
    )
    assert end.strip().replace(" ", "T").endswith(again["certificates"][0]["not_after"])
    assert signer.issued() == [f"app1.{first['certificates'][0]['serial_number']}.crt"]


def test_old_and_new_are_told_apart_in_one_call(signer):
    signer.sign(signer.request("app1"))
    mixed = signer.sign(signer.request("app1"), signer.request("app2"), diff=True)
    assert mixed["changed"]
    assert [diff["after_header"] for diff in mixed["diff"]] == [f"{signer.directory}/issued/app2.*.crt"]
    assert [one["name"] for one in mixed["certificates"]] == ["app1", "app2"]
    assert len(signer.issued()) == 2
    predicted = signer.sign(signer.request("app1"), signer.request("app3"), check=True)
    assert [one["certificate_pem"] is None for one in predicted["certificates"]] == [False, True]


def test_whatever_differs_is_signed_anew(signer):
    (first,) = signer.sign(signer.request())["certificates"]
    changes = [
        {"dns_names": ["a.example"]},
        {"ip_addresses": ["10.0.0.1"]},
        {"usages": ["server", "client"], "dns_names": ["a.example"]},
        {"subject": {}},
        {"common_name": "app2"},
        {"csr_pem": signer.csr("another")},
        {"lifetime_days": 52},
        {"lifetime_days": 48},
    ]
    for change in changes:
        predicted = signer.sign(signer.request(**change), check=True)
        assert predicted["changed"], change
        signed = signer.sign(signer.request(**change))
        assert signed["changed"], change
        assert signed["certificates"][0]["serial_number"] != first["serial_number"]
    assert signer.sign(signer.request())["certificates"][0]["serial_number"] == first["serial_number"]
    other = signer.sign({**signer.request(), "name": "app2"})  # the very same, but issued under another name
    assert other["changed"]


def test_an_exact_end_is_met_exactly(signer):
    exact = (datetime.now(timezone.utc) + timedelta(days=60)).replace(microsecond=0)
    signer.sign(signer.request("app3", not_after=exact.strftime(SHAPE)))
    assert signer.sign(signer.request("app3", not_after=exact.strftime(SHAPE)))["changed"] is False
    assert (
        signer.sign(signer.request("app3", not_after=(exact - timedelta(hours=1)).strftime(SHAPE)))["changed"] is True
    )
    begin = exact - timedelta(days=90)
    both = {"not_before": begin.strftime(SHAPE), "not_after": exact.strftime(SHAPE)}
    assert signer.sign(signer.request("app3", **both))["changed"] is True
    assert signer.sign(signer.request("app3", **both))["changed"] is False


def test_a_revoked_certificate_is_no_answer(signer):
    (first,) = signer.sign(signer.request())["certificates"]
    args = {"directory": str(signer.directory), "revocations": [{"name": "app1"}]}
    assert run_module("certificate_revoke", args)["changed"]
    (second,) = signer.sign(signer.request())["certificates"]
    assert second["serial_number"] != first["serial_number"]
    assert signer.sign(signer.request())["certificates"] == [second]


def test_nothing_is_signed_around_a_hold(signer):
    (first,) = signer.sign(signer.request())["certificates"]
    args = {"directory": str(signer.directory)}
    hold = {"serial_number": first["serial_number"], "reason": "certificateHold"}
    assert run_module("certificate_revoke", {**args, "revocations": [hold]})["changed"]
    for request in (signer.request(), signer.request(csr_pem=signer.csr("another"))):
        refused = run_module("certificate_sign", {**args, **asked(request)})
        assert refused["msg"] == (
            f"the certificate app1 is on hold at its CA (serial number {first['serial_number']}), so no other one is "
            "signed; release it, or revoke it for good"
        )
    assert len(signer.issued()) == 1
    other = signer.sign(signer.request(common_name="app2", csr_pem=signer.csr("another")))
    assert other["changed"], "a hold of one certificate is none of another, although both have one name"
    run_module("certificate_revoke", {**args, "revocations": [{**hold, "state": "released"}]})
    assert signer.sign(signer.request())["certificates"] == [first]
    run_module("certificate_revoke", {**args, "revocations": [{**hold, "reason": "keyCompromise"}]})
    assert signer.sign(signer.request())["certificates"][0]["serial_number"] != first["serial_number"]


def test_the_certificate_of_a_ca_that_is_no_more_is_no_answer(signer):
    signer.sign(signer.request())
    for name in ("ca.key", "ca.crt", "chain.crt"):
        (signer.directory / name).unlink()
    remade = signer.ca()
    signed = signer.sign(signer.request())
    assert signed["changed"]
    (one,) = signed["certificates"]
    assert verdict(signer.folder, one["certificate_pem"], remade["chain_pem"], "client") == "OK"


def test_the_limits_hold_for_an_answer_too(signer):
    signer.sign(signer.request())
    args = {"directory": str(signer.directory), **asked(signer.request())}
    refused = run_module("certificate_sign", {**args, "max_lifetime_days": 49})
    assert "is longer than max_lifetime_days (49)" in refused["msg"]
    refused = run_module("certificate_sign", {**args, "allowed_usages": ["server"]})
    assert "the usage client is not in allowed_usages" in refused["msg"]


def test_an_intermediate_signs_and_answers_for_itself(signer):
    signer.sign(signer.request())
    below = signer.ca(intermediate="clients", common_name="Clients", lifetime_days=100, usages=["client"])
    signed = signer.sign(signer.request(), intermediate="clients")
    (one,) = signed["certificates"]
    assert (signed["changed"], one["issuer"], one["chain_pem"]) == (True, "CN=Clients", below["chain_pem"])
    assert (signer.directory / "below/clients/issued" / f"app1.{one['serial_number']}.crt").exists()
    assert verdict(signer.folder, one["certificate_pem"], one["chain_pem"], "client") == "OK"
    assert signer.sign(signer.request(), intermediate="clients")["changed"] is False
    args = {"directory": str(signer.directory), "intermediate": "clients"}
    server = signer.request("db1", usages=["server"], dns_names=["db1.example"])
    before = signer.issued()
    more = [{**signer.request("app2"), "name": f"more{number}"} for number in range(60)]  # a batch is full before
    refused = run_module("certificate_sign", {**args, **asked(*more, server)})
    assert "the CA CN=Clients is for client alone, not for server" in refused["msg"]
    assert signer.issued() == before
    unknown = run_module("certificate_sign", {**args, "intermediate": "no/such", **asked()})
    assert "intermediate is 'no/such'" in unknown["msg"]
    missing = {**args, "intermediate": "missing", **asked(signer.request())}
    assert f"there is no CA in {signer.directory}/below/missing" in run_module("certificate_sign", missing)["msg"]
    promised = run_module("certificate_sign", missing, check=True)
    assert (promised["changed"], promised["certificates"][0]["chain_pem"]) == (True, None)


ONE_RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from module_runner import run_module
print(json.dumps(run_module("certificate_sign", json.load(open(sys.argv[2])))["changed"]), flush=True)
"""


def test_a_killed_run_leaves_whole_certificates_and_the_next_finishes(signer):
    csr = signer.csr()
    names = [f"app{number}" for number in range(400)]
    requests = [{"name": name, "csr_pem": csr, "usages": ["client"], "lifetime_days": 50} for name in names]
    (signer.folder / "args.json").write_text(json.dumps({"directory": str(signer.directory), **asked(*requests)}))
    tests = str(Path(__file__).parents[2])
    run = subprocess.Popen(
        [sys.executable, "-c", ONE_RUN, tests, str(signer.folder / "args.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until = time.monotonic() + 60
    while len(signer.issued()) < 60 and time.monotonic() < until:
        time.sleep(0.001)
    run.send_signal(signal.SIGKILL)
    assert (run.communicate()[0], run.returncode) == (b"", -signal.SIGKILL)
    finished = signer.issued()
    assert 60 <= len(finished) < 400

    signed = signer.sign(*requests)
    kept = {f"{one['name']}.{one['serial_number']}.crt": one["certificate_pem"] for one in signed["certificates"]}
    assert signer.issued() == sorted(kept)
    assert set(finished) < set(kept)
    assert {path.name: path.read_text() for path in (signer.directory / "issued").glob("*.crt")} == kept
    assert len({one["serial_number"] for one in signed["certificates"]}) == 400
    assert signer.sign(*requests)["changed"] is False


def test_what_was_signed_before_a_failure_stays(signer):
    """The second batch cannot be signed; the first one is kept before that shows."""
    authority, now = open_authority(str(signer.directory), None), datetime.now(timezone.utc)
    assert authority is not None
    known = dict.fromkeys(OF_THE_INVENTORY) | {"dns_names": [], "ip_addresses": [], **signer.request()}
    taken = asked(*({**known, "name": f"app{number}"} for number in range(BATCH + 1)))
    orders = read_orders(taken["certificates"], taken["requests"], authority, SigningPolicy(3650), now)
    orders[-1] = replace(orders[-1], entry=replace(orders[-1].entry, lifetime=Lifetime(9999)))
    writer = Writer(False, pytest.fail, lambda path, name, existed: None)
    with pytest.raises(PkiError, match="would expire"):
        sign_and_keep(writer, str(signer.directory), orders, authority, now)
    assert len(signer.issued()) == BATCH
