# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a handshake shows, with openssl as the judge of the fingerprint."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.tls_probe import ProbeError, probe
from openssl_authority import new_authority


@pytest.fixture(scope="module")
def served(make_cluster, tmp_path_factory):
    """A cluster that serves TLS, and the certificate it serves."""
    pair = new_authority(tmp_path_factory.mktemp("probe") / "ca", "Probe CA").issue("probe", "server", "DNS:localhost")
    made = make_cluster()
    made.write("server.crt", Path(pair.certificate).read_bytes())
    made.write("server.key", Path(pair.key).read_bytes())
    made.configure("ssl = on\n")
    made.reload()
    yield made, pair
    made.stop()


def test_leaf_comes_first_and_has_the_fingerprint_of_the_file(served):
    cluster, pair = served
    found = probe("127.0.0.1", cluster.port, server_name="localhost")
    assert found.fingerprint_sha256 == pair.fingerprint()
    assert found.der[0] == ssl.PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    assert found.tls_version == "TLSv1.3"
    assert found.cipher.startswith("TLS_")


def test_maximum_version_is_kept(served):
    cluster, _pair = served
    assert probe("127.0.0.1", cluster.port, maximum_version="TLSv1.2").tls_version == "TLSv1.2"


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def test_old_protocol_is_refused_by_the_server_itself(served, version):
    cluster, _pair = served
    with pytest.raises(ProbeError) as refused:
        probe("127.0.0.1", cluster.port, maximum_version=version)
    assert refused.value.answered
    assert refused.value.alert == "tlsv1 alert protocol version"


def test_server_without_tls_is_told_from_nobody(cluster):
    with pytest.raises(ProbeError, match=f"127.0.0.1:{cluster.port} does not offer TLS") as refused:
        probe("127.0.0.1", cluster.port)
    assert refused.value.answered
    with pytest.raises(ProbeError, match="nobody answers at 127.0.0.1:1 .*refused") as nobody:
        probe("127.0.0.1", 1)
    assert not nobody.value.answered


def test_unix_socket_is_refused_with_a_sentence(cluster):
    with pytest.raises(ProbeError, match="is a Unix socket, where PostgreSQL never uses TLS"):
        probe(cluster.socket_directory, cluster.port)
