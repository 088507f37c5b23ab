# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_command with the signers of the distribution: GnuTLS' certtool and Cloudflare's cfssl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign_ca import ForeignCa, Holder
from module_runner import run_module
from openssl_judge import text_of, verdict

USAGES = {"server": "tls_www_server", "client": "tls_www_client"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> ForeignCa:
    return ForeignCa(tmp_path_factory.mktemp("foreign") / "ca")


def certtool(ca: ForeignCa) -> list[str]:
    for usage, purpose in USAGES.items():
        template = ["expiration_days = 90", "honor_crq_extensions", "signing_key", purpose]
        (ca.folder / f"{usage}.cfg").write_text("\n".join(template) + "\n")
    keys = [f"--load-ca-certificate={ca.sub}", f"--load-ca-privkey={ca.folder}/sub.key"]
    command = ["certtool", "--generate-certificate", "--load-request=/dev/stdin", *keys]
    return [*command, f"--template={ca.folder}/{{usages}}.cfg"]


def cfssl(ca: ForeignCa) -> list[str]:
    profiles = {usage: {"expiry": "2160h", "usages": ["digital signature", f"{usage} auth"]} for usage in USAGES}
    config = {"signing": {"default": {"expiry": "2160h"}, "profiles": profiles}}
    (ca.folder / "cfssl.json").write_text(json.dumps(config))
    keys = ["-ca", str(ca.sub), "-ca-key", f"{ca.folder}/sub.key", "-config", f"{ca.folder}/cfssl.json"]
    return ["cfssl", "sign", *keys, "-profile", "{usages}", "-"]


@pytest.mark.parametrize("signer", [certtool, cfssl])
@pytest.mark.parametrize("key_type", ["ecdsa-p256", "rsa-2048"])
def test_what_it_signs_is_installed_and_nothing_is_due_any_more(ca, tmp_path, signer, key_type):
    holder = Holder(tmp_path / "holder")
    client = {"usages": ["client"], "dns_names": [], "ip_addresses": []}
    subject = {"subject": {"O": "Galaxy", "OU": "Data"}, "key_type": key_type}
    items = [holder.item("db1", **subject), holder.item("app1", **client, **subject)]
    args = {"command": signer(ca), "chain_pem": ca.chain, **holder.asked(*items)}
    signed = run_module("certificate_command", args)
    assert not signed["failed"], signed
    installed = holder.install(*items, signed=signed["certificates"])
    assert not installed["failed"], installed
    for item, one, usage in zip(items, signed["certificates"], USAGES, strict=True):
        assert verdict(holder.folder, one["certificate_pem"], ca.chain, usage) == "OK"
        other = "client" if usage == "server" else "server"
        assert "nsuitable certificate purpose" in verdict(holder.folder, one["certificate_pem"], ca.chain, other)
        assert Path(item["certificate"]).read_text() == one["certificate_pem"] + ca.sub.read_text()
    assert "DNS:db1.swgalaxy, DNS:db.swgalaxy, IP Address:10.0.0.1" in text_of(
        signed["certificates"][0]["certificate_pem"]
    )
    assert holder.requests(*items, issuer_pem=ca.chain) == []


@pytest.mark.parametrize(
    ("signer", "words"),
    [(certtool, "error reading file at --load-ca-privkey"), (cfssl, "no such file or directory")],
)
def test_its_own_words_tell_what_is_wrong(ca, tmp_path, signer, words):
    command = [word.replace("sub.key", "gone.key") for word in signer(ca)]
    holder = Holder(tmp_path / "holder")
    args = {"command": command, "chain_pem": ca.chain, **holder.asked(holder.item())}
    refused = run_module("certificate_command", args)
    assert refused["failed"]
    assert words in refused["msg"]
    assert "for the certificate app1" in refused["msg"]


def test_a_profile_for_something_else_is_noticed(ca, tmp_path):
    command = [word.replace("{usages}", "client") for word in cfssl(ca)]
    holder = Holder(tmp_path / "holder")
    args = {"command": command, "chain_pem": ca.chain, **holder.asked(holder.item())}
    assert "the usages are client, not server" in run_module("certificate_command", args)["msg"]
