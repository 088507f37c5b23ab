# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that may no longer log in: with state absent nothing of it is left, and a plain removal says what is.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psycopg
import pytest
from demo_site import Site, changed
from test_site_life import conninfo, serial_of
from test_site_overridden import sql

APP1, APP2 = (
    {"name": f"app{n}", "common_name": f"PostgreSQL client{n}", "database_role": f"app{n}", "hosts": ["apps"]}
    for n in (1, 2)
)
GONE = {**APP2, "state": "absent"}


def clients(*entries: dict[str, object], **more: object) -> tuple[str, str]:
    """The option that sets the list."""
    return "-e", json.dumps({"pgtls_clients": entries, **more})


def warned(output: str) -> str:
    """All that was printed, as one line."""
    return " ".join(output.split())


def can_log_in(site: Site, role: str) -> bool:
    return sql(site, f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role}'") == "t"


@pytest.fixture(scope="module")
def stolen(converged: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How somebody connects who has kept a copy of the files of app2."""
    copy = tmp_path_factory.mktemp("copy")
    files = {}
    for option, name in (("sslcert", "app2.crt"), ("sslkey", "app2.key"), ("sslrootcert", "rootCA.pem")):
        files[option] = str(shutil.copy(converged.directory / "clients" / name, copy / name))
    Path(files["sslkey"]).chmod(0o600)
    return {**conninfo(converged, "app2"), **files}


def test_without_its_ca_a_run_says_what_is_not_revoked(converged: Site, stolen: dict[str, str]) -> None:
    psycopg.connect(**stolen).close()
    serial = serial_of(converged, "clients/app2.crt")
    services = {"pgtls_client_service_file": str(converged.directory / "pg_service.conf")}
    converged.play(*clients(APP1, APP2, **services), "--tags", "client")
    output = converged.play(*clients(APP1, GONE, **services), "--limit", "apps1", "--tags", "client")
    assert f"app2 is removed from this host, but its certificate {serial} is in no CRL that this run knows" in warned(
        output
    )
    assert [path.name for path in (converged.directory / "clients").iterdir() if path.name.startswith("app2")] == []
    assert (converged.directory / "pg_service.conf").read_text().count("[app") == 1
    psycopg.connect(**stolen).close()


def test_a_run_of_the_whole_site_leaves_nothing_of_it(converged: Site, stolen: dict[str, str]) -> None:
    done = converged.play(*clients(APP1, GONE))
    assert "LOGIN taken from app2" in done and "keeps LOGIN" not in done
    with pytest.raises(psycopg.OperationalError, match="certificate revoked"):
        psycopg.connect(**stolen)
    assert not can_log_in(converged, "app2")
    for file in ("pg_hba.conf", "pg_ident.conf"):
        assert "app2" not in (converged.directory / "data" / file).read_text()
    psycopg.connect(**conninfo(converged, "app1")).close()
    assert changed(converged.play(*clients(APP1, GONE))) == 0


def test_it_can_come_back(converged: Site, stolen: dict[str, str]) -> None:
    converged.play(*clients(APP1, APP2))
    psycopg.connect(**conninfo(converged, "app2")).close()
    with pytest.raises(psycopg.OperationalError, match="certificate revoked"):
        psycopg.connect(**stolen)


def test_a_plain_removal_says_what_is_left_on_each_host(converged: Site) -> None:
    output = warned(converged.play(*clients(APP1)))
    assert (
        f"app2 is no longer listed for this host, but its key and certificate {converged.directory}/clients/app2.crt"
        in output
    )
    assert "the role app2 has lost its mapping in pg_ident.conf, and keeps LOGIN" in output
    assert can_log_in(converged, "app2") and (converged.directory / "clients/app2.key").exists()
    again = converged.play(*clients(APP1))
    assert changed(again) == 0 and "app2 is no longer listed for this host" in warned(again)
