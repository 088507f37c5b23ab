# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that lie to a signer: whatever they ask, they get what the inventory gives them, or nothing."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography import x509
from module_runner import run_module
from openssl_judge import openssl, text_of, verdict
from signers import INVENTORY, SIGNERS, Signer, csr


@pytest.fixture(params=SIGNERS)
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    return Signer(tmp_path, request.param)


@pytest.fixture(params=["command", "exchange"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    """A signer whose CA copies what a request says."""
    return Signer(tmp_path, request.param)


def test_an_honest_request_gets_what_its_entry_says(signer, tmp_path):
    result = signer.ask([{"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path)}])
    assert not result["failed"], result
    if signer.kind == "exchange":
        assert result["waiting"] == ["app1"]
        return
    (one,) = result["certificates"]
    assert (one["host"], one["name"]) == ("apps1", "app1")
    assert verdict(tmp_path, one["certificate_pem"], one["chain_pem"], "client") == "OK"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("apps1", "app2"),  # another client's
        ("apps1", "server"),
        ("apps2", "app1"),
        ("evil", "app1"),  # a host without any certificate
        ("", "app1"),
        ("apps1", "app1-old"),  # its own by another name, which a revocation by name would not reach
        ("apps1", "APP1"),
        ("apps1", "../app1"),
        ("apps1", "{{ lookup('pipe', 'id') }}"),
        ("apps1\n", "app1"),
    ],
)
def test_what_the_inventory_does_not_give_to_a_host_is_refused(signer, tmp_path, host, name):
    said = signer.refusal([{"host": host, "name": name, "csr_pem": csr(tmp_path)}])
    assert said.startswith("the certificate ")
    assert " is requested, but the option certificates has no entry for it, so nothing is signed; add it to" in said


def test_an_empty_inventory_means_nobody(signer, tmp_path):
    honest = {"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path)}
    assert "the option certificates has no entry for it" in signer.refusal([honest], [])


def test_a_request_or_an_entry_that_comes_twice_is_refused(signer, tmp_path):
    honest = {"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path)}
    said = signer.refusal([honest, {**honest, "csr_pem": csr(tmp_path)}])
    assert said == "requests holds the certificate app1 of the host apps1 2 times; give it once, by host and name"
    said = signer.refusal([honest], [*INVENTORY, {**INVENTORY[0], "common_name": "postgres"}])
    assert said == "certificates holds the certificate app1 of the host apps1 2 times; give it once, by host and name"


@pytest.mark.parametrize(
    "more",
    [
        {"usages": ["server"]},
        {"usages": []},
        {"common_name": "postgres"},
        {"dns_names": ["db1.swgalaxy"]},
        {"ip_addresses": ["10.0.0.1"]},
        {"subject": {"O": "Admins"}},
        {"lifetime_days": 3650},
        {"not_before": "2020-01-01T00:00:00Z"},
        {"not_after": "2099-01-01T00:00:00Z"},
        {"replaces": "4F1B09C2"},
        {"allowed_common_names": ["postgres"]},
    ],
)
def test_words_of_a_host_beside_its_request_are_refused(signer, tmp_path, more):
    said = signer.refusal([{"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path), **more}])
    assert said.startswith("Unsupported parameters") and f"requests.{next(iter(more))}" in said


LIES = [
    (("/CN=app2",), {}),
    (("/CN=postgres",), {}),
    (("/O=Admins/CN=app1",), {}),
    (("/CN=app2/CN=app1",), {}),
    (("/",), {}),
    (("/CN=app1", "subjectAltName=DNS:db1.swgalaxy"), {}),
    (("/CN=app1", "subjectAltName=IP:10.0.0.1"), {}),
    (("/CN=app1", "subjectAltName=email:root@swgalaxy"), {}),
    (("/CN=app1", "subjectAltName=URI:https://x"), {}),
    (("/CN=app1",), {"usage": "serverAuth"}),
    (("/CN=app1",), {"usage": "clientAuth,serverAuth"}),
    (("/CN=app1",), {"usage": "anyExtendedKeyUsage"}),
    (("/CN=app1",), {"usage": ""}),
    (("/CN=app1", "basicConstraints=critical,CA:TRUE"), {}),
    (("/CN=app1", "keyUsage=critical,keyCertSign"), {}),
    (("/CN=app1", "certificatePolicies=1.2.3.4"), {}),
    (("/CN=app1", "nsCertType=server"), {}),
]


@pytest.mark.parametrize(("how", "more"), LIES)
def test_of_what_a_request_says_our_ca_takes_the_key_alone(tmp_path, how, more):
    request = csr(tmp_path, *how, **more)
    result = Signer(tmp_path, "sign").ask([{"host": "apps1", "name": "app1", "csr_pem": request}])
    (one,) = result["certificates"]
    text = text_of(one["certificate_pem"])
    assert "Subject: CN=app1 " in text and "CA:FALSE" in text
    assert "Extended Key Usage: TLS Web Client Authentication X509v3" in text
    assert "Alternative Name" not in text and "1.2.3.4" not in text and "Cert Sign" not in text
    assert openssl("x509", "-noout", "-pubkey", stdin=one["certificate_pem"]) == openssl(
        "req", "-noout", "-pubkey", stdin=request
    )


@pytest.mark.parametrize(("how", "more"), [*LIES, (("/CN=app1+UID=0",), {})])
def test_a_request_that_says_anything_else_reaches_no_foreign_ca(foreign, tmp_path, how, more):
    said = foreign.refusal([{"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path, *how, **more)}])
    assert said.startswith("the certificate app1 of the host apps1: the request is not as its entry in certificates: ")
    assert said.endswith("; make it again")


def test_an_attribute_beside_the_extensions_reaches_no_foreign_ca(foreign, tmp_path):
    key = tmp_path / "own.key"
    key.write_text(openssl("genpkey", "-algorithm", "ed25519"))
    config = tmp_path / "attributes.cnf"
    config.write_text(
        "[req]\ndistinguished_name=dn\nattributes=more\nprompt=no\nreq_extensions=v3\n[dn]\nCN=app1\n"
        "[more]\nchallengePassword=of the CA\n[v3]\nextendedKeyUsage=clientAuth\n"
    )
    request = openssl("req", "-new", "-config", config, "-key", key)
    said = foreign.refusal([{"host": "apps1", "name": "app1", "csr_pem": request}])
    assert "it has 2 attributes, not the one that asks for extensions" in said
    bare = openssl("req", "-new", "-key", key, "-subj", "/CN=app1")
    said = foreign.refusal([{"host": "apps1", "name": "app1", "csr_pem": bare}])
    assert "it has 0 attributes" in said


def test_a_key_that_tls_cannot_use_reaches_no_foreign_ca(foreign, tmp_path):
    key = tmp_path / "pss.key"
    key.write_text(openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"))
    request = csr(tmp_path, key=("-key", str(key)))
    said = foreign.refusal([{"host": "apps1", "name": "app1", "csr_pem": request}])
    # an old cryptography cannot even read such a request
    assert "its key is not written as in certificates for TLS" in said or "holds no certificate signing request" in said


def test_text_around_a_request_and_a_second_request_reach_no_foreign_ca(foreign, tmp_path):
    honest, evil = csr(tmp_path), csr(tmp_path, "/CN=postgres")
    result = foreign.ask([{"host": "apps1", "name": "app1", "csr_pem": f"Please: CN=postgres\n{honest}{evil}"}])
    assert not result["failed"], result
    if foreign.kind == "exchange":
        assert (tmp_path / "exchange/requests/apps1.app1.csr").read_text() == honest
    else:
        (one,) = result["certificates"]
        assert x509.load_pem_x509_certificate(one["certificate_pem"].encode()).subject.rfc4514_string() == "CN=app1"


def test_a_request_signed_by_another_key_is_refused(signer, tmp_path):
    """The key of somebody else is public, and so a request for it costs nothing."""
    bodies = []
    for name in ("own", "other"):
        key = tmp_path / f"{name}.key"
        key.write_text(openssl("genpkey", "-algorithm", "ed25519"))
        bodies.append(b64decode("".join(csr(tmp_path, key=("-key", str(key))).splitlines()[1:-1])))
    stolen = b64encode(bodies[1][:-64] + bodies[0][-64:]).decode()
    pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{stolen}\n-----END CERTIFICATE REQUEST-----\n"
    said = signer.refusal([{"host": "apps1", "name": "app1", "csr_pem": pem}])
    assert "the signature of the request is wrong, so its sender does not hold the key" in said


def test_asking_again_and_again_gives_the_same_certificate(tmp_path):
    signer = Signer(tmp_path, "sign")
    key = tmp_path / "own.key"
    key.write_text(openssl("genpkey", "-algorithm", "ed25519"))
    found = []
    for subject in ("/CN=app1", "/CN=app2", "/"):
        requests = [{"host": "apps1", "name": "app1", "csr_pem": csr(tmp_path, subject, key=("-key", str(key)))}]
        found += signer.ask(requests)["certificates"]
    assert found == found[:1] * 3
    assert len(list((tmp_path / "ca/issued").iterdir())) == 1


def test_hosts_with_one_name_each_get_their_own_in_one_call(tmp_path):
    signer = Signer(tmp_path, "sign")
    inventory = [{**INVENTORY[0], "host": host, "common_name": host} for host in ("h1", "h2", "h3")]
    requests = [{"host": host, "name": "app1", "csr_pem": csr(tmp_path)} for host in ("h3", "h1")]
    found = signer.ask(requests, inventory)["certificates"]
    assert [one["host"] for one in found] == ["h3", "h1"]
    assert ["Subject: CN=h3 " in text_of(found[0]["certificate_pem"]), "CN=h1 " in text_of(found[1]["certificate_pem"])]
    revoked = run_module("certificate_revoke", {"directory": str(tmp_path / "ca"), "revocations": [{"name": "app1"}]})
    assert len(revoked["revoked"]) == 2
