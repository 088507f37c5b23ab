# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ca: make, keep, adopt, refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from module_runner import run_module
from openssl_judge import openssl, text_of, verdict


@pytest.fixture
def ca(tmp_path):
    """ca(option=...) -> result, with a directory and a name unless given."""

    def run(check=False, diff=False, **options):
        args = {"directory": str(tmp_path / "ca"), "common_name": "Test Root CA", **options}
        return run_module("ca", {key: value for key, value in args.items() if value is not None}, check, diff)

    return run


@pytest.fixture
def by_hand(tmp_path):
    """A CA as people make it with openssl; by_hand(passphrase, ...) -> the option adopt."""

    def make(passphrase=None, days=3650, traditional=False):
        key, certificate = tmp_path / "rootCA.key", tmp_path / "rootCA.pem"
        secret = [f"pass:{passphrase}"] if passphrase else []
        if traditional:
            pem = openssl("genrsa", "-traditional", *(["-aes128", "-passout", *secret] if passphrase else []), "2048")
        else:
            pem = openssl("genpkey", "-algorithm", "rsa", *(["-aes128", "-pass", *secret] if passphrase else []))
        key.write_text(pem)
        opened = ["-passin", f"pass:{passphrase}"] if passphrase else []
        subject = "/C=DE/O=SW Galaxy/CN=By Hand"
        openssl("req", "-x509", "-new", "-key", key, *opened, "-days", days, "-subj", subject, "-out", certificate)
        return {"certificate": str(certificate), "private_key": str(key)}

    return make


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_root_is_made_once_and_described(ca, tmp_path):
    made = ca(subject={"C": "DE", "O": "SW Galaxy"}, key_type="rsa-4096", diff=True)
    assert made["changed"]
    assert made["path"] == str(tmp_path / "ca" / "ca.crt")
    assert made["certificate_pem"] == Path(made["path"]).read_text() == made["chain_pem"] == made["root_pem"]
    assert [reason["code"] for reason in made["reasons"]] == ["missing"]
    assert "Public-Key: (4096 bit)" in text_of(made["certificate_pem"])
    assert "Subject: CN=Test Root CA,O=SW Galaxy,C=DE" in text_of(made["certificate_pem"])
    assert openssl("x509", "-noout", "-serial", stdin=made["certificate_pem"]) == f"serial={made['serial_number']}\n"
    before = tree(tmp_path)
    again = ca(subject={"O": "SW Galaxy", "C": "DE"}, key_type="rsa-4096", diff=True)
    assert (again["changed"], again["diff"], again["reasons"]) == (False, [], [])
    assert again["fingerprint_sha256"] == made["fingerprint_sha256"]
    assert tree(tmp_path) == before


def test_check_mode_makes_nothing(ca, tmp_path):
    promised = ca(check=True, diff=True)
    assert promised["changed"]
    assert (promised["certificate_pem"], promised["chain_pem"], promised["fingerprint_sha256"]) == (None, None, None)
    assert list(tmp_path.iterdir()) == []
    ca()
    converged = ca(check=True, diff=True)
    assert (converged["changed"], converged["diff"]) == (False, [])
    assert converged["certificate_pem"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"common_name": "Another"}, "its common_name is Test Root CA and not Another"),
        ({"subject": {"O": "X"}}, "its subject is empty and not O=X"),
        ({"key_type": "rsa-2048"}, "its key_type is ecdsa-p256 and not rsa-2048"),
        ({"path_length": 1}, "its path_length is unlimited and not 1"),
    ],
)
def test_an_existing_ca_that_differs_is_refused_and_kept(ca, tmp_path, options, said):
    ca()
    before = tree(tmp_path)
    refused = ca(**options)
    assert refused["failed"]
    assert said in refused["msg"]
    assert "choose another directory for a new CA" in refused["msg"]
    assert tree(tmp_path) == before


def test_lifetime_and_name_are_not_needed_for_an_existing_ca(ca):
    ca()
    assert ca(lifetime_days=1, common_name=None, subject={})["changed"] is False


def test_passphrase_protects_the_key(ca, tmp_path):
    ca(passphrase="secret horse")
    key = (tmp_path / "ca" / "ca.key").read_text()
    assert key.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    openssl("pkey", "-noout", "-passin", "pass:secret horse", stdin=key)
    assert ca(passphrase="secret horse")["changed"] is False
    wrong = ca(passphrase="wrong")
    assert wrong["msg"] == f"the private key {tmp_path}/ca/ca.key cannot be opened with the passphrase in passphrase"
    missing = ca()
    assert missing["msg"] == (
        f"the private key {tmp_path}/ca/ca.key is encrypted; give its passphrase in the option passphrase"
    )


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("passphrase", [None, "secret horse"])
def test_a_ca_made_by_hand_is_adopted_and_works(ca, by_hand, tmp_path, passphrase, traditional):
    adopt = by_hand(passphrase, traditional=traditional)
    options = {"common_name": None, "adopt": adopt, "passphrase": passphrase}
    adopted = ca(**options)
    assert adopted["changed"], adopted
    assert [reason["code"] for reason in adopted["reasons"]] == ["adopted"]
    assert len(adopted["warnings"]) == 1 and "CN=By Hand,O=SW Galaxy,C=DE has no keyUsage" in adopted["warnings"][0]
    assert text_of(adopted["certificate_pem"]) == text_of(Path(adopt["certificate"]).read_text())
    assert ca(**options)["changed"] is False
    for path in adopt.values():
        os.unlink(path)
    assert ca(**options)["changed"] is False
    request = openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-subj", "/CN=app1")
    signed = run_module(
        "certificate_sign",
        {
            "directory": str(tmp_path / "ca"),
            "passphrase": passphrase,
            "requests": [{"name": "app1", "csr_pem": request, "usages": ["client"]}],
        },
    )
    (one,) = signed["certificates"]
    assert (
        verdict(tmp_path, one["certificate_pem"], one["chain_pem"], "client", strict=False) == "OK"
    )  # a CA made like this has no keyUsage


def test_an_unencrypted_key_is_adopted_under_a_passphrase(ca, by_hand, tmp_path):
    options = {"common_name": None, "adopt": by_hand(), "passphrase": "secret horse"}
    ca(**options)
    assert "ENCRYPTED" in (tmp_path / "ca" / "ca.key").read_text()
    assert ca(**options)["changed"] is False


def test_what_cannot_be_adopted_is_refused(ca, by_hand, tmp_path):
    adopt = by_hand()
    good = Path(adopt["certificate"]).read_text()

    def refusal(**options):
        result = ca(common_name=None, adopt=adopt, **options)
        assert result["failed"]
        assert not (tmp_path / "ca").exists()
        return result["msg"]

    leaf = openssl(
        "req", "-x509", "-new", "-key", adopt["private_key"], "-subj", "/CN=x", "-addext", "basicConstraints=CA:FALSE"
    )
    Path(adopt["certificate"]).write_text(leaf)
    assert "is not the certificate of a CA" in refusal()
    Path(adopt["certificate"]).write_text(
        run_module("ca", {"directory": str(tmp_path / "o"), "common_name": "o"})["chain_pem"]
    )
    assert "does not belong to the CA's private key" in refusal()
    Path(adopt["certificate"]).write_text(good)
    Path(adopt["private_key"]).write_text("nonsense")
    assert f"{adopt['private_key']} holds no private key in PEM" in refusal()
    os.unlink(adopt["private_key"])
    assert f"adopt: there is no file {adopt['private_key']}" in refusal()


def test_an_expired_ca_is_not_adopted(ca, by_hand, tmp_path):
    adopt = by_hand()
    request = openssl("req", "-new", "-key", adopt["private_key"], "-subj", "/CN=Old")
    (tmp_path / "index").touch()
    config = tmp_path / "ca.cnf"
    config.write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={tmp_path}/index\nnew_certs_dir={tmp_path}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=p\nx509_extensions=v\n[p]\ncommonName=supplied\n"
        "[v]\nbasicConstraints=critical,CA:TRUE\n"
    )
    (tmp_path / "old.csr").write_text(request)
    when = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]
    command = ["ca", "-batch", "-selfsign", "-config", config, "-keyfile", adopt["private_key"], *when]
    openssl(*command, "-in", tmp_path / "old.csr", "-out", adopt["certificate"])
    refused = ca(common_name=None, adopt=adopt)
    assert refused["msg"] == f"{adopt['certificate']} ended on 2021-01-01T00:00:00Z; adopt a CA that is still valid"


def test_another_ca_is_not_adopted_over_an_existing_one(ca, by_hand):
    ca()
    refused = ca(common_name=None, adopt=by_hand())
    assert "is another one than" in refused["msg"]


def test_an_interrupted_run_is_completed_with_the_same_key(ca, tmp_path):
    ca()
    key = (tmp_path / "ca" / "ca.key").read_bytes()
    os.unlink(tmp_path / "ca" / "ca.crt")
    assert ca()["changed"]
    assert (tmp_path / "ca" / "ca.key").read_bytes() == key
    assert ca()["changed"] is False
    os.unlink(tmp_path / "ca" / "chain.crt")
    assert ca()["changed"]
    os.unlink(tmp_path / "ca" / "ca.key")
    lost = ca()
    assert lost["msg"] == f"the CA's private key {tmp_path}/ca/ca.key is missing; restore it"


def test_a_damaged_ca_is_one_sentence(ca, tmp_path):
    ca()
    (tmp_path / "ca" / "ca.key").write_text("nonsense")
    assert "ca/ca.key holds no private key in PEM" in ca()["msg"]
    (tmp_path / "ca" / "ca.crt").write_text("nonsense")
    assert ca()["failed"]


def test_a_ca_near_its_end_warns(ca):
    made = ca(lifetime_days=100)
    assert len(made["warnings"]) == 1
    assert "the CA CN=Test Root CA ends on" in made["warnings"][0]
    assert "in 100 days" in made["warnings"][0] or "in 99 days" in made["warnings"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"common_name": None}, "common_name is needed to make a new CA"),
        ({"common_name": ""}, "common_name is needed to make a new CA"),
        ({"common_name": "x" * 65}, "common_name has 65 bytes"),
        ({"subject": {"C": "Germany"}}, "subject.C has 7 bytes"),
        ({"lifetime_days": 0}, "lifetime_days is 0"),
        ({"lifetime_days": 9999999}, "beyond the year 9999"),
        ({"path_length": -1}, "path_length is -1"),
        ({"passphrase": "1234567"}, "passphrase has 7 characters, but a CA needs at least 8"),
        ({"parent": "/nowhere"}, "there is no CA in /nowhere; make one with the module ca, or name its directory"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(ca, tmp_path, options, said):
    refused = ca(**options)
    assert refused["failed"]
    assert said in refused["msg"]
    assert list(tmp_path.iterdir()) == []


def test_an_intermediate_survives_without_its_parent_at_hand(ca, tmp_path):
    ca()
    below = {
        "directory": str(tmp_path / "below"),
        "common_name": "Below",
        "lifetime_days": 100,
        "parent": str(tmp_path / "ca"),
    }
    made = ca(**below)
    assert [path.name for path in (tmp_path / "ca" / "issued").iterdir()] == [f"Below.{made['serial_number']}.crt"]
    ca(directory=str(tmp_path / "other"))
    refused = ca(**{**below, "parent": str(tmp_path / "other")})
    assert "it was not signed by the parent CA" in refused["msg"]
    (tmp_path / "ca").rename(tmp_path / "offline")
    assert ca(**below)["changed"] is False


def test_an_adopted_certificate_decides_its_own_properties(ca, by_hand):
    options = {"adopt": by_hand(), "common_name": "Other", "key_type": "ecdsa-p256", "subject": {"O": "Y"}}
    assert "CN=By Hand" in text_of(ca(**options)["certificate_pem"])
    assert ca(**options)["changed"] is False
