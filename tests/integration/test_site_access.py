# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in where client certificates are required: who is listed, and nobody else unless somebody asks for it by name.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time

import psycopg
import pytest
from demo_site import Site, changed
from test_site_life import conninfo
from test_site_undo import sql

LISTED = {"name": "app1", "common_name": "app1", "database_role": "app1", "hosts": ["apps"]}
# The common name is that of the role, as the CA of a company often has it.
LEFT = {"name": "left", "common_name": "left", "database_role": "left", "hosts": ["apps"]}
# A client of the superuser's name, with a role of its own.
BOSS = {"name": "boss", "common_name": "postgres", "database_role": "boss", "hosts": ["apps"]}
NO_PASSWORDS = {"pgtls_password_users": {}, "pgtls_verify_password_user": {}}


def play(site: Site, *clients: dict, **variables: object) -> str:
    """Run site.yml with these clients and without password users."""
    return site.play("-e", json.dumps({**NO_PASSWORDS, "pgtls_clients": list(clients), **variables}))


def get_in(site: Site, holder: str, role: str) -> str:
    """Connect with the certificate of a holder as a role; return who the server says that is."""
    with psycopg.connect(**{**conninfo(site, holder), "user": role}) as session:
        (name,) = session.execute("SELECT current_user").fetchone()
    return name


def refused(site: Site, holder: str, role: str) -> None:
    """Connect likewise, and be rejected by a rule."""
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects connection"):
        get_in(site, holder, role)


def test_only_listed_clients_get_in_each_as_its_own_role(converged: Site) -> None:
    rules = converged.directory / "data/pg_hba.conf"
    # nobody else decides about connections over TCP, as the rules that initdb writes for the loopback would
    own = [line for line in rules.read_text().splitlines(keepends=True) if not line.startswith("host ")]
    rules.write_text("".join(own))
    play(converged, LISTED, LEFT, BOSS)
    for name in ("app1", "left", "boss"):
        assert get_in(converged, name, name) == name
    refused(converged, "boss", "postgres")
    for holder, role in (("app1", "left"), ("left", "app1"), ("boss", "left")):
        with pytest.raises(psycopg.OperationalError, match="certificate authentication failed for user"):
            get_in(converged, holder, role)
    report = json.loads((converged.directory / "verify/report.json").read_text())
    tried = {one["name"] for one in report["attempts"] if one["outcome"] == "refused"}
    assert "boss's certificate as its common name" in tried


def test_a_client_that_was_taken_out_does_not_get_in_any_more(converged: Site) -> None:
    play(converged, LISTED)
    assert sql(converged, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'left'") == ["t"]
    refused(converged, "left", "left")
    assert get_in(converged, "app1", "app1") == "app1"


OPEN = {"pgtls_server_accept_unlisted_certificates": True}


def test_the_rule_for_every_certificate_is_a_choice_with_a_warning(converged: Site) -> None:
    sql(converged, "CREATE ROLE deputy LOGIN; GRANT postgres TO deputy; CREATE ROLE copier LOGIN REPLICATION")
    output = " ".join(play(converged, LISTED, **OPEN).split())
    assert '"hostssl all all 0.0.0.0/0 cert" lets whoever has a certificate of the CA in' in output
    assert "listed or not: app1, app2, boss, copier (replication), left, report;" in output
    assert "superusers are rejected before it: deputy, postgres" in output
    assert get_in(converged, "left", "left") == "left"
    for role in ("postgres", "deputy"):
        refused(converged, "boss", role)
    assert changed(play(converged, LISTED, **OPEN)) == 0


def test_superusers_are_a_second_choice(converged: Site) -> None:
    output = " ".join(play(converged, LISTED, **OPEN, pgtls_server_accept_unlisted_superusers=True).split())
    assert "superusers included: deputy, postgres" in output
    assert get_in(converged, "boss", "postgres") == "postgres"
    assert changed(play(converged, LISTED)) > 0
    for name, role in (("left", "left"), ("boss", "postgres")):
        refused(converged, name, role)


def test_the_revoked_certificate_of_the_proof_is_nobodys(converged: Site) -> None:
    """A server without the CRL accepts the certificate, and lets it in as nobody."""
    pair = {"sslcert": "revoked.crt", "sslkey": "revoked.key"}
    files = {key: str(converged.directory / "verify" / name) for key, name in pair.items()}
    with pytest.raises(psycopg.OperationalError, match="certificate revoked"):
        psycopg.connect(**{**conninfo(converged, "app1"), **files})
    sql(converged, "ALTER SYSTEM SET ssl_crl_file = ''")
    sql(converged, "SELECT pg_reload_conf()")
    try:
        while sql(converged, "SHOW ssl_crl_file") != [""]:
            time.sleep(0.05)
        for role in ("app1", "left", "boss", "postgres"):
            with pytest.raises(psycopg.OperationalError, match=r"certificate authentication failed|rejects connection"):
                psycopg.connect(**{**conninfo(converged, "app1"), **files, "user": role})
    finally:
        sql(converged, "ALTER SYSTEM RESET ssl_crl_file")
        sql(converged, "SELECT pg_reload_conf()")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_clients_of_several_users_share_the_root_that_all_of_them_can_read(converged: Site) -> None:
    clients = {**LISTED, "owner": "postgres"}, {**LEFT, "owner": "nobody"}
    play(converged, *clients)
    folder = converged.directory / "clients"
    for name, owner in (("app1", "postgres"), ("left", "nobody")):
        assert (folder / f"{name}.key").owner() == owner
        command = ["setpriv", "--reuid", owner, "--clear-groups", "--regid", "65534"]
        subprocess.run(
            [*command, "cat", f"{folder}/rootCA.pem", f"{folder}/{name}.key"], check=True, capture_output=True
        )
    assert stat.S_IMODE((folder / "rootCA.pem").stat().st_mode) == 0o644
    assert changed(play(converged, *clients)) == 0
