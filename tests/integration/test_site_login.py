# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server whose superuser has another name and a password, which it asks for on the socket too."""

from __future__ import annotations

import json

from demo_site import Site, changed
from test_site_overridden import flat, sql
from test_site_undo import everybody_comes_in, left_behind, server_files

RULES = "local all dba scram-sha-256\nlocal all all reject\nhost all report 127.0.0.1/32 scram-sha-256\n"
LOGIN = {
    "pgtls_server_login_user": "dba",
    "pgtls_server_login_password": "D)ba's own",
    "pgtls_server_login_db": "template1",
}


def of_the_server(site: Site) -> dict[str, object]:
    """All that a run of site.yml may not change where it cannot log in, keys that it makes first among them."""
    return {name: what for name, what in server_files(site).items() if not name.endswith(".key.next")}


def test_a_superuser_with_a_password_is_needed_before_anything_is_written(site: Site) -> None:
    sql(
        site,
        f"CREATE ROLE dba SUPERUSER LOGIN PASSWORD '{LOGIN['pgtls_server_login_password'].replace(chr(39), chr(39) * 2)}'",
    )
    rules = site.directory / "data/pg_hba.conf"
    rules.write_text(RULES)
    sql(site, "SELECT pg_reload_conf()")
    before = of_the_server(site)
    output = site.play(succeeds=False)
    assert "pg_hba.conf rejects connection" in flat(output) and "nothing was written" in flat(output), output
    wrong = {**LOGIN, "pgtls_server_login_password": "somebody else's"}
    output = site.play("-e", json.dumps(wrong), succeeds=False)
    assert 'password authentication failed for user "dba"' in flat(output), output
    assert "somebody else's" not in output
    assert of_the_server(site) == before and left_behind(site) == []


def test_with_that_superuser_the_site_converges_and_stays(site: Site) -> None:
    output = site.play("-e", json.dumps(LOGIN))
    assert changed(output) > 0 and str(LOGIN["pgtls_server_login_password"]) not in output
    everybody_comes_in(site)
    assert changed(site.play("-e", json.dumps(LOGIN))) == 0
    assert changed(site.play("-e", json.dumps(LOGIN), playbook="renew")) == 0


def test_the_same_by_tcp(site: Site) -> None:
    """A password over TLS: the role's own rules have a line for such users before their rejection."""
    port = int(site.environment["PGTLS_DEMO_PORT"])
    more: dict[str, object] = {**LOGIN, "pgtls_server_login_host": "127.0.0.1", "pgtls_server_port": port}
    more["pgtls_password_users"] = [{"users": ["report", "dba"], "addresses": ["127.0.0.1/32"]}]
    site.play("-e", json.dumps({**LOGIN, "pgtls_password_users": more["pgtls_password_users"]}))
    assert changed(site.play("-e", json.dumps(more))) == 0
