# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_info against real servers: 15 by SSLRequest, newer ones by direct TLS and by names (SNI)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from module_runner import run_module
from openssl_authority import Authority, Pair, new_authority

sys.path.append(str(Path(__file__).resolve().parents[1] / "differential"))

from servers import Server, available_versions, running

DIRECT, NAMES = 17, 19  # the first versions with direct TLS, and with certificates by name
VERSIONS = [version for version in available_versions() if version in (15, 17, 18, 19)]


def info(**args) -> dict:
    result = run_module("certificate_info", {"host": "127.0.0.1", **args})
    assert not result["failed"], result
    return result


def refusal(**args) -> str:
    result = run_module("certificate_info", {"host": "127.0.0.1", **args})
    assert result["failed"], result
    message: str = result["msg"]
    return message


@dataclass(frozen=True)
class Site:
    """A server that serves a certificate by default and, from 19 on, another one by name."""

    server: Server
    default: Pair
    named: Pair

    @property
    def port(self) -> int:
        return self.server.port

    def fingerprint(self, **args) -> str:
        served = info(port=self.port, **args)["certificates"]
        fingerprint: str = served[0]["fingerprint_sha256"]
        return fingerprint


def put(server: Server, pair: Pair, name: str) -> None:
    """Give the server a certificate and its key."""
    for source, ending in ((pair.certificate, "crt"), (pair.key, "key")):
        target = server.directory / "conf" / f"{name}.{ending}"
        shutil.copy(source, target)
        target.chmod(0o600)
        if server.owner is not None:
            shutil.chown(target, *server.owner)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("info") / "ca", "Info CA")


@pytest.fixture(scope="module", params=VERSIONS)
def site(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Site]:
    version = request.param
    default = authority.issue(f"default{version}", "default", "DNS:localhost")
    named = authority.issue(f"named{version}", "named", "DNS:db.swgalaxy")
    with running(version, listen="127.0.0.1") as server:
        put(server, default, "server")
        put(server, named, "named")
        if version >= NAMES:
            lines = [f"db.swgalaxy {server.path('named.crt')} {server.path('named.key')}"]
            lines.append(f"* {server.path('server.crt')} {server.path('server.key')}")
            hosts = Path(server.root + str(server.query("SHOW hosts_file")[0][0]))
            hosts.write_text("\n".join(lines) + "\n")
            server.configure(ssl="on", ssl_sni="on")
        else:
            server.configure(ssl="on")
        yield Site(server, default, named)


def test_the_served_certificate_is_described(site):
    found = info(port=site.port)
    (first, *_rest) = found["certificates"]
    assert first["fingerprint_sha256"] == site.default.fingerprint()
    assert (first["dns_names"], first["usages"], first["path"]) == (["localhost"], ["server"], None)
    assert first["days_left"] == 29
    assert first["purposes"]["ssl_server"] is True
    assert first["purposes"]["ssl_client"] is False
    assert found["tls"]["version"] == "TLSv1.3"


def test_direct_tls_is_answered_by_those_that_know_it(site):
    if site.server.version >= DIRECT:
        assert site.fingerprint(direct=True) == site.default.fingerprint()
    else:
        assert "that needs PostgreSQL 17 or newer" in refusal(port=site.port, direct=True)
    assert info(port=site.port)["tls"]["version"] == "TLSv1.3"  # it goes on as before


def test_the_certificate_of_a_name_is_served_by_those_that_know_names(site):
    expected = site.named if site.server.version >= NAMES else site.default
    assert site.fingerprint(server_name="db.swgalaxy") == expected.fingerprint()
    assert site.fingerprint(server_name="other.swgalaxy") == site.default.fingerprint()
    if site.server.version >= DIRECT:
        assert site.fingerprint(server_name="db.swgalaxy", direct=True) == expected.fingerprint()


def test_the_wished_version_of_tls_is_the_one_that_is_spoken(site):
    how = [{}, {"direct": True}] if site.server.version >= DIRECT else [{}]
    for args in how:
        for version in ("TLSv1.2", "TLSv1.3"):
            assert info(port=site.port, tls_version=version, **args)["tls"]["version"] == version
        assert "refused the TLS handshake" in refusal(port=site.port, tls_version="TLSv1.1", **args)
