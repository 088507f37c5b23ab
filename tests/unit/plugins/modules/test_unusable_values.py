# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that ended in tracebacks once, each an example of its kind; tests/fuzz looks for more."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.requirements import import_driver
from module_runner import run_module
from openssl_judge import openssl

ITEM = {
    "name": "kite",
    "common_name": "kite",
    "usages": ["client"],
    "private_key": "kite.key",
    "certificate": "kite.crt",
}


def latin_1(folder):
    """A CA whose subject has letters of Latin-1 in a T61String."""
    settings = "[req]\nstring_mask=default\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\n"
    (folder / "cnf").write_text(settings)
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    return openssl(*made, "-config", folder / "cnf", "-utf8", "-subj", "/O=Zürichsee/CN=Alte CA")


def of_a_curve_that_nobody_knows(folder):
    """A certificate with a key that the library cannot read."""
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp112r1", "-nodes", "-subj", "/CN=kite"]
    return openssl(*made, "-keyout", "/dev/null")


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        (
            "certificate_request",
            {"certificates": [{**ITEM, "private_key": "a\0b"}]},
            "certificates.private_key holds a NUL character",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "subject": {"O": ["\0"]}}]},
            "certificates.subject holds a NUL character",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "mode": {}}]},
            "certificates.mode is {}, but must be an octal number",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "renew_before_days": 10**30}]},
            "certificates.renew_before_days is 1000",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "renew_before_days": 2**31 - 1}]},
            "must be between -1000000 and 1000000",
        ),
        ("ca", {"directory": "ca", "common_name": "Any", "path_length": 10**30}, "path_length is 1000"),
        (
            "certificate_command",
            {"certificates": [], "requests": [], "command": ["x"], "timeout_seconds": 2**31 - 1},
            "timeout_seconds is",
        ),
        ("pg_conf", {"path": "a\0b", "settings": {}}, "path holds a NUL character"),
        ("pg_hba", {"path": "a\0b", "rules": []}, "path holds a NUL character"),
        ("pg_hosts", {"path": "a\0b", "hosts": []}, "path holds a NUL character"),
        ("pg_ident", {"path": "a\0b", "mappings": []}, "path holds a NUL character"),
        (
            "ca",
            {"directory": "ca", "common_name": "Any", "parent": "5"},
            "there is no CA in 5; make one with the module ca, or name the directory of another parent",
        ),
        (
            "certificate_sign",
            {"directory": "ca", "intermediate": "0", "certificates": [], "requests": []},
            "there is no CA in ca/below/0; make one with the module ca, or correct intermediate",
        ),
        ("host_requirements", {"commands": ["a\nb"]}, r"'a\nb' is no program of this host"),
        pytest.param(
            "connection_check",
            {"attempts": [{"name": "one", "conninfo": "host=/no", "expect": "refused"}], "report": "new/"},
            "new/ names a directory, but a file is to be written; give it a name",
            marks=pytest.mark.skipif(import_driver() is None, reason="there is no psycopg, which is missed first"),
        ),
        ("host_requirements", {"commands": ["#"]}, "'#' is no program of this host"),
        ("host_requirements", {"commands": [""]}, "'' is no program of this host"),
        ("certificate_request", {"certificates": [{**ITEM, "name": "x" * 201}]}, "the name of a certificate has 201"),
        ("certificate_info", {"host": ".", "timeout_seconds": 1}, "correct host, port or server_name"),
        (
            "certificate_info",
            {"host": "127.0.0.1", "timeout_seconds": -1},
            "timeout_seconds is -1, but it must be at least 1",
        ),
    ],
)
def test_a_value_that_nothing_can_use_is_one_sentence(tmp_path, monkeypatch, module, options, said):
    monkeypatch.chdir(tmp_path)
    done = run_module(module, options, no_log=True)
    assert done["failed"] and said in done["msg"] and "\n" not in done["msg"], done["msg"]
    assert not (tmp_path / "kite.key").exists() and not (tmp_path / "ca").exists()


def test_a_certificate_with_letters_of_latin_1_is_one_sentence_where_it_cannot_be_read(tmp_path, monkeypatch):
    """Older versions of cryptography read it."""
    monkeypatch.chdir(tmp_path)
    done = run_module("certificate_request", {"certificates": [ITEM], "trusted_pem": latin_1(tmp_path)}, no_log=True)
    if done["failed"]:
        assert "trusted_pem: certificate 1 has fields that cannot be read" in done["msg"] and "\n" not in done["msg"]
    assert (tmp_path / "kite.key").exists() is not done["failed"]


def test_a_certificate_with_a_key_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = of_a_curve_that_nobody_knows(tmp_path)
    assert not run_module("certificate_request", {"certificates": [ITEM]})["failed"]
    signed = [{"name": "kite", "certificate_pem": odd, "chain_pem": odd, "issuer": "x"}]
    done = run_module("certificate_install", {"certificates": [ITEM], "signed": signed}, no_log=True)
    assert "chain_pem: certificate 1 has fields that cannot be read" in done["msg"] and "\n" not in done["msg"]
    done = run_module("certificate_install", {"certificates": [ITEM], "signed": [{**signed[0], "chain_pem": ""}]})
    assert "certificate_pem: certificate 1 has fields that cannot be read" in done["msg"]


def test_an_installed_certificate_with_a_key_that_cannot_be_read_is_due(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = of_a_curve_that_nobody_knows(tmp_path)
    (tmp_path / "kite.crt").write_text(odd)
    (tmp_path / "kite.fullchain.crt").write_text(odd)
    done = run_module("certificate_request", {"certificates": [{**ITEM, "fullchain": "kite.fullchain.crt"}]})
    assert not done["failed"] and len(done["requests"]) == 1, done
    assert "cannot be read" in str(done["requests"][0]["reasons"])


def test_a_ca_with_a_key_that_cannot_be_read_may_be_trusted(tmp_path):
    """The programs that trust it may know more kinds of keys than the library."""
    pem = of_a_curve_that_nobody_knows(tmp_path)
    done = run_module("trust_anchor", {"name": "kite", "certificate_pem": pem}, check=True)
    assert not done["failed"], done["msg"]


def test_a_file_of_the_exchange_has_a_name_that_file_systems_take(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = run_module("certificate_request", {"certificates": [ITEM]})["requests"][0]
    asked = {"certificates": [{**ITEM, "name": "kite"}], "requests": [request], "directory": str(tmp_path / "post")}
    entries = [{key: ITEM[key] for key in ("name", "common_name", "usages")}]
    done = run_module("certificate_exchange", {**asked, "certificates": entries, "host": "h" * 200 + ".x"})
    assert done["failed"] and "the host of the certificate kite has 202" in done["msg"], done["msg"]
    entries = [{**entries[0], "name": "k" * 100}]
    named = {"certificates": entries, "requests": [{**request, "name": "k" * 100}]}
    done = run_module("certificate_exchange", {**asked, **named, "host": "h" * 190})
    assert done["failed"] and "shorten the host or the name" in done["msg"], done["msg"]
    assert not (tmp_path / "post").exists()
