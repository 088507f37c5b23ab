# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server may get for the names of its list, whoever signs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.filter.certificate_entries import certificate_entries
from ansible_collections.pgtls.postgresql.plugins.filter.certificate_requests import certificate_requests
from ansible_collections.pgtls.postgresql.plugins.filter.server_names import server_names
from cryptography import x509
from signers import SIGNERS, Signer, csr


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_host_gets_the_names_that_its_own_list_gives_it_and_no_others(tmp_path: Path, kind: str) -> None:
    """db1 has the names of one entry of pgtls_server_hosts; one is absent, and one is that of another server."""
    own = {"name": "server-db1", "common_name": "db1", "usages": ["server"], "dns_names": ["db1.example"]}
    files = {"private_key": "server.key", "certificate": "server.crt"}
    listed = [{"name": "shop", "dns_names": ["shop.example"]}, {"name": "gone", "state": "absent"}]
    certificates = [own, *server_names(listed, {**own, **files}, {"ca": "root.pem"})["certificates"]]
    entries = certificate_entries(certificates, "db1", {})
    signer = Signer(tmp_path, kind)

    def asked(name: str, host: str = "db1", names: str = "DNS:shop.example") -> list[dict[str, str]]:
        pem = csr(tmp_path, "/CN=db1", f"subjectAltName={names}", usage="serverAuth")
        told = [{"name": name, "csr_pem": pem, "host": host, "dns_names": ["bills.example"]}]
        return certificate_requests(told, "db1", certificates, {})

    for name, host in (("server-db1-gone", "db1"), ("server-db2-bills", "db1"), ("server-db2-bills", "db2")):
        assert name in signer.refusal(asked(name, host), entries)
    if kind == "sign":
        done = signer.ask(asked("server-db1-shop", names="DNS:bills.example,DNS:db1.example,IP:10.0.0.1"), entries)
        (signed,) = done["certificates"]
        names = x509.load_pem_x509_certificate(signed["certificate_pem"].encode()).extensions
        alternative = names.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [(type(one), one.value) for one in alternative] == [(x509.DNSName, "shop.example")]
