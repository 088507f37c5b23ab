# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ca: make, keep, adopt, refuse."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority import directory as ca_directory
from inventory import asked
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
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


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
    strictness, no_crl = adopted["warnings"]
    assert "CN=By Hand,O=SW Galaxy,C=DE has no keyUsage" in strictness and "is adopted without a CRL" in no_crl
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
            **asked({"name": "app1", "csr_pem": request, "usages": ["client"]}),
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
    assert refused["msg"] == (
        f"{adopt['certificate']}: no client would accept what this CA signs: "
        "the CA CN=Old expired on 2021-01-01T00:00:00Z; adopt another CA"
    )


def test_another_ca_is_not_adopted_over_an_existing_one(ca, by_hand):
    ca()
    refused = ca(common_name=None, adopt=by_hand())
    assert "differs from" in refused["msg"]


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
    assert "the CA CN=Test Root CA expires on" in made["warnings"][0]
    assert "in 100 days" in made["warnings"][0] or "in 99 days" in made["warnings"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"common_name": None}, "common_name is needed to make a new CA"),
        ({"common_name": ""}, "common_name is needed to make a new CA"),
        ({"common_name": "x" * 65}, "common_name has 65 bytes"),
        ({"subject": {"C": "Germany"}}, "subject.C has 7 bytes"),
        ({"lifetime_days": 0}, "lifetime_days is 0"),
        ({"lifetime_days": 9999999}, "lifetime_days is 9999999, but must be between"),
        ({"path_length": -1}, "path_length is -1"),
        ({"passphrase": "1234567"}, "passphrase has 7 characters, but at least 8 are needed; choose a longer one"),
        (
            {"parent": "/nowhere"},
            "there is no CA in /nowhere; make one with the module ca, or name the directory of another parent",
        ),
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


def sign(home, tmp_path, usages, common_name="app1", directory=None, **options):
    """The one certificate of certificate_sign, or its refusal."""
    request = openssl(
        "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-subj", f"/CN={common_name}"
    )
    result = run_module(
        "certificate_sign",
        {
            "directory": str(directory or home),
            **asked(
                {
                    **options,
                    "name": "one",
                    "common_name": common_name,
                    "csr_pem": request,
                    "usages": usages,
                    "lifetime_days": 10,
                }
            ),
        },
    )
    return result["msg"] if result["failed"] else result["certificates"][0]


SERVERS = {
    "intermediate": "servers",
    "common_name": "Test Server CA",
    "usages": ["server"],
    "permitted_dns_domains": ["swgalaxy"],
}


def test_a_ca_by_the_name_of_an_intermediate_stands_below_the_root(ca, tmp_path):
    root = ca(passphrase="secret horse")
    made = ca(**SERVERS, passphrase="other horse", parent_passphrase="secret horse", diff=True)
    home = tmp_path / "ca"
    assert made["changed"], made
    assert made["directory"] == str(home / "below" / "servers")
    assert made["path"] == str(home / "below" / "servers" / "ca.crt")
    assert (made["generation"], made["phase"], made["crl_pem"]) == (1, "stable", "")
    assert made["root_pem"] == made["trusted_pem"] == root["certificate_pem"] == root["trusted_pem"]
    assert made["chain_pem"] == made["certificate_pem"] + root["certificate_pem"]
    ends = [datetime.fromisoformat(one["not_after"].replace("Z", "+00:00")) for one in (root, made)]
    assert (ends[0] - ends[1]).days in (1824, 1825), "half a root's life, when nothing is said"
    text = text_of(made["certificate_pem"])
    for said in (
        "Issuer: CN=Test Root CA ",
        "Basic Constraints: critical CA:TRUE, pathlen:0",
        "Extended Key Usage: TLS Web Server Authentication X509v3",
        "Name Constraints: critical Permitted: DNS:swgalaxy X509v3",
    ):
        assert said in text
    assert made["diff"][-1]["after"] == (
        "CA: CN=Test Server CA\nissuer: CN=Test Root CA\nkey_type: ecdsa-p256\npath_length: 0\nusages: server\n"
        "permitted_dns_domains: swgalaxy\n"
    )
    for folder in (home, home / "below", home / "below" / "servers", home / "below" / "servers" / "issued"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert "ENCRYPTED" in (home / "below" / "servers" / "ca.key").read_text()
    assert [path.name for path in (home / "issued").iterdir()] == [f"Test-Server-CA.{made['serial_number']}.crt"]
    before = tree(tmp_path)
    assert ca(**SERVERS, passphrase="other horse", diff=True)["changed"] is False
    assert ca(passphrase="secret horse")["changed"] is False
    assert tree(tmp_path) == before


def test_the_parent_s_passphrase_is_asked_for_only_when_it_is_needed(ca, tmp_path):
    ca(passphrase="secret horse")
    before = tree(tmp_path)
    assert ca(**SERVERS)["msg"] == (
        f"the private key {tmp_path}/ca/ca.key is encrypted; give its passphrase in the option parent_passphrase"
    )
    assert tree(tmp_path) == before
    ca(**SERVERS, parent_passphrase="secret horse")
    assert ca(**SERVERS)["changed"] is False


def test_chains_of_an_intermediate_verify_strictly(ca, tmp_path):
    ca()
    ca(**SERVERS)
    ca(**{**SERVERS, "intermediate": "clients", "common_name": "Test Client CA", "usages": ["client"]})
    below = tmp_path / "ca" / "below"
    server = sign(None, tmp_path, ["server"], directory=below / "servers", dns_names=["raxus.swgalaxy"])
    client = sign(None, tmp_path, ["client"], "PostgreSQL client1", directory=below / "clients")
    assert verdict(tmp_path, server["certificate_pem"], server["chain_pem"], "server") == "OK"
    assert verdict(tmp_path, client["certificate_pem"], client["chain_pem"], "client") == "OK"
    assert client["chain_pem"].count("BEGIN CERTIFICATE") == 2


def test_what_an_intermediate_may_not_issue_is_refused_before_anything_is_written(ca, tmp_path):
    ca()
    ca(**SERVERS)
    servers = tmp_path / "ca" / "below" / "servers"
    before = tree(servers)
    assert sign(None, tmp_path, ["server"], directory=servers, dns_names=["raxus.other"]) == (
        "the certificate one: the CA refuses to sign: the name raxus.other is outside of swgalaxy, "
        "to which the CA CN=Test Server CA is limited"
    )
    assert "is for server alone, not for client" in sign(None, tmp_path, ["client"], directory=servers)
    assert tree(servers) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"usages": ["client"]}, "its usages is server and not client"),
        ({"usages": ["server", "client"]}, "its usages is server and not server, client"),
        ({"permitted_dns_domains": ["other"]}, "its permitted_dns_domains is swgalaxy and not other"),
        ({"permitted_dns_domains": ["swgalaxy", "b"]}, "its permitted_dns_domains is swgalaxy and not b, swgalaxy"),
        ({"common_name": "X"}, "its common_name is Test Server CA and not X"),
    ],
)
def test_limits_that_differ_are_refused_and_kept(ca, tmp_path, options, said):
    ca()
    ca(**SERVERS)
    before = tree(tmp_path)
    assert said in ca(**{**SERVERS, **options})["msg"]
    assert tree(tmp_path) == before


def test_limits_that_are_not_given_are_not_compared(ca):
    ca()
    ca(**SERVERS)
    assert ca(**{**SERVERS, "usages": None, "permitted_dns_domains": []})["changed"] is False
    assert ca(**{**SERVERS, "permitted_dns_domains": ["SWGalaxy", ".swgalaxy"]})["changed"] is False


def test_a_root_may_be_limited_to_domains(ca):
    made = ca(permitted_dns_domains=["swgalaxy", "a.example"])
    assert "Name Constraints: critical Permitted: DNS:swgalaxy DNS:a.example" in text_of(made["certificate_pem"])
    assert ca(permitted_dns_domains=["a.example", "swgalaxy"])["changed"] is False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"intermediate": "../x"}, "intermediate is '../x', but must be letters, digits"),
        ({"intermediate": ""}, "intermediate is '', but must be letters"),
        ({"intermediate": "servers"}, "there is no CA in "),
        ({"intermediate": "servers", "parent": "/nowhere"}, "mutually exclusive: intermediate|parent"),
        ({"usages": ["server"]}, "usages limit a CA below another one, not a root"),
        ({"permitted_dns_domains": ["*.swgalaxy"]}, "permitted_dns_domains holds '*.swgalaxy'; write a domain"),
    ],
)
def test_bad_shapes_are_one_sentence_and_write_nothing(ca, tmp_path, options, said):
    refused = ca(**options)
    assert refused["failed"]
    assert said in refused["msg"]
    assert list(tmp_path.iterdir()) == []


def test_check_mode_foresees_an_intermediate_of_a_ca_that_is_only_promised(ca, tmp_path):
    promised = ca(check=True, diff=True, **SERVERS)
    assert promised["changed"], promised
    assert (promised["certificate_pem"], promised["chain_pem"], promised["trusted_pem"]) == (None, None, None)
    assert promised["directory"] == str(tmp_path / "ca" / "below" / "servers")
    assert list(tmp_path.iterdir()) == []
    root = ca()
    before = tree(tmp_path)
    foreseen = ca(check=True, diff=True, **SERVERS)
    assert (foreseen["certificate_pem"], foreseen["trusted_pem"]) == (None, root["certificate_pem"])
    assert tree(tmp_path) == before
    made = ca(diff=True, **SERVERS)
    assert foreseen["diff"] == made["diff"]
    assert ca(check=True, diff=True, **SERVERS)["changed"] is False


def test_an_interrupted_intermediate_is_completed_with_the_same_key(ca, tmp_path):
    ca()
    ca(**SERVERS)
    below = tmp_path / "ca" / "below" / "servers"
    key = (below / "ca.key").read_bytes()
    os.unlink(below / "ca.crt")
    assert ca(**SERVERS)["changed"]
    assert (below / "ca.key").read_bytes() == key
    assert ca(**SERVERS)["changed"] is False


def test_revocation_lists_of_all_trusted_cas_are_told(ca, tmp_path):
    ca()
    ca(**SERVERS)
    home = tmp_path / "ca"
    (home / "ca.crl").write_text("root list\n")
    (home / "below" / "servers" / "ca.crl").write_text("servers list\n")
    assert ca()["crl_pem"] == ca(**SERVERS)["crl_pem"] == "root list\nservers list\n"
    apart = {"directory": str(tmp_path / "apart"), "common_name": "Apart", "parent": str(home), "lifetime_days": 9}
    assert ca(**apart)["crl_pem"] == "root list\nservers list\n"


def test_all_finished_cas_of_a_home_are_found(ca, tmp_path):
    home = tmp_path / "ca"
    servers = home / "below" / "servers"
    ca()
    ca(**SERVERS, path_length=1)
    ca(directory=str(servers), intermediate="deep", common_name="Deep", lifetime_days=9)
    (home / "below" / "begun").mkdir()
    found = [str(home), str(servers), str(servers / "below" / "deep")]
    assert ca_directory.all_authority_directories(str(home)) == found
    assert ca_directory.authority_directory(str(home), "servers") == str(servers)


def test_a_damaged_rollover_state_is_one_sentence(ca, tmp_path):
    ca()
    (tmp_path / "ca" / "rollover.json").write_text("nonsense")
    assert ca()["msg"] == f"{tmp_path}/ca/rollover.json is not JSON; restore it from a backup"
    (tmp_path / "ca" / "rollover.json").write_text('{"generation": 1, "phase": "paused"}')
    assert "ca/rollover.json has the phase 'paused', which is not one of" in ca()["msg"]


def test_a_folder_named_like_ours_above_the_ca_is_left_alone(ca, tmp_path):
    above = tmp_path / "below"
    above.mkdir(mode=0o755)
    ca(directory=str(above / "ca"))
    assert above.stat().st_mode & 0o777 == 0o755


def test_missing_directories_above_are_made_and_others_stay_as_they_are(tmp_path):
    (tmp_path / "own").mkdir(mode=0o750)
    home = tmp_path / "own" / "a" / "b" / "ca"
    predicted = run_module("ca", {"directory": str(home), "common_name": "Deep"}, check=True)
    assert (predicted["failed"], list((tmp_path / "own").iterdir())) == (False, [])
    made = run_module("ca", {"directory": str(home), "common_name": "Deep"})
    assert (made["failed"], made["changed"]) == (False, True)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, home.parent, home.parent.parent, tmp_path / "own")]
    assert modes == [0o700, 0o755, 0o755, 0o750]
    assert run_module("ca", {"directory": str(home), "common_name": "Deep"})["changed"] is False


BELOW = [
    {"name": "servers", "common_name": "Server CA", "usages": ["server"], "permitted_dns_domains": ["db.example"]},
    {"name": "clients", "common_name": "Client CA", "usages": ["client"], "key_type": "ed25519"},
]


def test_one_call_makes_and_keeps_all_cas_of_a_home_and_their_lists(ca, tmp_path):
    whole = {"subject": {"O": "SW Galaxy"}, "passphrase": "abcdefgh", "intermediates": BELOW, "crl": True}
    promised = ca(check=True, **whole)
    assert (promised["changed"], promised["crls_changed"], promised["crl_pem"]) == (True, True, "")
    assert [one["chain_pem"] for one in promised["intermediates"]] == [None, None]
    assert list(tmp_path.iterdir()) == []

    made = ca(diff=True, **whole)
    servers, clients = made["intermediates"]
    assert [servers["name"], servers["usages"], clients["name"]] == ["servers", ["server"], "clients"]
    assert servers["directory"] == str(tmp_path / "ca/below/servers")
    assert "Subject: CN=Server CA,O=SW Galaxy" in text_of(servers["chain_pem"])
    assert "ED25519" in text_of(clients["chain_pem"])
    assert made["crl_pem"].count("BEGIN X509 CRL") == len(made["crls"]) == 3
    for one in made["intermediates"]:
        assert one["chain_pem"].endswith(made["root_pem"])
        openssl("pkey", "-in", f"{one['directory']}/ca.key", "-passin", "pass:abcdefgh", "-noout")
    assert len(list((tmp_path / "ca/issued").iterdir())) == 2  # the root knows what it signed

    before = tree(tmp_path)
    for check in (True, False):
        again = ca(check=check, diff=True, **whole)
        assert (again["changed"], again["diff"], again["crls_changed"]) == (False, [], False)
        assert [again[key] for key in ("crl_pem", "root_pem", "revoked")] == [made["crl_pem"], made["root_pem"], []]
        assert [one["chain_pem"] for one in again["intermediates"]] == [one["chain_pem"] for one in (servers, clients)]
    assert tree(tmp_path) == before
    # the same as by tasks of their own
    alone = ca(
        intermediate="servers", parent_passphrase="abcdefgh", passphrase="abcdefgh", **{**BELOW[0], "name": None}
    )
    assert (alone["changed"], alone["chain_pem"]) == (False, servers["chain_pem"])
    lists = {"directory": str(tmp_path / "ca"), "passphrase": "abcdefgh"}
    passphrases = {"intermediate_passphrases": dict.fromkeys(("servers", "clients"), "abcdefgh")}
    assert run_module("certificate_revoke", {**lists, **passphrases})["changed"] is False


def test_a_further_ca_of_a_home_gets_its_list_in_the_same_call_and_a_revocation_makes_lists_of_all(ca):
    made = ca(intermediates=BELOW[:1])
    assert (made["crl_pem"], made["crls"], made["crls_changed"]) == ("", [], False)
    kept = ca(intermediates=BELOW[:1], crl=False)
    assert (kept["crl_pem"], kept["crls_changed"], kept["changed"]) == ("", False, False)
    revoked = ca(intermediates=BELOW[:1], crl=False, revocations=[{"serial_number": "0A", "reason": "keyCompromise"}])
    assert (len(revoked["crls"]), revoked["revoked"][0]["serial_number"], revoked["crls_changed"]) == (2, "0A", True)
    more = ca(intermediates=BELOW, crl=False)
    assert (len(more["crls"]), more["crls_changed"]) == (3, True)
    assert more["crl_pem"].startswith(revoked["crl_pem"].split("-----END")[0])
    # what is taken out of the list stays, and so does its list
    assert [ca(crl=False)[key] for key in ("changed", "crl_pem")] == [False, ca(intermediates=BELOW)["crl_pem"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"intermediates": [*BELOW, {"name": "../up"}]}, "intermediate is '../up', but must be letters"),
        ({"intermediates": [*BELOW, BELOW[0]]}, "intermediates: servers is the name of more than one"),
        ({"intermediates": [*BELOW, {"name": "long", "common_name": "Long", "lifetime_days": 9999}]}, "expire"),
        ({"intermediates": [*BELOW, {"name": "nobody"}]}, "common_name"),
        ({"crl": True, "crl_lifetime_days": 5}, "crl_renew_before_days is 10, but must be from 0 to less than"),
        ({"revocations": [{"serial_number": "zz"}]}, "serial_number is 'zz', but must be hexadecimal digits"),
        ({"intermediate": "servers", "crl": True}, "mutually exclusive"),
        ({"intermediate": "servers", "intermediates": BELOW}, "mutually exclusive"),
    ],
)
def test_nothing_of_a_home_is_written_before_all_of_it_is_checked(ca, tmp_path, options, said):
    result = ca(**options)
    assert result["failed"] and said in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_that_does_not_open_an_intermediate_is_named_by_the_option(ca):
    locked = [{**BELOW[0], "passphrase": "12345678"}]
    made = ca(intermediates=locked)
    assert not made["failed"]
    result = ca(intermediates=[{**locked[0], "passphrase": "87654321"}])
    assert result["failed"] and "passphrase" in result["msg"] and "below/servers" in result["msg"]
