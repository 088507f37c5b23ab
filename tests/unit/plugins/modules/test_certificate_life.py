# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ca, certificate_request, certificate_sign and certificate_install together, as a play runs them."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from certificate_site import SERVER, Site
from openssl_judge import openssl, text_of, verdict

KEY_MATERIAL = re.compile(r"PRIVATE KEY|AgEAMBMGBy|AgEAMBAGBy|MC4CAQAw")  # and how unencrypted PKCS#8 begins


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def mode_of(path: object) -> int:
    return stat.S_IMODE(os.stat(str(path)).st_mode)


@pytest.mark.parametrize("ca_key_type", ["rsa-2048", "ecdsa-p384", "ed25519"])
@pytest.mark.parametrize("key_type", ["rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519"])
@pytest.mark.parametrize("usage", ["server", "client"])
def test_issued_certificates_satisfy_openssl(site, ca_key_type, key_type, usage):
    ca = site.ca(key_type=ca_key_type)
    item = site.item(key_type=key_type, **(SERVER if usage == "server" else {}))
    site.issue(item)
    own = Path(item["certificate"]).read_text()

    assert verdict(site.folder, own, ca["chain_pem"], usage) == "OK"
    other = "client" if usage == "server" else "server"
    assert "nsuitable certificate purpose" in verdict(site.folder, own, ca["chain_pem"], other)
    text = text_of(own)
    assert "Version: 3 (0x2)" in text
    assert "X509v3 Basic Constraints: critical CA:FALSE" in text
    encipherment = ", Key Encipherment" if usage == "server" and key_type.startswith("rsa") else ""
    assert f"X509v3 Key Usage: critical Digital Signature{encipherment} X509v3" in text
    assert ("Subject Alternative Name: DNS:raxus" in text) == (usage == "server")
    facts = site.run("certificate_info", {"path": item["certificate"], "private_key": item["private_key"]})
    assert facts["key_matches"] is True
    assert facts["certificates"][0]["key_type"] == key_type
    assert Path(item["fullchain"]).read_text() == own + Path(item["root"]).read_text()


def test_second_run_changes_nothing_and_needs_no_ca(site):
    chain = site.ca()["chain_pem"]
    items = [site.item("app1"), site.item("db1", **SERVER)]
    assert site.issue(*items)["changed"]
    requested = site.request(*items, issuer_pem=chain)
    assert (requested["changed"], requested["requests"]) == (False, [])
    assert site.install(*items, signed=[])["changed"] is False
    assert site.ca()["changed"] is False


def test_files_have_their_modes(site):
    site.ca()
    item = site.item()
    site.issue(item)
    modes = {
        "private_key": 0o600,
        "certificate": 0o640,
        "fullchain": 0o640,
        "root": 0o644,
    }
    assert {field: mode_of(item[field]) for field in modes} == modes
    ca = site.ca_directory
    assert [mode_of(path) for path in (ca, ca / "issued", ca / "ca.key", ca / "ca.crt")] == [0o700, 0o700, 0o600, 0o644]

    os.chmod(item["private_key"], 0o644)
    assert site.install(item, signed=[])["changed"] is True
    assert mode_of(item["private_key"]) == 0o600
    assert site.install({**item, "root_mode": "0600"}, signed=[])["changed"] is True
    assert mode_of(item["root"]) == 0o600


def test_check_mode_predicts_a_fresh_site_without_touching_it(site):
    item = site.item("db1", **SERVER)
    assert site.ca(check=True, diff=True)["changed"] is True
    requested = site.request(item, check=True)
    signed = site.sign(requested["requests"], check=True)
    assert signed["changed"] is True
    assert signed["certificates"][0]["certificate_pem"] is None
    assert signed["certificates"][0]["chain_pem"] is None
    installed = site.install(item, signed=signed["certificates"], check=True, diff=True)
    assert installed["changed"] is True
    assert sorted(path.name for path in site.folder.rglob("*")) == ["db1"]


@pytest.mark.parametrize("change", [None, {"key_type": "rsa-2048"}, {"dns_names": ["new.swgalaxy"]}])
def test_check_mode_shows_the_diff_of_the_real_run(site, change):
    site.ca()
    item = site.item("db1", **SERVER)
    if change is not None:
        site.issue(item)
        item.update(change)
    predicted_request = site.request(item, check=True, diff=True)
    predicted_sign = site.sign(predicted_request["requests"], check=True, diff=True)
    predicted_install = site.install(item, signed=predicted_sign["certificates"], check=True, diff=True)
    requested = site.request(item, diff=True)
    signed = site.sign(requested["requests"], diff=True)
    installed = site.install(item, signed=signed["certificates"], diff=True)

    assert predicted_request["diff"] == requested["diff"]
    assert predicted_request["requests"][0]["reasons"] == requested["requests"][0]["reasons"]
    assert [diff["after"] for diff in requested["diff"] if diff["after_header"] == "the certificate db1"] == [
        "".join(f"due ({why['code']}): {why['sentence']}\n" for why in requested["requests"][0]["reasons"])
    ]
    assert predicted_sign["diff"] == signed["diff"]
    assert predicted_install["diff"] == installed["diff"]
    assert installed["diff"]
    assert site.codes(item) == []


SECRETS = {"private_key_passphrase": "passphrase of the key", "pkcs12_passphrase": "passphrase of the store"}


def _chunks(secret: bytes) -> set[bytes]:
    """Parts that are too long to be anywhere by chance, as they are and as base64 (however it is cut) and hex show them."""
    parts = {secret[start : start + 24] for start in range(0, len(secret) - 24, 24)}
    texts = [base64.b64encode(secret[shift:]) for shift in range(3)]
    return parts | {part.hex().encode() for part in parts} | {text[at : at + 20] for text in texts for at in (0, 20)}


def _private_parts(path: Path | str, passphrase: str) -> set[bytes]:
    """What only the private half of a key holds: its DER without the numbers of the public half."""
    pem = openssl("pkey", "-in", path, "-passin", f"pass:{passphrase}")
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    if len(der) > 600:  # RSA: the last half is p, q and what follows them
        return _chunks(der[len(der) // 2 :])
    return _chunks(der[-32:] if len(der) < 60 else der[-len(der) // 2 - 32 : -len(der) // 2])


def test_no_private_key_and_no_passphrase_leaves_the_holder(site, monkeypatch):
    temporary = site.folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    site.ca(passphrase="correct horse", diff=True)
    items = [site.item("app1"), site.item("db1", key_type="rsa-2048", **SERVER), site.item("e1", key_type="ed25519")]
    for item in items:
        place = Path(item["private_key"]).parent
        store = {} if item["name"] == "e1" else {"pkcs12": str(place / "own.p12")}
        item.update(SECRETS, **store)
    del items[1]["private_key_passphrase"]
    items[1].update(pkcs8_der=str(place / "own.pk8"))
    items += [site.item(f"bulk{number}", key_type="rsa-2048", **SECRETS) for number in range(4)]
    parts = set()
    for _round in range(2):
        for check in (True, False):
            requested = site.request(*items, diff=True, check=check)
            signed = site.sign(requested["requests"], passphrase="correct horse", diff=True, check=check)
            installed = site.install(*items, signed=signed["certificates"], diff=True, check=check)
            assert not installed["failed"], installed
        for item in items:
            parts |= _private_parts(item["private_key"], SECRETS["private_key_passphrase"])
            parts |= _chunks(Path(item["pkcs12"]).read_bytes()[64:]) if "pkcs12" in item else set()
            item["key_type"] = "ecdsa-p384"
    assert site.request({**items[0], "private_key_passphrase": "wrong passphrase"})["failed"]
    parts |= _private_parts(site.ca_directory / "ca.key", "correct horse")

    words = {word.encode() for word in ("correct horse", "wrong passphrase", *SECRETS.values())}
    everything = "\n".join(site.outputs)
    at_the_ca = [path for path in site.ca_directory.rglob("*") if path.is_file() and path.name != "ca.key"]
    assert len(at_the_ca) >= 2 + 2 * len(items)
    assert not KEY_MATERIAL.search(everything)
    for content in (everything.encode(), *(path.read_bytes() for path in at_the_ca)):
        assert b"PRIVATE" not in content
        assert not [part for part in parts | words if part in content]
    assert len(site.outputs) > 10
    assert len(parts) > 500
    assert list(temporary.iterdir()) == []
    own = {path.name for path in site.folder.rglob("*") if path.is_file() and site.ca_directory not in path.parents}
    assert own == {"own.key", "own.crt", "own.fullchain.crt", "root.crt", "own.p12", "own.pk8"}


def test_the_search_for_key_material_finds_it(site):
    """The test above would find each kind of key in any of the shapes in which it could leak."""
    for key_type in ("rsa-2048", "ecdsa-p256", "ecdsa-p384", "ed25519"):
        item = site.item(key_type, key_type=key_type)
        site.request(item)
        pem = Path(item["private_key"]).read_text()
        der = base64.b64decode("".join(pem.splitlines()[1:-1]))
        parts = _private_parts(item["private_key"], "")
        public = base64.b64decode("".join(openssl("pkey", "-in", item["private_key"], "-pubout").splitlines()[1:-1]))
        for shape in (der, der.hex().encode(), base64.b64encode(der), base64.b64encode(b"x" + der)):
            assert [part for part in parts if part in shape], key_type
        for shape in (public, public.hex().encode(), base64.b64encode(public)):
            assert not [part for part in parts if part in shape], key_type


def test_changes_of_the_wish_are_reasons(site):
    chain = site.ca()["chain_pem"]
    item = site.item("db1", **SERVER)
    site.issue(item)
    before = Path(item["certificate"]).read_bytes()
    changes = {
        "names_changed": {"dns_names": ["raxus.swgalaxy"]},
        "subject_changed": {"common_name": "another"},
        "usage_changed": {"usages": ["server", "client"]},
        "validity_changed": {"not_after": "2030-01-01T00:00:00Z"},
    }
    for code, change in changes.items():
        assert site.codes({**item, **change}, issuer_pem=chain) == [code]
    assert site.codes(item, issuer_pem=chain) == []
    assert Path(item["certificate"]).read_bytes() == before


def test_a_ca_remade_under_the_same_name_is_noticed(site):
    site.ca()
    item = site.item()
    site.issue(item)
    other = site.ca(directory=str(site.folder / "ca2"))
    assert "issuer_changed" in site.codes(item, issuer_pem=other["chain_pem"])


@pytest.mark.parametrize("field", ["root", "fullchain"])
def test_a_lost_chain_file_is_a_reason_and_comes_back(site, field):
    site.ca()
    item = site.item()
    site.issue(item)
    os.unlink(item[field])
    assert site.codes(item) == ["chain_changed"]
    site.issue(item)
    assert site.codes(item) == []


def test_a_lost_key_is_made_anew(site):
    site.ca()
    item = site.item()
    site.issue(item)
    os.unlink(item["private_key"])
    requested = site.request(item)
    assert requested["keys_made"] == [item["private_key"]]
    assert [reason["code"] for reason in requested["requests"][0]["reasons"]] == ["key_changed"]


def test_a_damaged_certificate_is_a_reason_and_a_damaged_key_an_error(site):
    site.ca()
    item = site.item()
    site.issue(item)
    Path(item["certificate"]).write_text("nonsense")
    assert site.codes(item) == ["unreadable"]
    Path(item["private_key"]).write_text("nonsense")
    failed = site.request(item)
    assert failed["failed"]
    assert failed["msg"] == f"{item['private_key']} holds no private key in PEM; restore it or choose another path"


def test_a_new_key_type_waits_for_its_certificate(site):
    site.ca()
    item = site.item()
    site.issue(item)
    old_key = Path(item["private_key"]).read_bytes()
    item["key_type"] = "rsa-2048"
    requested = site.request(item)
    waiting = Path(item["private_key"] + ".next")
    assert requested["keys_made"] == [str(waiting)]
    assert Path(item["private_key"]).read_bytes() == old_key
    assert mode_of(waiting) == 0o600
    assert site.request(item)["keys_made"] == []

    site.issue(item)
    assert not waiting.exists()
    info = site.run("certificate_info", {"path": item["certificate"], "private_key": item["private_key"]})
    assert (info["key_matches"], info["certificates"][0]["key_type"]) == (True, "rsa-2048")
    assert site.codes(item) == []


@pytest.mark.parametrize("finisher", ["request", "install"])
def test_an_install_killed_before_the_key_is_finished_by_the_next_run(site, finisher):
    site.ca()
    item = site.item()
    site.issue(item)
    old_key = Path(item["private_key"]).read_bytes()
    item["key_type"] = "rsa-2048"
    site.request(item)
    new_key = Path(item["private_key"] + ".next").read_bytes()
    site.issue(item)
    Path(item["private_key"]).write_bytes(old_key)  # as it is when the run ends between certificate and key
    Path(item["private_key"] + ".next").write_bytes(new_key)

    assert site.codes(item, check=True) == []
    how = {"signed": []} if finisher == "install" else {}
    assert getattr(site, finisher)(item, **how)["changed"] is True
    assert Path(item["private_key"]).read_bytes() == new_key
    assert not Path(item["private_key"] + ".next").exists()
    assert getattr(site, finisher)(item, **how)["changed"] is False


def test_intermediate_chain_is_whole_and_in_order(site):
    site.ca(passphrase="secret root")
    below = {
        "directory": str(site.folder / "below"),
        "common_name": "Test Server CA",
        "lifetime_days": 1000,
        "parent": str(site.ca_directory),
        "parent_passphrase": "secret root",
    }
    made = site.ca(**below)
    assert made["changed"], made
    assert site.ca(**below)["changed"] is False
    item = site.item("db1", **SERVER)
    site.issue(item, directory=below["directory"])
    own = Path(item["certificate"]).read_text()
    leaf, between = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n", own, re.DOTALL)
    assert made["chain_pem"].startswith(between)
    assert verdict(site.folder, leaf, made["chain_pem"], "server") == "OK"
    assert "CA:TRUE, pathlen:0" in text_of(between)
    assert Path(item["fullchain"]).read_text() == leaf + made["chain_pem"]
    assert Path(item["root"]).read_text() == made["root_pem"]
    assert made["chain_pem"] == made["certificate_pem"] + made["root_pem"]
    assert site.codes(item, issuer_pem=made["chain_pem"]) == []
    refused = site.ca(directory=str(site.folder / "third"), common_name="Third", parent=below["directory"])
    assert refused["failed"]
    assert "CN=Test Server CA may not have CAs below it" in refused["msg"]


def test_twenty_hosts_at_once_lose_nothing(site):
    site.ca()
    requests = site.request(*[site.item(f"app{number}") for number in range(20)])["requests"]
    script = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); from module_runner import run_module;"
        "sys.exit(run_module('certificate_sign', json.loads(sys.argv[2]))['failed'])"
    )

    def one(request: dict) -> int:
        certificates = [site.inventory[request["name"]]]
        args = json.dumps({"directory": str(site.ca_directory), "certificates": certificates, "requests": [request]})
        return subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parents[2]), args], check=False
        ).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, requests)) == [0] * 20
    assert len(list((site.ca_directory / "issued").iterdir())) == 20


def test_a_request_is_what_a_signer_takes_and_nothing_more(site):
    site.ca()
    (request,) = site.request(site.item("db1", **SERVER))["requests"]
    assert set(request) == {"name", "csr_pem", "reasons"}
    assert site.sign([request])["failed"] is False


def test_a_share_of_the_life_is_a_window_too(site):
    chain = site.ca()["chain_pem"]
    item = site.item(lifetime_days=100, renew_before_percent=50)
    site.issue(item)
    assert site.codes(item, issuer_pem=chain) == []
    begun = (datetime.now(timezone.utc) - timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    older = {**item, "not_before": begun}  # 60 of 100 days have passed
    requests = site.request(older)["requests"]
    assert (
        "the certificate app1 would be due for renewal at once, because it would expire on"
        in site.sign(requests)["msg"]
    )
    site.request({**older, "renew_before_percent": 39})
    signed = site.sign(requests)["certificates"]
    assert "not as requested: it expires on" in site.install(older, signed=signed)["msg"]
    site.issue({**older, "renew_before_percent": 39})
    assert site.codes(item, issuer_pem=chain) == ["renewal_due"]
    assert site.codes({**item, "renew_before_percent": 39}, issuer_pem=chain) == []


def test_openssl_reads_the_request(site):
    pem = site.request(site.item("db1", **SERVER))["requests"][0]["csr_pem"]
    openssl("req", "-verify", "-noout", stdin=pem)
    text = openssl("req", "-text", "-noout", stdin=pem)
    assert "CN = PostgreSQL db1" in text
    assert "DNS:raxus.swgalaxy, DNS:mobus.swgalaxy, IP Address:10.0.0.1" in text


def test_live_server_is_described(site):
    chain = site.ca()["chain_pem"]
    item = site.item("db1", **SERVER)
    site.issue(item)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(item["certificate"], item["private_key"])
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _address = listener.accept()
            with connection:
                assert connection.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL's SSLRequest
                connection.sendall(b"S")
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(answer)
            live = site.run("certificate_info", {"host": "127.0.0.1", "port": listener.getsockname()[1]})
    assert live["tls"]["version"] == "TLSv1.3"
    file = site.run("certificate_info", {"path": item["certificate"]})
    assert live["certificates"][0] == {**file["certificates"][0], "path": None}
    text = site.run("certificate_info", {"content": chain})
    assert text["certificates"][0]["is_ca"] is True
