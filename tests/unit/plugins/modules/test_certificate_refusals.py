# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input to the certificate modules: one sentence, and nothing written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl


def item(folder: Path, **more) -> dict:
    return {
        "name": "app1",
        "common_name": "PostgreSQL client1",
        "usages": ["client"],
        "private_key": str(folder / "a.key"),
        "certificate": str(folder / "a.crt"),
        **more,
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usages": ["server"]}, "the certificate app1: a server certificate needs dns_names or ip_addresses"),
        ({"usages": []}, "the certificate app1: usages is empty"),
        ({"common_name": ""}, "the certificate app1: a client certificate needs a common_name"),
        ({"dns_names": ["a_b"]}, "the certificate app1: dns_names holds 'a_b'"),
        ({"ip_addresses": ["10.0.0.0/8"]}, "the certificate app1: ip_addresses holds '10.0.0.0/8'"),
        ({"name": "a/b"}, "the name of a certificate is 'a/b'"),
        ({"lifetime_days": 0}, "lifetime_days is 0"),
        ({"renew_before_days": -1}, "renew_before_days is -1"),
        (
            {"subject": {"O": None}},
            "the certificate app1: subject.O is None, but must be a string or a list of strings",
        ),
        (
            {"subject": {"O": ["X", {"Y": 1}]}},
            "subject.O is ['X', {'Y': 1}], but must be a string or a list of strings",
        ),
        ({"not_before": "1949-12-31T23:59:59Z"}, "but certificates hold no time before 1950; choose a later one"),
        (
            {"private_key_passphrase": "y" * 1024},
            "private_key_passphrase has 1024 bytes, but OpenSSL takes at most 1023",
        ),
        (
            {"private_key_passphrase": "ü" * 512},
            "private_key_passphrase has 1024 bytes, but OpenSSL takes at most 1023",
        ),
        ({"not_after": "soon"}, "the certificate app1: not_after is 'soon'"),
        ({"key_type": "dsa"}, "value of key_type must be one of"),
        ({"key_mode": "u=rw"}, "octal"),
        ({"owner": "nobody-by-this-name"}, "there is no owner 'nobody-by-this-name'"),
    ],
)
def test_bad_certificate_is_refused(tmp_path, change, said):
    refused = run_module("certificate_request", {"certificates": [item(tmp_path, **change)]})
    assert refused["failed"]
    assert said in refused["msg"]
    assert list(tmp_path.iterdir()) == []


def test_items_that_share_a_file_are_refused(tmp_path):
    items = [item(tmp_path), item(tmp_path, name="app2")]
    refused = run_module("certificate_request", {"certificates": items})
    assert refused["msg"] == f"certificates: the file {tmp_path}/a.key is used twice; every certificate needs its own"
    items = [item(tmp_path), item(tmp_path)]
    assert "the name app1 is used twice" in run_module("certificate_request", {"certificates": items})["msg"]


def test_an_encrypted_key_of_a_holder_is_refused(tmp_path):
    (tmp_path / "a.key").write_text(openssl("genpkey", "-algorithm", "ed25519", "-aes128", "-pass", "pass:x"))
    refused = run_module("certificate_request", {"certificates": [item(tmp_path)]})
    assert f"the private key {tmp_path}/a.key is encrypted" in refused["msg"]


def test_signing_without_a_ca_is_refused_and_with_a_wrong_passphrase_too(tmp_path):
    requests = run_module("certificate_request", {"certificates": [item(tmp_path)]})["requests"]
    args = {"directory": str(tmp_path / "ca"), "certificates": entries_of([item(tmp_path)]), "requests": requests}
    assert f"there is no CA in {tmp_path}/ca" in run_module("certificate_sign", args)["msg"]
    run_module("ca", {"directory": str(tmp_path / "ca"), "common_name": "CA", "passphrase": "right horse"})
    wrong = run_module("certificate_sign", {**args, "passphrase": "wrong"})
    assert f"{tmp_path}/ca/ca.key cannot be opened with the passphrase in passphrase" in wrong["msg"]
    assert "encrypted; give its passphrase" in run_module("certificate_sign", args)["msg"]
    assert list((tmp_path / "ca" / "issued").iterdir()) == []


def test_one_bad_request_stops_all_before_the_first_signature(tmp_path):
    run_module("ca", {"directory": str(tmp_path / "ca"), "common_name": "CA"})
    items = [item(tmp_path), item(tmp_path, name="b", private_key=str(tmp_path / "b"), certificate=str(tmp_path / "c"))]
    requests = run_module("certificate_request", {"certificates": items})["requests"]
    entries = entries_of([items[0], {**items[1], "lifetime_days": 4000}])
    args = {"directory": str(tmp_path / "ca"), "certificates": entries, "requests": requests}
    refused = run_module("certificate_sign", args)
    assert "the certificate b would expire on" in refused["msg"]
    assert list((tmp_path / "ca" / "issued").iterdir()) == []


def test_install_refuses_what_does_not_fit(tmp_path):
    run_module("ca", {"directory": str(tmp_path / "ca"), "common_name": "CA"})
    certificates = [item(tmp_path)]
    requests = run_module("certificate_request", {"certificates": certificates})["requests"]
    args = {"directory": str(tmp_path / "ca"), "certificates": entries_of(certificates), "requests": requests}
    (one,) = run_module("certificate_sign", args)["certificates"]

    def refusal(wanted=None, **change):
        result = run_module(
            "certificate_install", {"certificates": wanted or certificates, "signed": [{**one, **change}]}
        )
        assert result["failed"]
        assert not (tmp_path / "a.crt").exists()
        return result["msg"]

    assert "signed holds other, which is not in certificates" in refusal(name="other")
    assert "certificate_pem is empty" in refusal(certificate_pem=None)
    assert "certificate_pem holds no certificate in PEM" in refusal(certificate_pem="nonsense")
    assert "chain_pem does not lead from the certificate to a root" in refusal(chain_pem=one["certificate_pem"])
    assert "chain_pem does not lead from the certificate to a root" in refusal(chain_pem=None)
    both = [item(tmp_path, usages=["client", "server"], dns_names=["a"])]
    assert "not as requested: the names differ: a joins; the usages differ: server joins" in refusal(both)
    (tmp_path / "a.key").write_text(openssl("genpkey", "-algorithm", "ed25519"))
    assert "the certificate app1 does not belong to the private key on this host" in refusal()


def test_info_refuses_what_it_cannot_read(tmp_path):
    assert run_module("certificate_info", {})["msg"].startswith("one of the following is required")
    both = run_module("certificate_info", {"path": "/x", "content": "y"})
    assert "mutually exclusive" in both["msg"]
    assert run_module("certificate_info", {"path": "/x"})["msg"] == "there is no file /x; check the path"
    nothing = run_module("certificate_info", {"content": "y"})
    assert nothing["msg"] == "content holds no certificate in PEM; restore it or choose another path"
    down = run_module("certificate_info", {"host": "127.0.0.1", "port": 1, "timeout_seconds": 2})
    assert down["failed"]
    assert "127.0.0.1" in down["msg"]


def test_without_cryptography_every_module_says_so_in_one_sentence(tmp_path):
    script = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); sys.modules['cryptography'] = None\n"
        "from module_runner import run_module\n"
        "print(json.dumps([run_module(name, json.loads(args))['msg'] for name, args in json.loads(sys.argv[2])]))"
    )
    calls = [
        ("ca", json.dumps({"directory": "/x"})),
        ("certificate_request", json.dumps({"certificates": [item(tmp_path)]})),
        ("certificate_sign", json.dumps({"directory": "/x", "certificates": [], "requests": []})),
        ("certificate_install", json.dumps({"certificates": [item(tmp_path)]})),
        ("certificate_info", json.dumps({"content": "x"})),
    ]
    command = [sys.executable, "-c", script, str(Path(__file__).parents[2]), json.dumps(calls)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 5
    assert all(
        one.startswith("the Python library cryptography 3.3 or newer is needed for") and "python3-cryptography" in one
        for one in said
    )
