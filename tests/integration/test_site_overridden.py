# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that something else sets otherwise than the role: the play fails, and who came in before it comes in after it.

The tests build on each other in the order they stand: first a server without TLS, then one that site.yml has set up.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import psycopg
import pytest
from demo_site import Site
from test_site_undo import NEW_NAMES, SERVER, everybody_comes_in, last_words, left_behind, served_serial, server_files


def sql(site: Site, *statements: str) -> str:
    """What psql prints, as the superuser on the socket."""
    command = ["psql", "-XAt", "-h", str(site.directory / "run"), "-p", site.environment["PGTLS_DEMO_PORT"]]
    as_owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
    given = [word for statement in statements for word in ("-c", statement)]
    asked = [*as_owner, *command, "-d", "postgres", *given]
    return subprocess.run(asked, check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def started(site: Site) -> str:
    return sql(site, "SELECT pg_postmaster_start_time()")


def report_comes_in(site: Site, **more: str) -> None:
    """Log in by password over TCP."""
    where = {"hostaddr": "127.0.0.1", "port": site.environment["PGTLS_DEMO_PORT"], "dbname": "postgres"}
    psycopg.connect(**where, user="report", password=site.environment["PGTLS_DEMO_PASSWORD"], **more).close()


def flat(output: str) -> str:
    return " ".join(output.split())


def overridden(site: Site, name: str, how: str) -> str:
    return f"{name} = {how}, because {site.directory}/data/postgresql.auto.conf line 3 says so; use ALTER SYSTEM RESET {name}"


def test_a_server_whose_tls_stays_off_keeps_its_rules_and_its_clients(site: Site) -> None:
    sql(site, "ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")
    before = server_files(site)
    output = site.play(*SERVER, succeeds=False)
    assert overridden(site, "ssl", "off and not on") in flat(output), output
    assert "the server is as it was before; put back: " in output
    assert {name: server_files(site)[name] for name in before} == before
    assert left_behind(site) == []
    report_comes_in(site, sslmode="disable")


def test_the_same_with_a_file_that_is_included_later(site: Site) -> None:
    sql(site, "ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")
    data = site.directory / "data"
    (data / "conf.d").mkdir()
    (data / "conf.d/zz.conf").write_text("ssl = off\n")
    shutil.copystat(data / "postgresql.conf", data / "conf.d/zz.conf")
    for path in (data / "conf.d", data / "conf.d/zz.conf"):
        shutil.chown(path, data.stat().st_uid, data.stat().st_gid)
    own = data / "postgresql.conf"
    own.write_text(own.read_text() + "include_dir 'conf.d'\n")
    before = server_files(site)
    output = site.play(*SERVER, succeeds=False)
    assert f"ssl = off and not on, because {data}/conf.d/zz.conf line 1 says so; remove or correct that line" in flat(
        output
    ), output
    assert {name: server_files(site)[name] for name in before} == before
    report_comes_in(site, sslmode="disable")
    (data / "conf.d/zz.conf").unlink()


def test_once_nothing_overrides_it_the_site_is_there(site: Site) -> None:
    site.play()
    everybody_comes_in(site)


def test_a_ca_file_that_is_emptied_by_an_override_is_found_before_anybody_is_refused(site: Site) -> None:
    sql(site, "ALTER SYSTEM SET ssl_ca_file = ''")
    before = (server_files(site), served_serial(site))
    foretold = site.play(*SERVER, "--check", succeeds=False)
    assert overridden(site, "ssl_ca_file", "'' and not 'rootCA.pem'") in flat(foretold), foretold
    output = site.play(*SERVER, "-e", json.dumps(NEW_NAMES), succeeds=False)
    assert "use ALTER SYSTEM RESET ssl_ca_file" in last_words(output)
    assert (server_files(site), served_serial(site)) == before
    everybody_comes_in(site)
    sql(site, "ALTER SYSTEM RESET ssl_ca_file")


def test_a_renewed_certificate_that_is_not_the_one_served_fails_the_renewal(site: Site) -> None:
    data = site.directory / "data"
    for kind, name in (("cert", "postgres_server.crt"), ("key", "postgres_server.key")):
        copied = shutil.copy2(data / name, data / f"other.{kind}")
        shutil.chown(copied, data.stat().st_uid, data.stat().st_gid)
    sql(site, "ALTER SYSTEM SET ssl_cert_file = 'other.cert'", "ALTER SYSTEM SET ssl_key_file = 'other.key'")
    sql(site, "SELECT pg_reload_conf()")
    before = (server_files(site), served_serial(site))
    output = site.play(*SERVER, "-e", json.dumps(NEW_NAMES), playbook="renew", succeeds=False)
    assert overridden(site, "ssl_cert_file", "'other.cert' and not 'postgres_server.crt'") in flat(output), output
    assert (server_files(site), served_serial(site)) == before
    everybody_comes_in(site)
    sql(site, "ALTER SYSTEM RESET ssl_cert_file", "ALTER SYSTEM RESET ssl_key_file", "SELECT pg_reload_conf()")


@pytest.mark.parametrize("name", ["hba_file", "ident_file"])
def test_a_restart_into_a_file_that_is_not_there_is_not_begun(site: Site, name: str) -> None:
    before, running_since = (server_files(site), served_serial(site)), started(site)
    wish = {**NEW_NAMES, "pgtls_server_settings": {name: "/nowhere/at/all.conf"}}
    output = site.play(*SERVER, "-e", json.dumps(wish), succeeds=False)
    assert f"{name} " in last_words(output), output
    assert "/nowhere/at/all.conf" in last_words(output)
    assert (server_files(site), served_serial(site)) == before
    assert started(site) == running_since
    everybody_comes_in(site)


def test_an_address_that_only_the_start_finds_wrong_is_undone(site: Site) -> None:
    before = (server_files(site), served_serial(site))
    wish = {**NEW_NAMES, "pgtls_server_listen_addresses": ["nosuch.invalid"]}
    output = site.play(*SERVER, "-e", json.dumps(wish), succeeds=False)
    assert "did not restart" in last_words(output) and "could not create any TCP/IP sockets" in last_words(output)
    assert (server_files(site), served_serial(site)) == before
    everybody_comes_in(site)
    site.play(*SERVER)
