# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_command with the openssl program, and with small wrong ones, as signers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from foreign_ca import ForeignCa, Holder
from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl, verdict


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> ForeignCa:
    return ForeignCa(tmp_path_factory.mktemp("foreign") / "ca")


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return Holder(tmp_path / "holder")


def program(folder: Path, body: str) -> list[str]:
    """A signer in Python, whose folder is its own."""
    path = folder / "signer.py"
    path.write_text(f"import os, subprocess, sys, time\nos.chdir({str(folder)!r})\n{body}\n")
    return [sys.executable, str(path)]


def sign(holder: Holder, requests: list[dict], command: list[str], **more) -> dict:
    how = {key: more.pop(key) for key in ("check", "diff") if key in more}
    args = {"certificates": list(holder.inventory.values()), "requests": requests, "command": command, **more}
    return run_module("certificate_command", args, **how)


def refusal(holder: Holder, requests: list[dict], command: list[str], **more) -> str:
    result = sign(holder, requests, command, **more)
    assert result["failed"], result
    message: str = result["msg"]
    assert "\n" not in message
    return message


def test_signed_certificates_are_installed_and_satisfy_openssl(ca, holder):
    items = [holder.item("db1"), holder.item("app1", usages=["client"], dns_names=[], ip_addresses=[])]
    signed = sign(holder, holder.requests(*items), ca.command, chain_pem=ca.chain)
    assert signed["changed"]
    assert [one["name"] for one in signed["certificates"]] == ["db1", "app1"]
    assert {one["issuer"] for one in signed["certificates"]} == {"CN=Issuing CA,O=Elsewhere"}
    installed = holder.install(*items, signed=signed["certificates"])
    assert not installed["failed"], installed
    for item, usage in zip(items, ("server", "client")):
        leaf = Path(item["certificate"]).read_text().split("-----END")[0] + "-----END CERTIFICATE-----\n"
        assert verdict(holder.folder, leaf, ca.chain, usage) == "OK"
    assert Path(items[0]["root"]).read_text() == ca.root.read_text()
    assert holder.requests(*items) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_the_signer_prints_is_put_in_order(ca, holder, tmp_path, order):
    requests = holder.requests(holder.item())
    printed = [ca.sign(requests[0]["csr_pem"]), ca.sub.read_text(), ca.root.read_text()]
    (tmp_path / "out").write_text("Signing ...\n" + "some text\n".join(printed[at] for at in order))
    (one,) = sign(holder, requests, ["cat", str(tmp_path / "out")])["certificates"]
    assert one["certificate_pem"] == printed[0]
    assert one["chain_pem"] == ca.chain
    serial = openssl("x509", "-noout", "-serial", stdin=printed[0]).strip()
    assert serial == f"serial={one['serial_number']}"


def test_a_certificate_inside_json_is_found(ca, holder, tmp_path):
    requests = holder.requests(holder.item())
    leaf = ca.sign(requests[0]["csr_pem"])
    text = '{"cert": "' + leaf.replace("\n", "\\n") + '", "csr": "' + requests[0]["csr_pem"].replace("\n", "\\n") + '"}'
    (tmp_path / "out").write_text(text)
    (one,) = sign(holder, requests, ["cat", str(tmp_path / "out")], chain_pem=ca.chain)["certificates"]
    assert one["certificate_pem"] == leaf


def test_placeholders_hold_what_is_wished(ca, holder, tmp_path):
    requests = holder.requests(holder.item("db1", lifetime_days=77, not_after="2036-01-02T03:04:05Z"))
    words = [
        "{name}",
        "u={usages}",
        "{dns_names}",
        "{ip_addresses}",
        "{lifetime_days}",
        "{not_after}",
        "{csr}",
        '{"a": 1}',
    ]
    keep = (
        "open('words', 'w').write('\\n'.join(sys.argv[1:]) + '\\n' + open(sys.argv[7]).read())\n"
        "sys.exit(3 if os.stat(sys.argv[7]).st_mode & 0o777 == 0o644 else 4)"
    )
    assert "exit status 3" in refusal(holder, requests, [*program(tmp_path, keep), *words])
    found = (tmp_path / "words").read_text().splitlines()
    assert found[:6] == ["db1", "u=server", "db1.swgalaxy,db.swgalaxy", "10.0.0.1", "77", "2036-01-02T03:04:05Z"]
    assert found[7] == '{"a": 1}'
    assert "\n".join(found[8:]) + "\n" == requests[0]["csr_pem"]
    assert not os.path.exists(found[6])


def test_no_shell_reads_the_words(ca, holder, tmp_path):
    words = program(tmp_path, "open('word', 'w').write(sys.argv[1]); sys.exit(1)")
    refusal(holder, holder.requests(holder.item()), [*words, "$(touch ran); {name} `touch ran`"])
    assert (tmp_path / "word").read_text() == "$(touch ran); app1 `touch ran`"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.stderr.write('one\\ntwo\\n\\x1b[31mno such\\x07 CA\\x1b[0m\\n\\nask  us\\n'); sys.exit(7)",
         " ended with exit status 7 for the certificate app1 (two; no such CA; ask  us); correct the signer"),
        ("os.kill(os.getpid(), 15)", " ended with signal 15 for the certificate app1; correct the signer"),
        ("print('all is well')", "the certificate app1: the signer printed no certificate in PEM"),
        ("print('-----BEGIN CERTIFICATE-----\\nAAAA')", "the certificate app1: a certificate is cut off; restore it"),
        ("print('-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----')", "certificate 1 is damaged"),
        ("sys.stdout.write('x' * 9_000_000)", " prints without end for the certificate app1"),
    ],
)  # fmt: skip
def test_a_signer_that_fails_is_told_in_one_sentence(holder, tmp_path, body, said):
    assert said in refusal(holder, holder.requests(holder.item()), program(tmp_path, body))


def test_a_program_that_is_not_there_is_told(holder):
    requests = holder.requests(holder.item())
    said = refusal(holder, requests, ["/nowhere/signer"])
    assert (
        said == "the signer /nowhere/signer cannot be started (No such file or directory); correct the option command"
    )


def test_a_signer_that_does_not_end_is_killed_with_all_it_started(holder, tmp_path):
    body = (
        "child = subprocess.Popen(['sleep', '30'])\nopen('pid', 'w').write(str(child.pid))\n"
        "print('waiting', file=sys.stderr, flush=True)\ntime.sleep(30)"
    )
    began = time.monotonic()
    said = refusal(holder, holder.requests(holder.item()), program(tmp_path, body), timeout_seconds=1)
    assert "did not finish within 1 seconds for the certificate app1 (waiting), and was killed" in said
    assert time.monotonic() - began < 20
    child = Path("/proc", (tmp_path / "pid").read_text(), "cmdline")
    while child.exists() and child.read_bytes().startswith(b"sleep\0"):  # until init has it, or the seconds are over
        assert time.monotonic() - began < 20
        time.sleep(0.05)


def test_a_signer_that_closes_its_output_and_stays_is_killed_too(holder, tmp_path):
    body = "open('pid', 'w').write(str(os.getpid())); os.close(1); os.close(2); time.sleep(30)"
    assert "did not finish within 1 seconds" in refusal(
        holder, holder.requests(holder.item()), program(tmp_path, body), timeout_seconds=1
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_answer_for_another_key_is_refused(ca, holder, tmp_path):
    requests = holder.requests(holder.item("app1"), holder.item("app2"))
    (tmp_path / "out").write_text(ca.sign(requests[1]["csr_pem"]))
    said = refusal(holder, requests[:1], ["cat", str(tmp_path / "out")], chain_pem=ca.chain)
    assert said.startswith("the certificate app1: the signer printed certificates, but none for the key of the request")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"dns_names": ["db.swgalaxy"]},
            "the names are db.swgalaxy, 10.0.0.1, not app1.swgalaxy, db.swgalaxy, 10.0.0.1",
        ),
        ({"common_name": "root"}, "the subject is CN=root, not CN=PostgreSQL app1"),
        ({"usages": ["server", "client"]}, "the usages are server, client, not server"),
    ],
)
def test_an_answer_that_says_something_else_is_refused(ca, holder, tmp_path, change, said):
    other = holder.requests(holder.item(**change))  # the same key
    requests = holder.requests(holder.item())
    (tmp_path / "out").write_text(ca.sign(other[0]["csr_pem"]))
    assert said in refusal(holder, requests, ["cat", str(tmp_path / "out")], chain_pem=ca.chain)


def test_an_answer_with_another_end_or_none_of_the_names_is_refused(ca, holder):
    exact = holder.requests(holder.item(not_after="2036-01-02T03:04:05Z"))
    assert ", not 2036-01-02T03:04:05Z" in refusal(holder, exact, ca.command, chain_pem=ca.chain)
    plain = [word.replace("copyall", "none") for word in ca.command]
    said = refusal(holder, holder.requests(holder.item()), plain, chain_pem=ca.chain)
    assert "the names are none, not app1.swgalaxy" in said
    assert "the usages are none, not server" in said


def test_a_chain_without_its_root_is_refused(ca, holder):
    said = refusal(holder, holder.requests(holder.item()), ca.command, chain_pem=ca.sub.read_text())
    missing = "the certificate of the CA CN=Root CA,O=Elsewhere is missing from its chain"
    assert said == f"the certificate app1: {missing}; add it to the option chain_pem"


def test_a_certificate_signed_by_itself_is_refused(holder, tmp_path):
    item = holder.item()
    requests = holder.requests(item)
    (tmp_path / "csr").write_text(requests[0]["csr_pem"])
    own = ["-req", "-in", tmp_path / "csr", "-signkey", item["private_key"], "-copy_extensions", "copyall"]
    (tmp_path / "out").write_text(openssl("x509", *own))
    assert "app1 is signed by itself" in refusal(holder, requests, ["cat", str(tmp_path / "out")])


def test_all_requests_are_checked_before_the_first_is_signed(ca, holder, tmp_path):
    command = program(tmp_path, "open('ran', 'w')")
    good, bad = holder.requests(holder.item("app1"), holder.item("app2"))
    for change, said in (
        ({"csr_pem": "x"}, "the certificate app2: csr_pem holds no certificate signing request"),
        (
            {"csr_pem": good["csr_pem"]},
            "its entry in certificates: the subject is CN=PostgreSQL app1, not CN=PostgreSQL app2",
        ),
        (
            {"name": "../app2"},
            "the certificate '../app2' is requested, but the option certificates has no entry for it",
        ),
        ({"name": "app1"}, "requests holds the certificate app1 2 times"),
    ):
        assert said in refusal(holder, [good, {**bad, **change}], command)
    for change, said in (
        (
            {"dns_names": ["db.swgalaxy"]},
            "the names are app2.swgalaxy, db.swgalaxy, 10.0.0.1, not db.swgalaxy, 10.0.0.1",
        ),
        ({"usages": ["server", "client"]}, "the usages are server, not server, client"),
    ):
        certificates = entries_of([holder.item("app1"), holder.item("app2", **change)])
        said = f"the certificate app2: the request is not as its entry in certificates: {said}; make it again"
        assert said == refusal(holder, [good, bad], command, certificates=certificates)
    assert "is not in allowed_dns_domains" in refusal(holder, [good, bad], command, allowed_dns_domains=["example.org"])
    assert "{password}, which is not one of {csr}, {name}" in refusal(holder, [good], [*command, "{password}"])
    assert "command is empty" in refusal(holder, [good], [])
    assert "timeout_seconds is 0" in refusal(holder, [good], command, timeout_seconds=0)
    option = [{**entries_of([holder.item("app1")])[0], "name": "-x"}]
    said = refusal(holder, [{**good, "name": "-x"}], [*command, "{name}"], certificates=option)
    assert "the certificate -x would be an option" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("extension", "said"),
    [
        ("basicConstraints=critical,CA:TRUE", "it asks for the extension 2.5.29.19"),
        ("keyUsage=critical,keyCertSign", "it asks for the extension 2.5.29.15"),
        ("certificatePolicies=1.2.3.4", "it asks for the extension 2.5.29.32"),
        (
            "subjectAltName=DNS:app1.swgalaxy,email:root@swgalaxy",
            "the names are app1.swgalaxy, RFC822Name root@swgalaxy, not app1.swgalaxy",
        ),
    ],
)
def test_a_request_that_asks_for_more_never_reaches_the_signer(holder, tmp_path, extension, said):
    item = holder.item(dns_names=["app1.swgalaxy"], ip_addresses=[])
    (request,) = holder.requests(item)
    names = [] if extension.startswith("subjectAltName") else ["-addext", "subjectAltName=DNS:app1.swgalaxy"]
    asked = ["-addext", extension, "-addext", "extendedKeyUsage=serverAuth", *names]
    csr = openssl("req", "-new", "-key", item["private_key"], "-subj", "/CN=PostgreSQL app1", *asked)
    command = program(tmp_path, "open('ran', 'w')")
    assert said in refusal(holder, [{**request, "csr_pem": csr}], command)
    assert not (tmp_path / "ran").exists()


def test_check_mode_runs_nothing_and_predicts_the_diff(ca, holder, tmp_path):
    item = holder.item()
    requests = holder.requests(item)
    predicted = sign(holder, requests, program(tmp_path, "open('ran', 'w')"), chain_pem=ca.chain, check=True, diff=True)
    assert not (tmp_path / "ran").exists()
    assert predicted["changed"]
    (one,) = predicted["certificates"]
    assert (one["certificate_pem"], one["serial_number"]) == (None, None)
    assert one["chain_pem"] == ca.chain
    predicted = sign(holder, requests, ca.command, chain_pem=ca.chain, check=True, diff=True)
    signed = sign(holder, requests, ca.command, chain_pem=ca.chain, diff=True)
    assert predicted["diff"] == signed["diff"]
    assert "subject: CN=PostgreSQL app1" in signed["diff"][0]["after"]
    would = holder.install(item, signed=predicted["certificates"], check=True, diff=True)
    assert would["diff"] == holder.install(item, signed=signed["certificates"], check=True, diff=True)["diff"]
    alone = sign(holder, requests, ca.command, check=True)["certificates"]
    assert (alone[0]["chain_pem"], alone[0]["issuer"]) == (None, None)


def test_no_request_is_no_change(ca, holder):
    nothing = sign(holder, [], ca.command)
    assert (nothing["changed"], nothing["certificates"], nothing["diff"]) == (False, [], [])
