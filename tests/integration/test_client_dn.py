# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that log in by their whole subject (clientname=DN): the string that certificate_info returns is the one the server compares."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from module_runner import run_module

# By role: the subject, as an inventory writes it.
SUBJECTS = [
    "CN=app,OU=Ops,O=Acme,C=DE",
    "C=DE,O=Acme,OU=Ops,CN=app",
    "CN=app+UID=4711,O=Acme",
    r"CN=app,O=M\C3\BCller\, S\C3\B6hne \+ Co,street=Am See 5",
    r"CN=app,OU=\#1,O=\"a\" \\ b\;",
    "emailAddress=a@b.example,CN=app,serialNumber=5,DC=example,DC=com",
]


@pytest.fixture(scope="module")
def people(make_cluster, tmp_path_factory):
    """A server whose map knows the subject of each role, and the directory with the certificates."""
    cluster, folder = make_cluster(), tmp_path_factory.mktemp("people")
    run_module("ca", {"directory": str(folder / "ca"), "common_name": "Root"})
    items = [
        {
            "name": f"p{number}",
            "common_name": "app",
            "distinguished_name": subject,
            "usages": ["client"],
            **{
                option: str(folder / f"p{number}.{end}")
                for option, end in (("private_key", "key"), ("certificate", "crt"))
            },
        }
        for number, subject in enumerate(SUBJECTS)
    ]
    server = {"name": "db", "common_name": "", "dns_names": ["localhost"], "usages": ["server"], "owner": cluster.owner}
    server.update(
        {
            option: f"{cluster.data_directory}/{name}"
            for option, name in (("private_key", "s.key"), ("certificate", "s.crt"), ("root", "r.crt"))
        }
    )
    requests = run_module("certificate_request", {"certificates": [*items, server]})["requests"]
    known = ("name", "common_name", "distinguished_name", "dns_names", "usages")
    entries = [{option: one[option] for option in known if option in one} for one in [*items, server]]
    signed = run_module(
        "certificate_sign", {"directory": str(folder / "ca"), "certificates": entries, "requests": requests}
    )
    done = run_module("certificate_install", {"certificates": [*items, server], "signed": signed["certificates"]})
    assert not done["failed"], done["msg"]
    found = [run_module("certificate_info", {"path": one["certificate"]})["certificates"][0] for one in items]
    names = [each["postgresql_dn"] for each in found]
    mappings = [{"map": "dn", "system_user": name, "database_user": f"p{number}"} for number, name in enumerate(names)]
    rule = {"type": "hostssl", "address": "all", "method": "cert", "options": {"clientname": "DN", "map": "dn"}}
    done = run_module(
        "pg_server",
        {
            **cluster.login,
            "data_directory": cluster.data_directory,
            "certificates": [],
            "settings": {"ssl": True, "ssl_cert_file": "s.crt", "ssl_key_file": "s.key", "ssl_ca_file": "r.crt"},
            "roles": [f"p{number}" for number in range(len(SUBJECTS))],
            "mapping_blocks": [{"block": "dn", "mappings": mappings}],
            "rule_blocks": [{"block": "dn", "placement": "first", "rules": [rule]}],
        },
    )
    assert not done["failed"], done["msg"]
    return cluster, folder, names


def login(cluster, folder: Path, certificate: str, role: str) -> str:
    """The role that psql got, or its error."""
    files = f"sslcert={folder}/{certificate}.crt sslkey={folder}/{certificate}.key sslmode=require"
    words = [
        "psql",
        "-XAtw",
        "-c",
        "SELECT current_user",
        f"host=127.0.0.1 port={cluster.port} user={role} dbname=postgres {files}",
    ]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}
    done = subprocess.run(
        [shutil.which("psql") or "psql", *words[1:]], capture_output=True, text=True, env=environment, check=False
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
def test_a_subject_logs_in_as_the_role_that_the_map_gives_it_and_as_no_other(people, number):
    cluster, folder, names = people
    assert login(cluster, folder, f"p{number}", f"p{number}") == f"p{number}", names[number]
    other = (number + 1) % len(SUBJECTS)
    assert "certificate authentication failed" in login(cluster, folder, f"p{number}", f"p{other}")


def test_the_explainer_finds_the_same(people):
    cluster, _folder, names = people
    attempts = [
        {
            "type": "host",
            "tls": True,
            "database": "postgres",
            "user": f"p{number}",
            "address": "127.0.0.1",
            "certificate_dn": name,
        }
        for number, name in enumerate(names)
    ]
    paths = {"path": f"{cluster.data_directory}/pg_hba.conf", "ident_path": f"{cluster.data_directory}/pg_ident.conf"}
    done = run_module("pg_hba_info", {**paths, "explain": [*attempts, {**attempts[0], "certificate_dn": names[1]}]})
    assert not done["failed"], done["msg"]
    results = [each["outcome"] for each in done["explain"]] if "explain" in done else done
    assert results[:-1] == ["accepted"] * len(names) and results[-1] != "accepted", results
