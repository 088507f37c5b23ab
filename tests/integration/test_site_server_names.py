# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate for each name of a server (pgtls_server_hosts), with PostgreSQL 19; openssl and libpq are the judges.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clusters import free_port
from demo_site import Site, changed, demo_site
from test_site_life import LONG_LIST, conninfo, issuer_of, key_of, serial_of

sys.path.append(str(Path(__file__).resolve().parents[1] / "differential"))

from servers import available_versions, root_of

SHOP = {"name": "shop", "dns_names": ["shop.example.org", "www.shop.example.org"], "key_type": "rsa-2048"}
BILLS = {"name": "bills", "dns_names": ["bills.example.org"], "lifetime_days": 90}
DEFAULT = "raxus.swgalaxy"
# The first run of the site happens in the past, so that a certificate of a short life is due when it is over.
LONG_AGO = ("faketime", "-f", "-80d")
SOMEBODY_ELSES = "other.example.org other.crt other.key  # by hand\n"


def names(*entries: dict[str, Any], **more: object) -> tuple[str, str]:
    """The option that sets the list."""
    return "-e", json.dumps({"pgtls_server_hosts": entries, **more})


def served(site: Site, name: str) -> str:
    """The serial number of what openssl is shown when it asks for this name."""
    where = f"127.0.0.1:{site.environment['PGTLS_DEMO_PORT']}"
    command = ["openssl", "s_client", "-starttls", "postgres", "-connect", where, "-servername", name]
    said = subprocess.run(command, input="", capture_output=True, text=True, check=False).stdout
    (pem,) = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.DOTALL)
    shown = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(shown, input=pem, capture_output=True, text=True, check=True).stdout.strip().split("=")[1]


def log_in(site: Site, name: str) -> None:
    """Log in by this name as a client that verifies it."""
    psycopg.connect(**{**conninfo(site, "app1"), "host": name}).close()


def hosts_file(site: Site) -> Path:
    return site.directory / "data/pg_hosts.conf"


def lines(site: Site) -> list[list[str]]:
    """The entries of pg_hosts.conf, by their words."""
    return [line.split() for line in hosts_file(site).read_text().splitlines() if line and not line.startswith("#")]


def subject_key(site: Site, name: str) -> str:
    """What openssl says of the key in a certificate."""
    command = ["openssl", "x509", "-noout", "-text", "-in", str(site.directory / certificate(name))]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("X509v3")[0]


def certificate(name: str) -> str:
    return f"data/postgres_server-{name}.crt" if name else "data/postgres_server.crt"


@pytest.fixture(scope="module")
def named() -> Iterator[Site]:
    """A server that can show each name its own certificate."""
    if 19 not in available_versions():
        pytest.skip("no PostgreSQL 19 is here; scripts/fetch-server.sh 19 unpacks one")
    with demo_site(free_port(), root_of(19)) as made:
        yield made


def test_each_name_gets_a_certificate_of_its_own_and_every_other_name_the_servers(named: Site) -> None:
    output = named.play(*names(SHOP, BILLS), *LONG_LIST, before=LONG_AGO)
    serials = {name: serial_of(named, certificate(name)) for name in ("", "shop", "bills")}
    assert len(set(serials.values())) == 3
    for name in SHOP["dns_names"]:
        assert served(named, name) == serials["shop"]
        log_in(named, name)
    assert served(named, "BILLS.example.org") == serials["bills"]
    for name in (DEFAULT, "unknown.example.org"):
        assert served(named, name) == serials[""]
    log_in(named, DEFAULT)
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        log_in(named, "unknown.example.org")
    assert "rsaEncryption" in subject_key(named, "shop") and "rsaEncryption" not in subject_key(named, "bills")
    assert [words[0] for words in lines(named)] == ["*", ",".join(SHOP["dns_names"]), "bills.example.org"]
    tried = json.loads((named.directory / "verify/report.json").read_text())
    assert "shop.example.org" in json.dumps(tried) and "bills.example.org" in json.dumps(tried)
    assert "restarted" not in output


def test_a_name_is_renewed_by_itself_and_by_a_reload(named: Site) -> None:
    before = {name: serial_of(named, certificate(name)) for name in ("", "shop", "bills")}
    key = key_of(named, "data/postgres_server-bills.key")
    assert changed(named.play(*names(SHOP, BILLS), *LONG_LIST, playbook="renew")) > 0
    after = {name: serial_of(named, certificate(name)) for name in before}
    assert [name for name in before if after[name] != before[name]] == ["bills"], "80 of its 90 days are over"
    assert key_of(named, "data/postgres_server-bills.key") == key
    assert served(named, "bills.example.org") == after["bills"]


def test_lines_of_somebody_else_stay_and_a_broken_one_stops_the_run(named: Site) -> None:
    for file, ours in (("other.crt", certificate("")), ("other.key", "data/postgres_server.key")):
        path = named.directory / "data" / file
        path.write_bytes((named.directory / ours).read_bytes())
        path.chmod(0o600)
        subprocess.run(["chown", "--reference", str(named.directory / "data/PG_VERSION"), str(path)], check=True)
    good = hosts_file(named).read_text()
    hosts_file(named).write_text(good + "broken.example.org only.crt\n")
    before = named.state()
    refused = " ".join(named.play(*names(SHOP), "--tags", "server", succeeds=False).split())
    number = good.count("\n") + 1
    assert f"pg_hosts.conf line {number}" in refused and "broken.example.org only.crt" in refused
    assert named.state() == before
    hosts_file(named).write_text(good + "SHOP.example.org other.crt other.key\n")
    before = named.state()
    refused = " ".join(named.play(*names(SHOP), "--tags", "server", succeeds=False).split())
    assert f"pg_hosts.conf line {number}" in refused and "shop.example.org" in refused.lower()
    assert named.state() == before
    hosts_file(named).write_text(good + SOMEBODY_ELSES)
    named.play(*names(SHOP, BILLS))
    assert hosts_file(named).read_text() == good + SOMEBODY_ELSES
    assert served(named, "other.example.org") == serial_of(named, certificate(""))


def test_a_second_run_changes_nothing(named: Site) -> None:
    before = named.state()
    assert changed(named.play(*names(SHOP, BILLS))) == 0
    assert named.state() == before


def test_a_new_ca_signs_all_of_them(named: Site) -> None:
    before = {name: issuer_of(named, certificate(name)) for name in ("", "shop", "bills")}
    named.play(*names(SHOP, BILLS), "-e", "pgtls_ca_generation=2", playbook="rotate_ca")
    after = {name: issuer_of(named, certificate(name)) for name in before}
    assert len(set(after.values())) == 1 and set(after.values()) != set(before.values())
    for name in (DEFAULT, "shop.example.org", "bills.example.org"):
        log_in(named, name)


def test_a_name_that_is_absent_is_revoked_and_gone(named: Site) -> None:
    serial = serial_of(named, certificate("shop"))
    output = named.play(*names({"name": "shop", "state": "absent"}, BILLS))
    assert "restarted" not in output
    crl = named.directory / "data/revoked.crl"
    shown = subprocess.run(
        ["openssl", "crl", "-noout", "-text", "-in", str(crl)], capture_output=True, text=True, check=True
    )
    assert f"Serial Number: {serial}" in shown.stdout
    assert not [path.name for path in (named.directory / "data").iterdir() if "shop" in path.name]
    assert served(named, "shop.example.org") == serial_of(named, certificate(""))
    assert [words[0] for words in lines(named)] == ["*", "bills.example.org", "other.example.org"]
    log_in(named, "bills.example.org")
    assert changed(named.play(*names({"name": "shop", "state": "absent"}, BILLS))) == 0


def test_a_name_that_is_only_dropped_is_told(named: Site) -> None:
    hosts_file(named).write_text(hosts_file(named).read_text().replace(SOMEBODY_ELSES, ""))
    output = " ".join(named.play(*names()).split())
    assert "bills.example.org" in output and "list it with the state absent" in output
    assert lines(named) == [] and (named.directory / certificate("bills")).exists()
    log_in(named, DEFAULT)
    assert changed(named.play(*names())) == 0


def test_an_older_server_is_refused_before_anything_is_written(converged: Site) -> None:
    before = converged.state()
    output = " ".join(converged.play(*names(SHOP), "--tags", "server", succeeds=False).split())
    assert "PostgreSQL 15" in output and "pgtls_server_hosts" in output and "PostgreSQL 19" in output
    assert converged.state() == before
