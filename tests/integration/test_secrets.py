# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No copy of a private key and no passphrase outside its holder, through the whole path of many certificates.

Real ansible-playbook runs are watched: what any process wrote to any file, also to one that was gone at once, is
searched for the keys that the holders have in the end.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from watched_run import WatchedRun, watched_run

CHECKOUT = Path(__file__).resolve().parents[2]
COUNT = 30
# Of each certificate in turn; every one of them is of another type the second time.
FIRST = ("ecdsa-p256", "ed25519", "ecdsa-p384", "rsa-2048")
SECOND = ("ed25519", "ecdsa-p384", "ecdsa-p256", "ecdsa-p256")
CA_PASSPHRASE = "of-the-ca-5e8b91c07d"
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [wishes.json]
  module_defaults:
    pgtls.postgresql.ca: {directory: "{{ ca }}", common_name: Secret Root CA, passphrase: "{{ ca_passphrase }}"}
    pgtls.postgresql.certificate_sign: {directory: "{{ ca }}", passphrase: "{{ ca_passphrase }}"}
  tasks:
    - name: Root CA
      pgtls.postgresql.ca:
      register: root
    - name: Request
      pgtls.postgresql.certificate_request: {certificates: "{{ certificates }}", issuer_pem: "{{ root.chain_pem }}"}
      register: due
    - name: Sign
      pgtls.postgresql.certificate_sign:
        certificates: "{{ certificates | pgtls.postgresql.certificate_entries('holder', {}) }}"
        requests: "{{ due.requests | pgtls.postgresql.certificate_requests('holder', certificates, {}) }}"
      register: signed
    - name: Install
      pgtls.postgresql.certificate_install: {certificates: "{{ certificates }}", signed: "{{ signed.certificates }}"}
    - name: Show all that is known
      ansible.builtin.debug: {msg: "{{ [root, due, signed] }}"}
"""

Places = Mapping[str, bytes | bytearray]


@dataclass(frozen=True)
class Secret:
    """What must not be found, in every guise, and the only files that may hold it."""

    name: str
    needles: tuple[bytes, ...]
    homes: tuple[str, ...] = ()

    def found_in(self, content: bytes | bytearray) -> bool:
        return any(needle in content for needle in self.needles)


def guises(secret: bytes) -> tuple[bytes, ...]:
    """A secret as it would look raw, in hexadecimal, and in base64 wherever it begins."""
    encoded = [base64.b64encode(bytes(shift) + secret)[4:][: len(secret) * 4 // 3 - 4] for shift in range(3)]
    return (secret, secret.hex().encode(), secret.hex().upper().encode(), *encoded)


def secret_number(key: Any) -> bytes:
    """What makes a key private."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        number = key.private_numbers().private_value
    elif isinstance(key, rsa.RSAPrivateKey):
        number = key.private_numbers().p
    else:
        raw = (serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        return bytes(key.private_bytes(*raw))
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def leaks(secrets: Iterable[Secret], places: Places) -> list[str]:
    """Sentences about secrets that are where they must not be."""
    contents = {path: re.sub(rb"\\[rn]|[\r\n]", b"", content) for path, content in places.items()}
    return [
        f"{secret.name} is in {path}"
        for secret in secrets
        for path, content in contents.items()
        if path not in secret.homes and (secret.found_in(content) or secret.found_in(places[path]))
    ]


def seen(run: WatchedRun) -> dict[str, bytes | bytearray]:
    """All places of a run: files, the output, and the arguments and environment of each program."""
    programs = {f"the command line or environment of process {i}": text for i, text in enumerate(run.executed)}
    return {**run.written, **programs, "the output": run.output.encode()}


@dataclass
class Site:
    """A CA and the holder of many certificates on this machine."""

    folder: Path
    runs: list[WatchedRun] = field(default_factory=list)

    def path(self, *parts: str) -> str:
        return str(self.folder.joinpath(*parts))

    def certificate(self, number: int, key_type: str) -> dict[str, Any]:
        """One of five shapes of delivery."""
        name = f"app{number}"
        files = {key: self.path("holder", name, value) for key, value in FILES.items()}
        encrypted, der = {"private_key_passphrase": f"of-the-key-{number}-a96fd3"}, {"pkcs8_der": files["pkcs8_der"]}
        keystore = {"pkcs12": files["pkcs12"], "pkcs12_passphrase": f"of-the-keystore-{number}-c1b7e2"}
        shapes = ({}, encrypted, {**keystore, **der}, der, {**encrypted, **keystore})
        places = {key: files[key] for key in ("private_key", "certificate", "fullchain", "root")}
        wish = {"name": name, "common_name": name, "usages": ["client"], "key_type": key_type}
        return {**wish, **places, **shapes[number % len(shapes)]}

    def certificates(self, key_types: tuple[str, ...]) -> list[dict[str, Any]]:
        return [self.certificate(number, key_types[number % len(key_types)]) for number in range(COUNT)]

    def play(self, certificates: list[dict[str, Any]], *options: str) -> WatchedRun:
        """Run the play; the wishes lie in a file, as they would in a vault."""
        wishes = {"ca": self.path("ca"), "ca_passphrase": CA_PASSPHRASE, "certificates": certificates}
        (self.folder / "play/wishes.json").write_text(json.dumps(wishes))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": self.path("controller"),
            "ANSIBLE_REMOTE_TMP": self.path("remote"),
            "ANSIBLE_LOG_PATH": self.path("log/ansible.log"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": self.path("tmp"),
        }
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-vvv", "--diff", *options]
        book = self.path("play/play.yml")
        run = watched_run([*command, book], self.folder / "trace", cwd=CHECKOUT, env=environment)
        assert run.status == 0, run.output
        self.runs.append(run)
        return run

    def remains(self) -> dict[str, bytes]:
        """Every file that is there in the end, but the wishes."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.parent.name != "play")
        return {str(path): path.read_bytes() for path in files}

    def secrets(self, certificates: list[dict[str, Any]]) -> Iterator[Secret]:
        """Every passphrase, and every key that stands in its place now."""
        yield Secret("the CA's passphrase", guises(CA_PASSPHRASE.encode()))
        ca_key = serialization.load_pem_private_key((self.folder / "ca/ca.key").read_bytes(), CA_PASSPHRASE.encode())
        yield Secret("the CA's key", guises(secret_number(ca_key)))
        for item in certificates:
            for option in ("private_key_passphrase", "pkcs12_passphrase"):
                if option in item:
                    yield Secret(f"{option} of {item['name']}", guises(item[option].encode()))
            passphrase = item.get("private_key_passphrase")
            key = serialization.load_pem_private_key(
                Path(item["private_key"]).read_bytes(), passphrase.encode() if passphrase else None
            )
            # An encrypted key has no place at all where it may be read.
            homes = () if passphrase else (*key_files(item), item.get("pkcs8_der", item["private_key"]))
            yield Secret(f"the key of {item['name']}", guises(secret_number(key)), homes)


FILES = {
    "private_key": "own.key",
    "certificate": "own.crt",
    "fullchain": "own.fullchain.crt",
    "root": "root.crt",
    "pkcs12": "own.p12",
    "pkcs8_der": "own.pk8",
}


def key_files(item: dict[str, Any]) -> tuple[str, str]:
    """The key in its place, and one that waits for its certificate."""
    return item["private_key"], f"{item['private_key']}.next"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("secrets")
    for name in ("controller", "remote", "log", "tmp", "play", *(f"holder/app{number}" for number in range(COUNT))):
        (folder / name).mkdir(parents=True)
    (folder / "play/play.yml").write_text(PLAY)
    return Site(folder)


def check(site: Site, run: WatchedRun, certificates: list[dict[str, Any]]) -> None:
    """Nothing leaked, and the search itself works: it finds each key where it was written."""
    secrets = list(site.secrets(certificates))
    assert leaks(secrets, {**site.remains(), **seen(run)}) == []
    for secret in secrets:
        if secret.homes:
            places = {path: bytes(content).replace(b"\n", b"") for path, content in run.written.items()}
            assert any(path in secret.homes and secret.found_in(content) for path, content in places.items()), (
                secret.name
            )
    allowed = (path for item in certificates for path in key_files(item))
    marked = Secret("a private key", (b"PRIVATE KEY-----",), (site.path("ca/ca.key"), *allowed))
    assert leaks([marked], {**site.remains(), **seen(run)}) == []
    holders = site.path("holder")
    assert [copy for copy in run.copied if copy[0].startswith((holders, site.path("ca/ca.key")))] == []


def test_many_new_certificates_leave_no_copy_of_a_key(site: Site) -> None:
    predicted = site.play(site.certificates(FIRST), "--check")
    assert leaks([Secret("a private key", (b"PRIVATE KEY-----",))], seen(predicted)) == []
    assert not list(site.folder.glob("holder/*/*"))
    certificates = site.certificates(FIRST)
    check(site, site.play(certificates), certificates)
    for item in certificates:
        assert all(Path(item[key]).is_file() for key in FILES if key in item), item["name"]


def test_new_keys_beside_those_in_use_leave_no_copy_either(site: Site) -> None:
    before = list(site.secrets(site.certificates(FIRST)))
    certificates = site.certificates(SECOND)
    run = site.play(certificates)
    check(site, run, certificates)
    assert leaks(before, seen(run)) == []


def test_temporary_folders_are_empty_in_the_end(site: Site) -> None:
    for name in ("tmp", "remote", "controller"):
        assert [path for path in (site.folder / name).rglob("*") if path.is_file()] == []


SAY = "import os, sys, tempfile, subprocess; secret = open(sys.argv[1], 'rb').read(); "


@pytest.mark.parametrize(
    ("program", "place"),
    [
        ("file = tempfile.NamedTemporaryFile(); file.write(secret); file.close()", "tmp/"),
        ("file = tempfile.TemporaryFile(); file.write(secret); file.close()", "tmp/"),
        ("file = os.memfd_create('x'); os.write(file, secret[:40]); os.write(file, secret[40:])", "memfd"),
        ("subprocess.run(['true', secret.decode()])", "command line"),
        ("subprocess.run(['true'], env={'SECRET': secret.decode()})", "environment"),
        ("print(secret.decode())", "the output"),
    ],
)
def test_the_watch_sees_what_lives_for_a_moment(tmp_path: Path, program: str, place: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(key.private_bytes(*pem))
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-c", SAY + program, str(tmp_path / "key")]
    run = watched_run(command, tmp_path / "trace", env=environment)
    said = leaks([Secret("key", guises(secret_number(key)))], seen(run))
    assert said and all(place in sentence for sentence in said), said
    assert list((tmp_path / "tmp").iterdir()) == []
