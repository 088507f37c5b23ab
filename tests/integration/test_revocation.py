# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revocation against a real server: who is let in and who is not, and in whose words."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority.open_or_create import open_authority
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.revocation import (
    load_revocation_list,
    sign_revocation_list,
)
from inventory import entries_of
from module_runner import run_module

NAME = "db.pgtls.invalid"  # RFC 2606: no resolver knows it, so hostaddr is needed


def succeeded(name: str, args: dict) -> dict:
    result = run_module(name, args)
    assert not result["failed"], result
    return result


class Site:
    """A CA, a server with mutual TLS, and clients, made by the modules alone."""

    def __init__(self, folder: Path, cluster) -> None:
        self.folder, self.cluster, self.ca = folder, cluster, str(folder / "ca")
        self.root = succeeded("ca", {"directory": self.ca, "common_name": "Root"})
        served = self.issue("db", usages=["server"], dns_names=[NAME])
        for name, path in (("server.crt", served["certificate"]), ("server.key", served["private_key"])):
            cluster.write(name, Path(path).read_bytes())
        cluster.write("root.crt", self.root["chain_pem"])
        cluster.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
        cluster.write("pg_hba.conf", "local all all peer\nhostssl all all all cert\n")

    def issue(self, name: str, intermediate: str | None = None, **more) -> dict:
        place = self.folder / name
        place.mkdir()
        item = {
            "name": name,
            "common_name": name,
            "usages": ["client"],
            "private_key": str(place / "own.key"),
            "certificate": str(place / "own.crt"),
            "root": str(place / "root.crt"),
            "lifetime_days": 50,
            **more,
        }
        requests = succeeded("certificate_request", {"certificates": [item]})["requests"]
        args = {"directory": self.ca, "certificates": entries_of([item]), "requests": requests}
        args |= {"intermediate": intermediate} if intermediate else {}
        signed = succeeded("certificate_sign", args)["certificates"]
        succeeded("certificate_install", {"certificates": [item], "signed": signed})
        return item

    def revoke(self, *revocations: dict, **more) -> str:
        """The lists as they are then."""
        args = {"directory": self.ca, "revocations": list(revocations), **more}
        return succeeded("certificate_revoke", args)["crl_pem"]

    def deliver(self, crl_pem: str) -> dict:
        """Give the server these lists, and have it reload."""
        self.put(crl_pem)
        args = {"settings": {"ssl_crl_file": "root.crl"}, "path": f"{self.cluster.data_directory}/postgresql.conf"}
        changed = succeeded("pg_conf", args)["changed"]
        return succeeded("pg_reload", {"data_directory": self.cluster.data_directory, "files_changed": changed})

    def deliver_by_hand(self, crl_pem: str) -> None:
        """The same for lists that our own module refuses to reload with; ssl_crl_file is set already."""
        self.put(crl_pem)
        loaded = self.cluster.sql("SELECT pg_conf_load_time()")
        self.cluster.reload()
        until = time.monotonic() + 30
        while self.cluster.sql("SELECT pg_conf_load_time()") == loaded and time.monotonic() < until:
            time.sleep(0.05)

    def put(self, crl_pem: str) -> None:
        path = Path(self.cluster.data_directory, "root.crl")
        if not path.exists() or path.read_text() != crl_pem:
            self.cluster.write(path.name, crl_pem, 0o640)

    def login(self, item: dict) -> str:
        """What psql says: the role that it got, or why it got none."""
        conninfo = {
            "host": NAME,
            "hostaddr": "127.0.0.1",
            "port": self.cluster.port,
            "dbname": "postgres",
            "user": item["name"],
            "sslmode": "verify-full",
            "sslrootcert": item["root"],
            "sslcert": item["certificate"],
            "sslkey": item["private_key"],
            "sslcrl": str(self.folder / "nothing"),
        }
        command = [f"{self.cluster.bin_directory}/psql", "-XAtc", "SELECT current_user"]
        text = " ".join(f"{key}={value}" for key, value in conninfo.items())
        done = subprocess.run([*command, text], capture_output=True, text=True, check=False, cwd="/")
        return (done.stdout + done.stderr).strip()


@pytest.fixture
def site(fresh_cluster, tmp_path):
    made = Site(tmp_path, fresh_cluster)
    fresh_cluster.sql("CREATE ROLE app1 LOGIN; CREATE ROLE app2 LOGIN; CREATE ROLE app3 LOGIN")
    fresh_cluster.reload()
    return made


def test_the_revoked_client_is_refused_and_others_get_in(site):
    app1, app2 = site.issue("app1"), site.issue("app2")
    assert [site.login(app1), site.login(app2)] == ["app1", "app2"]
    site.deliver(site.revoke())
    assert [site.login(app1), site.login(app2)] == ["app1", "app2"]

    result = site.deliver(site.revoke({"name": "app1", "reason": "keyCompromise"}))
    assert result["reloaded"]
    assert "certificate revoked" in site.login(app1)
    assert site.login(app2) == "app2"
    proven = run_module(
        "connection_check",
        {
            "defaults": {"host": NAME, "hostaddr": "127.0.0.1", "port": site.cluster.port, "dbname": "postgres"},
            "attempts": [
                {
                    "name": name,
                    "expect": expect,
                    **({"reason": "certificate revoked"} if expect == "refused" else {}),
                    "conninfo": {
                        "user": name,
                        "sslmode": "verify-full",
                        "sslrootcert": item["root"],
                        "sslcert": item["certificate"],
                        "sslkey": item["private_key"],
                    },
                }
                for name, item, expect in (("app1", app1, "refused"), ("app2", app2, "accepted"))
            ],
        },
    )
    assert not proven["failed"], proven
    assert proven["differing"] == []
    assert site.deliver(site.revoke({"name": "app1", "reason": "keyCompromise"}))["reloaded"] is False


def test_a_released_client_gets_in_again(site):
    app1 = site.issue("app1")
    lists = site.revoke({"name": "app1", "reason": "certificateHold"})
    assert site.login(app1) == "app1"  # no server knows it before the lists are delivered
    site.deliver(lists)
    assert "certificate revoked" in site.login(app1)
    site.deliver(site.revoke({"name": "app1", "state": "released"}))
    assert site.login(app1) == "app1"


def test_a_chain_with_an_intermediate_needs_both_lists(site):
    below = {"directory": site.ca, "intermediate": "clients", "common_name": "Clients", "lifetime_days": 100}
    succeeded("ca", below)
    app1, app2, app3 = site.issue("app1", "clients"), site.issue("app2", "clients"), site.issue("app3")
    assert [site.login(one) for one in (app1, app2, app3)] == ["app1", "app2", "app3"]
    lists = site.revoke({"name": "app1", "reason": "superseded"})
    site.deliver(lists)
    assert "certificate revoked" in site.login(app1)
    assert [site.login(app2), site.login(app3)] == ["app2", "app3"]

    end = "-----END X509 CRL-----\n"
    of_root, of_clients = (f"{part}{end}" for part in lists.split(end)[:-1])
    site.deliver_by_hand(of_root)
    assert "unknown ca" in site.login(app2)
    assert site.login(app3) == "app3"
    site.deliver_by_hand(of_clients)
    assert "unknown ca" in site.login(app2)
    assert "unknown ca" in site.login(app3)
    site.deliver(lists)
    assert site.login(app2) == "app2"


def test_every_ca_that_the_server_trusts_needs_its_list(site):
    """psql tells what the server would do to clients with the lists that the module refuses."""
    below = {"directory": site.ca, "intermediate": "clients", "common_name": "Clients", "lifetime_days": 100}
    made = succeeded("ca", below)
    app1 = site.issue("app1", "clients")
    site.cluster.write("root.crt", made["chain_pem"] + site.root["chain_pem"])
    lists = site.revoke()
    site.deliver(lists)
    assert site.login(app1) == "app1"
    end = "-----END X509 CRL-----\n"
    of_root, of_clients = (f"{part}{end}" for part in lists.split(end)[:-1])
    for missing, there in (("CN=Clients", of_root), ("CN=Root", of_clients)):
        site.put(there)
        for check in (True, False):
            refused = run_module("pg_reload", {"data_directory": site.cluster.data_directory}, check=check)
            assert refused["failed"] and f"root.crl holds no CRL of {missing}, so" in refused["msg"], refused
        assert site.login(app1) == "app1", "the old lists stay in use"
        site.deliver_by_hand(there)
        assert "unknown ca" in site.login(app1)
        site.deliver(lists)
        assert site.login(app1) == "app1"


def test_a_list_that_ran_out_locks_everybody_out_and_the_next_run_mends_it(site):
    app1 = site.issue("app1")
    path = Path(site.ca) / "ca.crl"
    site.deliver(site.revoke())
    authority = open_authority(site.ca, None)
    assert authority is not None
    current = load_revocation_list(path.read_bytes(), authority.certificate, str(path))
    then = datetime.now(UTC) - timedelta(days=31)
    path.write_text(sign_revocation_list(authority, [], current, 30, then).pem)
    site.deliver_by_hand(path.read_text())
    assert "certificate expired" in site.login(app1)
    site.deliver(site.revoke())
    assert site.login(app1) == "app1"


def test_a_directory_of_lists_acts_without_a_reload(site):
    """OpenSSL finds a list by the hash of its issuer's name; the operator's page says how."""
    app1, app2 = site.issue("app1"), site.issue("app2")
    folder = f"{site.cluster.data_directory}/crls"
    os.mkdir(folder, 0o755)
    shown = subprocess.run(
        ["openssl", "crl", "-noout", "-hash"], input=site.revoke(), capture_output=True, text=True, check=True
    )
    target = f"{folder}/{shown.stdout.strip()}.r0"

    def put(crl_pem: str) -> None:
        handle, temporary = tempfile.mkstemp(dir=site.folder)
        with os.fdopen(handle, "w") as stream:
            stream.write(crl_pem)
        os.chmod(temporary, 0o644)
        shutil.move(temporary, target)

    put(site.revoke())
    site.cluster.configure(f"ssl_crl_dir = '{folder}'\n")
    site.cluster.reload()
    assert site.login(app1) == "app1"
    put(site.revoke({"name": "app1"}))
    assert "certificate revoked" in site.login(app1)
    assert site.login(app2) == "app2"
