# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_exchange with somebody who signs by openssl."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates.exchange_directory import (
    ExchangeFolder,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import Writer
from foreign_ca import ForeignCa, Holder
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl, verdict


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> ForeignCa:
    return ForeignCa(tmp_path_factory.mktemp("foreign") / "ca")


class Office:
    """The exchange folder and one holder, host h1."""

    def __init__(self, folder: Path) -> None:
        self.holder = Holder(folder / "holder")
        self.folder = folder / "exchange"
        self.csr, self.signed = self.folder / "requests/h1.app1.csr", self.folder / "signed/h1.app1.crt"

    def exchange(self, requests: list[dict], **how) -> dict:
        certificates = list(self.holder.inventory.values())
        args = {"directory": str(self.folder), "host": "h1", "certificates": certificates, "requests": requests}
        return run_module("certificate_exchange", {**args, **how.pop("more", {})}, **how)

    def files(self) -> dict[str, tuple[bytes, int]]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def waits(result: dict) -> bool:
    """Whether app1 waits, and the run says so."""
    assert not result["failed"], result
    assert result["certificates"] == []
    assert "1 certificates of h1 wait for their CA (app1); have the requests" in result["warnings"][-1]
    return result["waiting"] == ["app1"]


def test_a_request_waits_and_asking_again_changes_nothing(office):
    item = office.holder.item()
    first = office.exchange(office.holder.requests(item))
    assert first["changed"]
    assert waits(first)
    assert "CN=PostgreSQL app1" in openssl(
        "req", "-noout", "-verify", "-text", "-nameopt", "RFC2253", "-in", office.csr
    )
    assert (mode_of(office.csr), mode_of(office.csr.parent), mode_of(office.signed.parent)) == (0o644, 0o755, 0o755)
    before = office.files()
    again = office.holder.requests(item)
    assert again[0]["csr_pem"].encode() != office.csr.read_bytes()  # another signature by the same key
    second = office.exchange(again)
    assert not second["changed"]
    assert waits(second)
    assert office.files() == before


def test_modes_that_somebody_chose_stay(office):
    requests = office.holder.requests(office.holder.item())
    office.exchange(requests)
    office.csr.chmod(0o664)
    office.signed.parent.chmod(0o775)
    assert not office.exchange(requests)["changed"]
    assert (mode_of(office.csr), mode_of(office.signed.parent)) == (0o664, 0o775)


def test_what_comes_back_is_installed_and_then_nothing_is_left_to_do(ca, office):
    item = office.holder.item()
    office.exchange(office.holder.requests(item))
    leaf = ca.sign(office.csr.read_text())
    office.signed.write_text(leaf + ca.chain)
    back = office.exchange(office.holder.requests(item))
    assert (back["changed"], back["waiting"], back["warnings"]) == (True, [], [])
    (one,) = back["certificates"]
    assert (one["name"], one["certificate_pem"], one["chain_pem"]) == ("app1", leaf, ca.chain)
    assert (one["issuer"], one["not_after"][-1]) == ("CN=Issuing CA,O=Elsewhere", "Z")
    assert not office.csr.exists()
    installed = office.holder.install(item, signed=back["certificates"])
    assert (installed["failed"], installed["changed"]) == (False, True)
    assert verdict(office.holder.folder, leaf, ca.chain, "server") == "OK"
    assert office.holder.requests(item) == []
    before = office.files()
    rest = office.exchange([])
    assert (rest["changed"], rest["certificates"], rest["waiting"], rest["warnings"]) == (False, [], [], [])
    assert office.files() == before


def test_a_run_killed_before_the_install_gets_the_certificate_again(ca, office):
    item = office.holder.item()
    office.exchange(office.holder.requests(item))
    office.signed.write_text(ca.sign(office.csr.read_text()) + ca.chain)
    first = office.exchange(office.holder.requests(item))
    assert office.exchange(office.holder.requests(item))["certificates"] == first["certificates"]


def test_a_renewal_waits_while_the_old_certificate_lies_there(ca, office, tmp_path):
    item = office.holder.item(lifetime_days=100, renew_before_days=30)
    requests = office.holder.requests(item)
    started = (datetime.now(timezone.utc) - timedelta(days=80)).strftime("%Y-%m-%dT%H:%M:%SZ")
    authority = {"directory": str(tmp_path / "ca"), "common_name": "Elsewhere"}
    root = run_module("ca", authority)["root_pem"]
    old = asked({**item, "renew_before_days": 1, "not_before": started, "csr_pem": requests[0]["csr_pem"]})
    (one,) = run_module("certificate_sign", {"directory": authority["directory"], **old})["certificates"]
    office.exchange(requests)
    office.signed.write_text(one["certificate_pem"] + root)
    waiting = office.exchange(requests)
    assert waits(waiting)
    assert f"{office.signed} is not as requested (its renewal is due: it expires on 20" in waiting["warnings"][0]
    assert office.csr.exists()
    new = ca.sign(requests[0]["csr_pem"], days=200)
    office.signed.write_text(new + ca.chain)
    assert office.exchange(requests)["certificates"][0]["certificate_pem"] == new


def test_a_certificate_of_a_ca_that_signs_no_more_does_not_count(ca, office, tmp_path):
    item = office.holder.item()
    requests = office.holder.requests(item)
    office.exchange(requests)
    office.signed.write_text(ca.sign(requests[0]["csr_pem"]) + ca.chain)
    successor = ForeignCa(tmp_path / "successor")
    waiting = office.exchange(requests, more={"issuer_pem": successor.chain})
    assert waits(waiting)
    assert f"{office.signed} was signed by a CA other than the one in issuer_pem" in waiting["warnings"][0]
    office.signed.write_text(successor.sign(requests[0]["csr_pem"]))
    (one,) = office.exchange(requests, more={"issuer_pem": successor.chain})["certificates"]
    assert one["chain_pem"] == successor.chain


def test_hosts_may_come_together_and_each_has_its_own_files(ca, office, tmp_path):
    other = Holder(tmp_path / "other")
    wishes = [
        {**holder.item(), **holder.requests(holder.item())[0], "host": host}
        for host, holder in (("h1", office.holder), ("h2", other))
    ]
    both = office.exchange([], more={**asked(*wishes), "host": None})
    assert both["waiting"] == ["app1", "app1"]
    assert "2 certificates of 2 hosts wait for their CA (app1, app1)" in both["warnings"][0]
    assert sorted(path.name for path in office.csr.parent.iterdir()) == ["h1.app1.csr", "h2.app1.csr"]
    office.signed.write_text(ca.sign(office.csr.read_text()) + ca.chain)
    (one,) = office.exchange([], more={**asked(*wishes), "host": None})["certificates"]
    assert (one["host"], one["name"]) == ("h1", "app1")
    nameless = office.exchange([], more={**asked({**wishes[0], "host": ""}), "host": None})
    assert nameless["msg"] == "the certificate app1 has no host; give it in certificates, or the option host"
    one_file = [{**wishes[0], "host": "a", "name": "b.c"}, {**wishes[1], "host": "a.b", "name": "c"}]
    assert "two requests would be the file" in office.exchange([], more=asked(*one_file))["msg"]


def test_the_chain_may_lie_once_for_all(ca, office):
    requests = office.holder.requests(office.holder.item("app1"), office.holder.item("app2"))
    office.exchange(requests)
    for request in requests:
        (office.folder / "signed" / f"h1.{request['name']}.crt").write_text(ca.sign(request["csr_pem"]))
    (office.folder / "signed/chain.crt").write_text(ca.root.read_text() + ca.sub.read_text())
    back = office.exchange(requests)
    assert [one["chain_pem"] for one in back["certificates"]] == [ca.chain, ca.chain]


def test_some_come_back_and_the_others_wait(ca, office):
    requests = office.holder.requests(office.holder.item("app1"), office.holder.item("app2"))
    office.exchange(requests)
    office.signed.write_text(ca.sign(requests[0]["csr_pem"]) + ca.chain)
    back = office.exchange(requests)
    assert ([one["name"] for one in back["certificates"]], back["waiting"]) == (["app1"], ["app2"])
    assert sorted(path.name for path in office.csr.parent.iterdir()) == ["h1.app2.csr"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"dns_names": ["db.swgalaxy"]},
            "(the names are db.swgalaxy, 10.0.0.1, not app1.swgalaxy, db.swgalaxy, 10.0.0.1)",
        ),
        ({"common_name": "root"}, "(the subject is CN=root, not CN=PostgreSQL app1)"),
        ({"usages": ["server", "client"]}, "(the usages are server, client, not server)"),
    ],
)
def test_a_signed_file_for_something_else_does_not_count(ca, office, change, said):
    other = office.holder.requests(office.holder.item(**change))
    office.exchange(other)
    office.signed.write_text(ca.sign(other[0]["csr_pem"]) + ca.chain)
    requests = office.holder.requests(office.holder.item())
    result = office.exchange(requests)
    assert waits(result)
    assert f"{office.signed} is not as requested {said}; have {office.csr} signed" in result["warnings"][0]
    assert office.csr.read_text() == requests[0]["csr_pem"]  # the request that waits is the present one


def test_a_signed_file_for_another_key_or_one_that_has_ended_does_not_count(ca, office):
    requests = office.holder.requests(office.holder.item())
    office.exchange(requests)
    other = office.holder.requests(office.holder.item("app2"))
    office.signed.write_text(ca.sign(other[0]["csr_pem"]) + ca.chain)
    result = office.exchange(requests)
    assert waits(result)
    assert f"{office.signed} belongs to another private key" in result["warnings"][0]
    office.signed.write_text(ca.sign(requests[0]["csr_pem"], days=-1) + ca.chain)
    result = office.exchange(requests)
    assert waits(result)
    assert "is not as requested (it expired on 20" in result["warnings"][0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no certificate in PEM; put the signed certificate there, or remove the file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ": certificate 1 is damaged; restore it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", ": a certificate is cut off; restore it"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(office, content, said):
    requests = office.holder.requests(office.holder.item())
    office.exchange(requests)
    office.signed.write_text(content)
    result = office.exchange(requests)
    assert result["failed"]
    assert result["msg"].startswith(str(office.signed))
    assert result["msg"].endswith(said)


def test_a_damaged_or_missing_chain_is_an_error_that_names_the_place(ca, office):
    requests = office.holder.requests(office.holder.item())
    office.exchange(requests)
    office.signed.write_text(ca.sign(requests[0]["csr_pem"]) + ca.sub.read_text())
    chain = office.folder / "signed/chain.crt"
    said = office.exchange(requests)["msg"]
    missing = "the certificate of the CA CN=Root CA,O=Elsewhere is missing from its chain"
    assert said == f"{office.signed}: {missing}; append it to {office.signed}, or put it in {chain}"
    chain.write_text(ca.root.read_text()[:200])
    assert office.exchange(requests)["msg"] == f"{chain}: a certificate is cut off; restore it"
    assert office.csr.exists()


def test_check_mode_says_the_same_and_writes_nothing(ca, office):
    item = office.holder.item()
    requests = office.holder.requests(item)
    predicted = office.exchange(requests, check=True, diff=True)
    assert not office.folder.exists()
    assert waits(predicted)
    made = office.exchange(requests, diff=True)
    assert (predicted["changed"], predicted["diff"]) == (made["changed"], made["diff"])
    # what it was called with, some ansible-cores return beside what the module says
    assert "BEGIN" not in json.dumps({key: made[key] for key in made.keys() - {"invocation", "_output"}})
    assert "subject: CN=PostgreSQL app1" in made["diff"][-1]["after"]
    office.signed.write_text(ca.sign(requests[0]["csr_pem"]) + ca.chain)
    before = office.files()
    predicted = office.exchange(requests, check=True, diff=True)
    assert office.files() == before
    taken = office.exchange(requests, diff=True)
    for field in ("changed", "diff", "certificates", "waiting"):
        assert predicted[field] == taken[field]


def test_bad_input_is_refused_before_anything_is_written(office):
    (good,) = office.holder.requests(office.holder.item())
    item = office.holder.item()
    for more, said in (
        ({"host": "../h1"}, "the host of the certificate app1 is '../h1'"),
        (
            asked({**item, **good}, {**item, "name": "app2", "csr_pem": "x"}),
            "app2: csr_pem holds no certificate signing request",
        ),
        (
            asked({**item, **good, "ip_addresses": []}),
            "the request is not as its entry in certificates: the names are app1.swgalaxy",
        ),
        ({"certificates": []}, "the certificate app1 is requested, but the option certificates has no entry for it"),
        ({"directory": str(office.folder / "a/b")}, f"the directory {office.folder}/a does not exist"),
    ):
        result = office.exchange([good], more=more)
        assert result["failed"]
        assert said in result["msg"]
    assert not office.folder.exists()


def test_hosts_that_make_the_folder_at_the_same_time_all_find_it(tmp_path):
    writer = Writer(False, pytest.fail, lambda path, name, existed: None)
    for attempt in range(20):
        folders = [ExchangeFolder(str(tmp_path / f"e{attempt}"), f"h{number}") for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda folder: folder.write_folders(writer), folders))
        assert (tmp_path / f"e{attempt}/signed").is_dir()
