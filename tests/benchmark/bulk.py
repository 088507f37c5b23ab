# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many client certificates cost in one play, against the raw cost of the same keys and signatures.

Raw is a plain script: for each certificate a P-256 key, a request that it signs and the CA checks, and a certificate
that the CA signs, all in PEM, nothing written. Both are measured in the same minute, so the ratio holds whatever the
machine. PGTLS_BULK_COUNT certificates (1000). Nothing is asserted.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CHECKOUT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("PGTLS_BULK_COUNT", "1000"))
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [wishes.json]
  tasks:
    - name: ca
      pgtls.postgresql.ca: {directory: "{{ folder }}/ca", common_name: Bulk Root CA}
      register: root
    - name: certificate_request
      pgtls.postgresql.certificate_request: {certificates: "{{ certificates }}", issuer_pem: "{{ root.chain_pem }}"}
      register: due
    - name: certificate_sign
      pgtls.postgresql.certificate_sign:
        directory: "{{ folder }}/ca"
        certificates: "{{ certificates | pgtls.postgresql.certificate_entries('holder', {}) }}"
        requests: "{{ due.requests | pgtls.postgresql.certificate_requests('holder', certificates, {}) }}"
      register: signed
      when: due.requests | length > 0
    - name: certificate_install
      pgtls.postgresql.certificate_install: {certificates: "{{ certificates }}", signed: "{{ signed.certificates | default([]) }}"}
"""
NO_USAGE = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
NO_USAGE += ("encipher_only", "decipher_only")

Pem = bytes


def seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def client(number: int) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"client {number}")])


def holder_work(number: int) -> tuple[Pem, Pem]:
    """A key and a request for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(client(number)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form), request.public_bytes(serialization.Encoding.PEM)


def authority_work(request_pem: Pem, ca_name: x509.Name, ca_key: ec.EllipticCurvePrivateKey) -> Pem:
    """A certificate with the extensions that one of ours has."""
    request = x509.load_pem_x509_csr(request_pem)
    if not request.is_signature_valid:
        raise SystemExit("a request is not signed by its key")
    now = datetime.datetime.now(datetime.UTC)
    key = request.public_key()
    usage = dict.fromkeys(NO_USAGE, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca_name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def raw_work() -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    for number in range(COUNT):
        _key_pem, request_pem = holder_work(number)
        authority_work(request_pem, client(0), ca_key)


def prepare(folder: Path) -> None:
    """The play and its wishes: one folder and four files a certificate."""
    files = {"private_key": "own.key", "certificate": "own.crt", "fullchain": "own.fullchain.crt", "root": "root.crt"}
    certificates = []
    for number in range(COUNT):
        place = folder / "holder" / str(number)
        place.mkdir(parents=True)
        wish = {"name": f"client{number}", "common_name": f"client {number}", "usages": ["client"]}
        certificates.append({**wish, **{option: str(place / name) for option, name in files.items()}})
    (folder / "wishes.json").write_text(json.dumps({"folder": str(folder), "certificates": certificates}))
    (folder / "play.yml").write_text(PLAY)


def play(folder: Path) -> tuple[float, dict[str, float], str]:
    """Seconds of one run as a whole and by task, and its recap."""
    tasks = folder / "tasks"
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
        "JUNIT_HIDE_TASK_ARGUMENTS": "true",
        "JUNIT_OUTPUT_DIR": str(tasks),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(folder / "play.yml")]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    (report,) = tasks.iterdir()
    by_task = {
        case.attrib["name"].split(": ")[1]: float(case.attrib["time"])
        for case in ElementTree.parse(report).iter("testcase")
    }
    report.unlink()
    return whole, by_task, re.sub(r" +", " ", done.stdout.strip().splitlines()[-1])


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        raw = seconds(raw_work)
        print(f"{COUNT} P-256 client certificates with {len(os.sched_getaffinity(0))} cores", flush=True)
        print(f"{'raw':14}{raw:7.2f} s: keys, requests and signatures in a plain script, one core", flush=True)
        for what in ("first run", "second run"):
            whole, by_task, recap = play(folder)
            shares = ", ".join(f"{task} {took:.2f}" for task, took in by_task.items())
            print(f"{what:14}{whole:7.2f} s, {whole / raw:.1f} times raw: {shares}; {recap}", flush=True)
        print(f"{'raw again':14}{seconds(raw_work):7.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
