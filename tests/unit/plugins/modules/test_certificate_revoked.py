# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A revoked certificate gets a successor with a new key; openssl signs the lists here, so that it is the other party."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from certificate_site import SERVER, Site
from openssl_judge import openssl

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
certificate = {ca}/ca.crt
private_key = {ca}/ca.key
default_md = sha256
default_crl_days = 30
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class Revocations:
    """The list of one CA as ``openssl ca`` keeps it."""

    def __init__(self, site: Site, ca: Path) -> None:
        self.folder = site.folder / f"openssl-{ca.name}"
        self.folder.mkdir()
        (self.folder / "index.txt").touch()
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=self.folder, ca=ca))

    def revoke(self, certificate: str, reason: str = "keyCompromise") -> str:
        openssl("ca", "-config", self.folder / "openssl.cnf", "-revoke", certificate, "-crl_reason", reason)
        return self.crl_pem()

    def crl_pem(self) -> str:
        return openssl("ca", "-config", self.folder / "openssl.cnf", "-gencrl")


def key_of(item: dict, suffix: str = "") -> str:
    return openssl("pkey", "-pubout", "-in", item["private_key"] + suffix)


def key_of_certificate(item: dict) -> str:
    return openssl("x509", "-noout", "-pubkey", "-in", item["certificate"])


def serial(item: dict) -> str:
    return openssl("x509", "-noout", "-serial", "-in", item["certificate"]).strip().split("=")[1]


def test_a_revoked_certificate_gets_a_new_key_beside_the_old_one(site):
    chain = site.ca()["chain_pem"]
    item, other = site.item("db1", **SERVER), site.item("app1")
    site.issue(item, other)
    known = {"issuer_pem": chain, "trusted_pem": chain}
    empty = Revocations(site, site.ca_directory)
    assert site.codes(item, other, crl_pem=empty.crl_pem(), **known) == []
    known["crl_pem"] = empty.revoke(item["certificate"])
    assert site.codes({**item, "replace_revoked": False}, other, **known) == []
    old_key, old_serial = key_of(item), serial(item)

    predicted = site.request(item, other, check=True, diff=True, **known)
    requested = site.request(item, other, diff=True, **known)
    assert predicted["diff"] == requested["diff"]
    assert requested["keys_made"] == [item["private_key"] + ".next"]
    (request,) = requested["requests"]
    assert request["name"] == "db1"
    (reason,) = request["reasons"]
    assert reason["code"] == "revoked"
    assert re.fullmatch(
        rf"its CA has revoked it on \S+Z \(keyCompromise\), serial number {old_serial}", reason["sentence"]
    )
    assert key_of(item) == old_key == key_of_certificate(item)  # the old pair stays in use
    assert key_of(item, ".next") != old_key
    again = site.request(item, other, **known)
    assert (again["keys_made"], len(again["requests"])) == ([], 1)

    del known["issuer_pem"]
    signed = site.sign(again["requests"])["certificates"]
    assert site.install(item, other, signed=signed, **known)["failed"] is False
    assert key_of(item) == key_of_certificate(item) != old_key
    assert not Path(item["private_key"] + ".next").exists()
    assert serial(item) != old_serial
    assert site.codes(item, other, issuer_pem=chain, **known) == []


def test_check_mode_predicts_the_new_key_of_a_revoked_certificate(site):
    site.ca()
    item = site.item("db1", **SERVER)
    site.issue(item)
    crl_pem = Revocations(site, site.ca_directory).revoke(item["certificate"])
    predicted_sign = site.sign(site.request(item, crl_pem=crl_pem, check=True)["requests"], check=True)
    predicted = site.install(item, signed=predicted_sign["certificates"], crl_pem=crl_pem, check=True, diff=True)
    signed = site.sign(site.request(item, crl_pem=crl_pem)["requests"])
    installed = site.install(item, signed=signed["certificates"], crl_pem=crl_pem, diff=True)
    assert predicted["diff"] == installed["diff"]
    assert item["private_key"] in [diff["after_header"] for diff in installed["diff"]]


def test_a_certificate_under_a_key_that_was_replaced_already_keeps_the_new_key(site):
    site.ca()
    item = site.item()
    site.issue(item)
    crl_pem = Revocations(site, site.ca_directory).revoke(item["certificate"])
    Path(item["private_key"]).unlink()
    assert site.codes(item) == ["key_changed"]
    requested = site.request(item, crl_pem=crl_pem)
    assert requested["keys_made"] == []
    assert [why["code"] for why in requested["requests"][0]["reasons"]] == ["revoked"]
    assert site.request(item, crl_pem=crl_pem)["keys_made"] == []


def test_a_certificate_on_hold_stays_and_is_warned_about(site):
    chain = site.ca()["chain_pem"]
    item, due = site.item(), site.item("app2")
    site.issue(item, due)
    crl_pem = Revocations(site, site.ca_directory).revoke(item["certificate"], "certificateHold")
    known = {"issuer_pem": chain, "crl_pem": crl_pem}
    for change in ({}, {"renew_before_days": 364}, {"common_name": "another"}):
        requested = site.request({**item, **change}, {**due, **change}, **known)
        assert [request["name"] for request in requested["requests"]] == (["app2"] if change.get("common_name") else [])
        assert requested["keys_made"] == []
        assert requested["warnings"] == [
            "the certificate app1 is on hold at its CA; it stays until the CA releases it",
        ]


def test_the_list_of_an_intermediate_ca_counts_for_what_it_signed(site):
    site.ca()
    below = site.folder / "below"
    made = site.ca(directory=str(below), common_name="Below", lifetime_days=1000, parent=str(site.ca_directory))
    item = site.item()
    site.issue(item, directory=str(below))
    root_list = Revocations(site, site.ca_directory).crl_pem()
    own_list = Revocations(site, below).revoke(item["certificate"])
    assert site.codes(item, crl_pem=root_list) == []
    assert site.codes(item, crl_pem=root_list + own_list) == ["revoked"]
    assert site.codes(item, crl_pem=own_list + root_list, issuer_pem=made["chain_pem"]) == ["revoked"]


def test_a_list_that_the_ca_did_not_sign_is_an_error(site):
    chain = site.ca()["chain_pem"]
    item = site.item()
    site.issue(item)
    namesake = site.folder / "ca2"
    site.ca(directory=str(namesake))
    forged = Revocations(site, namesake).revoke(item["certificate"])
    said = "crl_pem: the CRL of CN=Test Root CA was not signed by a CA of that name which is known here"
    before = sorted(site.folder.rglob("*"))
    for module in ("certificate_request", "certificate_install"):
        refused = site.run(module, {"certificates": [item], "crl_pem": forged, "trusted_pem": chain})
        assert refused["failed"]
        assert said in refused["msg"]
    good = Revocations(site, site.ca_directory).crl_pem()
    body = good.splitlines()
    middle = len(body) // 2
    body[middle] = body[middle][::-1]
    damaged = site.request(item, crl_pem="\n".join(body))
    assert damaged["failed"]
    assert damaged["msg"].startswith("crl_pem")
    assert "crl_pem holds no CRL in PEM" in site.request(item, crl_pem="nonsense")["msg"]
    assert site.codes(item, crl_pem="") == []
    assert [path for path in sorted(site.folder.rglob("*")) if path not in before and "openssl-" not in str(path)] == []


def test_a_revoked_certificate_is_not_installed(site):
    site.ca()
    item = site.item()
    signed = site.sign(site.request(item)["requests"])["certificates"]
    (site.folder / "signed.crt").write_text(signed[0]["certificate_pem"])
    crl_pem = Revocations(site, site.ca_directory).revoke(str(site.folder / "signed.crt"))
    refused = site.install(item, signed=signed, crl_pem=crl_pem)
    assert "the certificate app1 was signed, but not as requested: its CA has revoked it on" in refused["msg"]
    assert not Path(item["certificate"]).exists()


@pytest.mark.parametrize("later", [1, 2], ids=["an older number", "the same number"])
def test_crls_of_a_ca_that_was_restored_from_a_backup_are_refused(site, later):
    """Its directory knows nothing of what was revoked since, and neither would the servers any more."""
    site.ca()
    item, first, second = site.item(), site.item("app2"), site.item("app3")
    site.issue(item, first, second)

    def revoke(*names: str) -> str:
        revocations = [{"name": name, "reason": "keyCompromise"} for name in names]
        done = site.run("certificate_revoke", {"directory": str(site.ca_directory), "revocations": revocations})
        assert not done["failed"], done
        return done["crl_pem"]

    def written(crl_pem: str) -> dict:
        return site.request({**item, "crl": str(published)}, crl_pem=crl_pem, trusted_pem=ca)

    published, ca = site.folder / "revoked.crl", (site.ca_directory / "ca.crt").read_text()
    assert not written(revoke("app2"))["failed"]
    shutil.copytree(site.ca_directory, site.folder / "backup")
    assert not written(revoke("app3"))["failed"]
    before = published.read_bytes()

    shutil.rmtree(site.ca_directory)
    shutil.copytree(site.folder / "backup", site.ca_directory)
    older = revoke() if later == 1 else revoke("app1")
    refused = written(older)
    assert refused["failed"] and published.read_bytes() == before
    lost = serial(second)
    assert (
        f"has the number {later} and does not revoke {lost}, but the one in {published} has the number 2"
        in refused["msg"]
    )

    (site.ca_directory / "ca.crl").write_bytes(before)  # the way out that it names
    assert not written(revoke())["failed"] and published.read_bytes() == before
    assert not written(revoke("app1"))["failed"]
    assert crl_serials(published) == {serial(one) for one in (item, first, second)}


def test_a_revocation_that_vanished_is_refused_under_a_higher_number_too(site):
    """The CA was put back to an older state and has signed more since, so its number says nothing any more."""
    site.ca()
    lost, other, third = site.item(), site.item("app2"), site.item("app3")
    site.issue(lost, other, third)
    published, ca = site.folder / "revoked.crl", (site.ca_directory / "ca.crt").read_text()

    def revoke(**item: str) -> dict:
        done = site.run("certificate_revoke", {"directory": str(site.ca_directory), "revocations": [item]})
        assert not done["failed"], done
        return site.request({**lost, "crl": str(published)}, crl_pem=done["crl_pem"], trusted_pem=ca)

    shutil.copytree(site.ca_directory, site.folder / "backup")
    assert not revoke(name="app1", reason="keyCompromise")["failed"]
    before = published.read_bytes()
    shutil.rmtree(site.ca_directory)
    shutil.copytree(site.folder / "backup", site.ca_directory)
    revoke(name="app2")
    refused = revoke(name="app3")
    assert refused["failed"] and published.read_bytes() == before
    assert f"with the number 2 does not revoke {serial(lost)} for good, but the one in {published}" in refused["msg"]

    assert not revoke(serial_number=serial(lost), reason="keyCompromise")["failed"]  # the way out that it names
    assert crl_serials(published) == {serial(one) for one in (lost, other, third)}


def crl_serials(path: Path) -> set[str]:
    shown = openssl("crl", "-noout", "-text", "-in", path)
    return set(re.findall(r"Serial Number: ([0-9A-F]+)", shown))
