# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_server and the names that have certificates of their own, on PostgreSQL 19; on an older one nothing is written.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clusters import Cluster
from module_runner import run_module
from server_world import World

sys.path.append(str(Path(__file__).resolve().parents[1] / "differential"))

from servers import available_versions, root_of

SHOP = {"name": "db1-shop", "dns_names": ["shop.example.org", "www.shop.example.org"]}
BILLS = {"name": "db1-bills", "dns_names": ["bills.example.org"]}


class NamedWorld(World):
    """The same, with names beside the server's own."""

    def certificate(self, entry: dict[str, Any]) -> dict[str, Any]:
        files = {"private_key": f"{entry['name']}.key", "certificate": f"{entry['name']}.crt", "root": "root.pem"}
        return {"common_name": "db1", "usages": ["server"], **entry, **files}

    def wish(self, *entries: dict[str, Any], gone: tuple[str, ...] = ()) -> dict[str, Any]:
        lines = [
            {"host": one["dns_names"], "cert": f"{one['name']}.crt", "key": f"{one['name']}.key", "ca": "root.pem"}
            for one in entries
        ]
        default = [{"host": ["*"], "cert": "tls.crt", "key": "tls.key", "ca": "root.pem"}] if lines else []
        return {
            "certificates": [self.entry, *map(self.certificate, entries)],
            "host_blocks": [{"block": "names", "hosts": [*default, *lines]}],
            "absent": [{"name": name, "certificate": f"{name}.crt", "files": [f"{name}.key"]} for name in gone],
            "settings": {**self.options["settings"], **({"ssl_sni": True} if lines else {})},
        }

    def reach(self, *entries: dict[str, Any], gone: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        wish = {**self.wish(*entries, gone=gone), **options}
        first = self.call(**wish)
        assert not first["failed"], first
        if not first["requests"]:
            return first
        asked = [
            one for one in wish["certificates"] if one["name"] in {request["name"] for request in first["requests"]}
        ]
        done = self.call(signed=self.sign(first["requests"], *asked), **wish)
        assert not done["failed"], done
        return done

    def file(self, name: str) -> Path:
        return Path(self.cluster.data_directory, name)

    def files(self) -> dict[str, bytes]:
        endings = (".conf", ".crt", ".key", ".pem", ".next")
        return {path.name: path.read_bytes() for path in self.file("").iterdir() if path.suffix in endings}

    def serial(self, name: str) -> str:
        return str(run_module("certificate_info", {"path": str(self.file(name))})["certificates"][0]["serial_number"])

    def served(self, name: str) -> str:
        found = run_module("certificate_info", {"host": "127.0.0.1", "port": self.cluster.port, "server_name": name})
        assert not found["failed"], found
        return str(found["certificates"][0]["serial_number"])

    def comes_in(self, name: str) -> str:
        """The role of a client that verifies the server by this name, which libpq sends it."""
        where = {"host": name, "hostaddr": "127.0.0.1", "port": self.cluster.port, "dbname": "postgres", "user": "app1"}
        with psycopg.connect(**where, sslmode="verify-full", **self.client()) as session:
            return str(session.execute("SELECT current_user").fetchone()[0])


@pytest.fixture(scope="module")
def world(make_cluster: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory) -> NamedWorld:
    if 19 not in available_versions():
        pytest.skip("no PostgreSQL 19 is here; scripts/fetch-server.sh 19 unpacks one")
    return NamedWorld(make_cluster(root_of(19)), tmp_path_factory.mktemp("names"))


def test_each_name_is_shown_its_own_certificate_and_every_other_the_servers(world: NamedWorld) -> None:
    done = world.reach(SHOP, BILLS)
    assert done["restarted"] is False and done["version"] == 19
    shop, bills, own = (world.serial(f"{name}.crt") for name in ("db1-shop", "db1-bills", "tls"))
    assert len({shop, bills, own}) == 3
    for name, serial in {
        "shop.example.org": shop,
        "www.SHOP.example.org": shop,
        "bills.example.org": bills,
        "localhost": own,
        "unknown.example.org": own,
    }.items():
        assert world.served(name) == serial, name
    for name in ("localhost", "shop.example.org", "bills.example.org"):
        assert world.comes_in(name) == "app1"
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        world.comes_in("unknown.example.org")
    again = world.reach(SHOP, BILLS)
    assert again["changed"] is False and again["summary"].endswith("until " + again["certificates"][2]["not_after"])


def test_lines_of_others_stay_and_one_that_no_server_takes_is_named(world: NamedWorld) -> None:
    file, before = world.file("pg_hosts.conf"), world.files()
    good = file.read_text()
    number = good.count("\n") + 1
    for line, words in (
        ("broken.example.org only.crt", "the line ends too early"),
        ("Bills.example.org other.crt other.key", "gives Bills.example.org another certificate"),
        ("* other.crt other.key", "gives * another certificate"),
        ("a.example.org,A.example.org tls.crt tls.key", "PostgreSQL accepts a name only once"),
    ):
        file.write_text(f"{good}{line}\n")
        refused = world.call(**world.wish(BILLS))
        assert refused["failed"] and f"{file} line {number} ({line})" in refused["msg"], refused["msg"]
        assert words in refused["msg"] and "\n" not in refused["msg"]
        assert {**world.files(), "pg_hosts.conf": good.encode()} == before
    file.write_text(f"{good}other.example.org tls.crt tls.key # by hand\n")
    assert not world.reach(SHOP, BILLS)["failed"]
    assert file.read_text() == f"{good}other.example.org tls.crt tls.key # by hand\n"
    assert world.served("other.example.org") == world.serial("tls.crt")


def test_a_name_is_not_there_when_anything_fails(world: NamedWorld) -> None:
    new = {"name": "db1-new", "dns_names": ["new.example.org"]}
    world.cluster.sql("ALTER SYSTEM SET ssl_sni = off")
    world.cluster.sql("SELECT pg_reload_conf()")
    before = world.files()
    wish = world.wish(SHOP, BILLS, new)
    first = world.call(**wish)
    refused = world.call(signed=world.sign(first["requests"], world.certificate(new)), **wish)
    assert refused["failed"] and "ssl_sni" in refused["msg"] and "ALTER SYSTEM RESET ssl_sni" in refused["msg"]
    assert {name: content for name, content in world.files().items() if "new" not in name} == before
    assert not world.file("db1-new.crt").exists() and world.leftovers() == []
    world.cluster.sql("ALTER SYSTEM RESET ssl_sni")
    world.cluster.sql("SELECT pg_reload_conf()")
    world.file("db1-new.key.next").unlink(missing_ok=True)
    world.file("db1-new.key").unlink(missing_ok=True)


def test_a_name_that_is_absent_has_no_line_and_no_files(world: NamedWorld) -> None:
    foretold = world.call(check=True, **world.wish(BILLS, gone=("db1-shop",)))
    assert foretold["changed"] and world.file("db1-shop.key").exists()
    done = world.reach(BILLS, gone=("db1-shop",))
    assert [one["name"] for one in done["removed"]] == ["db1-shop"]
    assert any("db1-shop is removed from this host" in warning for warning in done["warnings"])
    assert not any("shop" in name for name in world.files())
    assert world.served("shop.example.org") == world.serial("tls.crt")
    assert world.comes_in("bills.example.org") == "app1"
    assert world.reach(BILLS, gone=("db1-shop",))["changed"] is False


def test_a_certificate_that_another_line_shows_stays(world: NamedWorld) -> None:
    file = world.file("pg_hosts.conf")
    file.write_text(f"{file.read_text()}mine.example.org db1-bills.crt db1-bills.key\n")
    done = world.reach(gone=("db1-bills",))
    assert done["removed"] == [] and world.file("db1-bills.key").exists()
    assert world.served("mine.example.org") == world.serial("db1-bills.crt")
    file.write_text(file.read_text().replace("mine.example.org db1-bills.crt db1-bills.key\n", ""))


def test_names_that_leave_the_list_are_told(world: NamedWorld) -> None:
    world.reach(BILLS)
    done = world.reach()
    (warning,) = [warning for warning in done["warnings"] if "no longer lists bills.example.org" in warning]
    assert "list it with the state absent" in warning and "\n" not in warning
    assert not any("tls.crt" in warning for warning in done["warnings"])
    # without a line for everybody else, the line of somebody else would be all that the server shows
    file = world.file("pg_hosts.conf")
    assert "\n*  " in file.read_text() and "bills" not in file.read_text()
    assert world.comes_in("localhost") == "app1"
    assert world.reach()["changed"] is False
    file.write_text(file.read_text().replace("other.example.org tls.crt tls.key # by hand\n", ""))
    assert world.reach()["warnings"] == []
    assert "pgtls" not in file.read_text()
    assert world.comes_in("localhost") == "app1"


def test_a_file_that_is_missing_is_made_for_the_server_alone(world: NamedWorld) -> None:
    file = world.file("pg_hosts.conf")
    file.unlink()
    world.reach(BILLS)
    status = file.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (world.file("PG_VERSION").stat().st_uid, 0o600)
    assert world.comes_in("bills.example.org") == "app1"


def test_a_file_of_somebody_else_is_not_written(world: NamedWorld, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can write what is not the server's")
    treasure = tmp_path / "treasure"
    treasure.write_text("# secret\n")
    conf = world.file("postgresql.conf")
    before = conf.read_bytes()
    conf.write_bytes(before + f"hosts_file = '{treasure}'\n".encode())
    refused = world.call(**world.wish(BILLS))
    conf.write_bytes(before)
    assert refused["failed"] and "hosts_file" in refused["msg"] and "belongs to uid 0" in refused["msg"]
    assert treasure.read_text() == "# secret\n"


def test_an_older_server_is_refused_before_anything_is_written(cluster: Cluster, tmp_path: Path) -> None:
    older = NamedWorld(cluster, tmp_path)
    before = older.files()
    refused = older.call(**older.wish(SHOP))
    assert refused["failed"] and "pgtls_server_hosts" in refused["msg"] and "PostgreSQL 19" in refused["msg"]
    assert "\n" not in refused["msg"] and older.files() == before
