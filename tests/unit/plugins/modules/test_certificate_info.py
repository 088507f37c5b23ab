# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_info on folders, files and small TLS servers, with the openssl program as judge."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from foreign_ca import ForeignCa, Holder
from module_runner import run_module
from openssl_judge import openssl


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> ForeignCa:
    return ForeignCa(tmp_path_factory.mktemp("foreign") / "ca")


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return Holder(tmp_path / "holder")


def info(**args) -> dict:
    result = run_module("certificate_info", args)
    assert not result["failed"], result
    assert result["changed"] is False
    return result


def refusal(**args) -> str:
    result = run_module("certificate_info", args)
    assert result["failed"], result
    message: str = result["msg"]
    return message


@pytest.fixture
def folder(ca, holder, tmp_path) -> Path:
    """A folder such as operators have: certificates, keys, and what else lies about."""
    place = tmp_path / "tls"
    place.mkdir()
    items = [holder.item("app1"), holder.item("db1")]
    leaves = [ca.sign(request["csr_pem"]) for request in holder.requests(*items)]
    (place / "b.crt").write_text("some words\n" + leaves[0] + ca.sub.read_text())
    (place / "C.PEM").write_text(leaves[1])
    (place / "a.cer").write_bytes(ssl.PEM_cert_to_DER_cert(ca.root.read_text()))
    shutil.copy(items[0]["private_key"], place / "app1.pem")
    openssl("pkey", "-in", items[0]["private_key"], "-outform", "DER", "-out", place / "key.cer")
    (place / "empty.crt").write_text("")
    (place / "leaf.txt").write_text(leaves[0])
    (place / "below.crt").mkdir()
    (place / "below.crt" / "x.crt").write_text(leaves[0])
    (place / "nowhere.crt").symlink_to(place / "gone")
    return place


def test_a_folder_is_all_its_certificates_and_nothing_else(ca, folder):
    found = info(path=str(folder))
    pairs = [(Path(one["path"]).name, one["common_name"]) for one in found["certificates"]]
    assert pairs == [
        ("C.PEM", "PostgreSQL db1"),
        ("a.cer", "Root CA"),
        ("b.crt", "PostgreSQL app1"),
        ("b.crt", "Issuing CA"),
    ]
    assert [one["days_left"] for one in found["certificates"]] == [89, 2999, 89, 1999]
    assert found["unreadable"] == []
    assert "PRIVATE" not in found["_output"]


def test_damaged_files_of_a_folder_are_named_and_the_rest_is_described(ca, folder):
    (folder / "cut.pem").write_text(ca.root.read_text()[:300])
    (folder / "damaged.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    key = folder / "app1.pem"
    odd = ["-addext", "subjectAltName=DER:0500", "-key", key, "-subj", "/CN=odd"]
    (folder / "odd.crt").write_text(openssl("req", "-new", "-x509", *odd))
    found = info(path=str(folder))
    assert len(found["certificates"]) == 4
    damaged = {Path(one["path"]).name: one["sentence"] for one in found["unreadable"]}
    assert sorted(damaged) == ["cut.pem", "damaged.crt", "odd.crt"]
    assert damaged["cut.pem"] == f"{folder}/cut.pem: a certificate is cut off; restore it"
    assert damaged["damaged.crt"] == f"{folder}/damaged.crt: certificate 1 is damaged; restore it"
    assert damaged["odd.crt"].startswith(f"{folder}/odd.crt: certificate 1 has fields that cannot be read (")


def test_a_file_is_as_before_and_may_be_der(ca, folder):
    found = info(path=str(folder / "b.crt"))
    assert [one["common_name"] for one in found["certificates"]] == ["PostgreSQL app1", "Issuing CA"]
    assert {one["path"] for one in found["certificates"]} == {str(folder / "b.crt")}
    assert (found["tls"], found["key_matches"], found["unreadable"]) == (None, None, [])
    der = info(path=str(folder / "a.cer"))["certificates"][0]
    text = info(content=ca.root.read_text())["certificates"][0]
    assert {**der, "path": None} == text
    assert refusal(path=str(folder / "key.cer")).startswith(f"{folder}/key.cer holds no certificate in PEM")
    assert refusal(path=str(folder / "app1.pem")).startswith(f"{folder}/app1.pem holds no certificate in PEM")
    assert refusal(path=str(folder / "gone")) == f"there is no file {folder}/gone; check the path"


def test_an_empty_folder_has_no_certificates(tmp_path, holder):
    item = holder.item()
    holder.requests(item)
    found = info(path=str(tmp_path), private_key=item["private_key"])
    assert (found["certificates"], found["unreadable"], found["key_matches"]) == ([], [], False)


def test_a_key_belongs_to_the_first_certificate_or_to_any_of_a_folder(ca, folder, holder):
    key = holder.item("app1")["private_key"]  # the certificate of app1 is the third of the folder
    assert info(path=str(folder), private_key=key)["key_matches"] is True
    assert info(path=str(folder / "C.PEM"), private_key=key)["key_matches"] is False
    sub_key = str(ca.folder / "sub.key")  # the second in b.crt
    assert info(path=str(folder / "b.crt"), private_key=sub_key)["key_matches"] is False
    assert info(path=str(folder), private_key=sub_key)["key_matches"] is True


def test_purposes_are_those_of_openssl(ca, folder):
    found = {one["common_name"]: one["purposes"] for one in info(path=str(folder))["certificates"]}
    leaf, root = found["PostgreSQL db1"], found["Root CA"]
    assert (leaf["ssl_server"], leaf["ssl_client"], leaf["ssl_server_ca"], leaf["crl_signing"]) == (
        True,
        False,
        False,
        False,
    )
    assert (root["ssl_server_ca"], root["ssl_client_ca"], root["crl_signing"]) == (True, True, True)
    printed = openssl("x509", "-noout", "-purpose", stdin=ca.root.read_text()).splitlines()[1:]
    assert len(printed) == len(root) > 10


def test_without_openssl_there_is_no_verdict(ca, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert info(content=ca.root.read_text())["certificates"][0]["purposes"] is None


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server for one connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                answer(connection)

        done = pool.submit(serve)
        yield listener.getsockname()[1]
        done.result(timeout=20)


@pytest.fixture
def context(ca, holder) -> ssl.SSLContext:
    item = holder.item("db1")
    leaf = ca.sign(holder.requests(item)[0]["csr_pem"])
    Path(item["certificate"]).write_text(leaf + ca.sub.read_text())
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(item["certificate"], item["private_key"])
    return made


def talk(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)
        except OSError:  # the refusals that tests ask for
            return

    return answer


def test_direct_tls_begins_with_tls_and_names_the_protocol(context):
    context.set_alpn_protocols(["postgresql"])
    with server(talk(context)) as port:
        found = info(host="127.0.0.1", port=port, direct=True)
    assert found["certificates"][0]["common_name"] == "PostgreSQL db1"
    assert found["certificates"][0]["path"] is None
    assert found["tls"]["version"] == "TLSv1.3"


def test_a_tls_server_that_is_no_postgresql_is_refused(context):
    with server(talk(context)) as port:
        said = refusal(host="127.0.0.1", port=port, direct=True)
    assert said == f"the server at 127.0.0.1:{port} speaks TLS, but is not PostgreSQL (ALPN); correct host and port"


def test_a_server_that_takes_no_direct_tls_is_told_from_nobody():
    with server(lambda connection: connection.recv(8) and None) as port:
        said = refusal(host="127.0.0.1", port=port, direct=True)
    assert "ends the connection when it starts with TLS; that needs PostgreSQL 17 or newer" in said
    assert "nobody answers at 127.0.0.1:1 " in refusal(host="127.0.0.1", port=1, direct=True)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_wished_version_is_the_only_one_offered(context, version):
    context.set_alpn_protocols(["postgresql"])
    with server(talk(context)) as port:
        assert info(host="127.0.0.1", port=port, direct=True, tls_version=version)["tls"]["version"] == version
    context.maximum_version = context.minimum_version = ssl.TLSVersion[
        {"TLSv1.2": "TLSv1_3", "TLSv1.3": "TLSv1_2"}[version]
    ]
    with server(talk(context)) as port:
        said = refusal(host="127.0.0.1", port=port, direct=True, tls_version=version)
    assert "refused the TLS handshake" in said
