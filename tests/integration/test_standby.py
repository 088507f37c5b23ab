# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A standby is a server like others, whose roles come from its primary."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from module_runner import run_module
from server_world import World

IN_STEP = "SELECT pg_last_wal_replay_lsn() >= '{}'::pg_lsn"


def in_step(primary, standby):
    """Wait until the standby has replayed what the primary wrote."""
    ((position,),) = primary.sql("SELECT pg_current_wal_lsn()")
    deadline = time.monotonic() + 30
    while standby.sql(IN_STEP.format(position)) != [("t",)]:
        assert time.monotonic() < deadline, "the standby does not follow"
        time.sleep(0.1)


@pytest.fixture
def pair(fresh_cluster, standby_of):
    return fresh_cluster, standby_of(fresh_cluster)


def test_a_standby_comes_to_mutual_tls_with_roles_that_its_primary_makes(pair, tmp_path):
    """The play visits both at once, so the standby may come first; there is nothing that it could create."""
    primary, standby = pair
    world = World(standby, tmp_path)
    signed = world.sign(world.call()["requests"])
    for check in (True, False):
        done = world.call(check=check, signed=signed)
        assert not done["failed"], done
        assert (done["changed"], done["roles_created"], done["roles_altered"]) == (True, [], [])
        (warning,) = [words for words in done["warnings"] if "standby" in words]
        assert "app1" in warning and "primary" in warning, warning
    made = run_module("login_role", {**primary.login, "name": ["app1"]})
    assert made["created"] == ["app1"]
    in_step(primary, standby)
    assert world.login(sslmode="verify-full", **world.client()) == "app1"
    again = world.call()
    assert (again["failed"], again["changed"]) == (False, False), again
    assert [words for words in again.get("warnings", []) if "standby" in words] == []


def test_login_is_given_and_taken_on_the_primary_alone(pair, tmp_path):
    primary, standby = pair
    primary.sql("CREATE ROLE sleeper NOLOGIN; CREATE ROLE leaver LOGIN")
    in_step(primary, standby)
    asked = run_module("login_role", {**standby.login, "name": ["sleeper", "nosuch"]})
    assert (asked["failed"], asked["changed"], asked["created"], asked["altered"]) == (False, False, [], []), asked
    assert "sleeper, nosuch" in asked["warnings"][0], asked
    world = World(standby, tmp_path)
    done = world.call(signed=world.sign(world.call()["requests"]), roles=[], nologin_roles=["leaver"])
    assert (done["failed"], done["roles_locked"]) == (False, []), done


REPLICATOR = {
    "roles": [],
    "replication_roles": ["replicator"],
    "mapping_blocks": [
        {
            "block": "clients",
            "mappings": [{"map": "standbys", "system_user": "PostgreSQL standby", "database_user": "replicator"}],
        }
    ],
    "rule_blocks": [
        {
            "block": "clients",
            "placement": "first",
            "rules": [
                {
                    "type": "hostssl",
                    "database": "replication",
                    "user": "replicator",
                    "address": "all",
                    "method": "cert",
                    "options": {"map": "standbys"},
                }
            ],
        }
    ],
}
RECEIVERS = "SELECT usename, ssl, client_dn FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"


def alter_system(cluster):
    return Path(cluster.data_directory, "postgresql.auto.conf").read_text()


@pytest.fixture
def followed(pair, tmp_path):
    """A primary with TLS, its standby without, and the parameters by which the standby shall reach it."""
    primary, standby = pair
    world = World(primary, tmp_path)
    world.settle(**REPLICATOR)
    home = Path(standby.data_directory).parent / "replicator"
    files = world.client(home, name="replicator", common_name="PostgreSQL standby", owner=standby.owner)
    shutil.chown(home, standby.owner)
    wanted = {"host": "localhost", "port": primary.port, "user": "replicator", "sslmode": "verify-full", **files}
    return primary, standby, wanted


def follow(standby, wanted, check=False, **more):
    given = {"data_directory": standby.data_directory, "certificates": [], "primary_conninfo": wanted, **more}
    return run_module("pg_server", given, check=check, diff=True)


def test_a_standby_follows_its_primary_with_a_certificate(followed):
    primary, standby, wanted = followed
    before = alter_system(standby)
    standby.sql(
        f"ALTER SYSTEM SET primary_conninfo = 'host={primary.socket_directory} port={primary.port}"
        f" user={primary.owner} application_name=second password=old sslpassword=older'"
    )
    standby.reload()
    assert primary.sql(RECEIVERS) == [(primary.owner, "f", "")] and before != alter_system(standby)
    before = alter_system(standby)
    wanted.update(password=None, sslpassword=None)
    promised = follow(standby, wanted, check=True)
    assert not promised["failed"], promised
    assert alter_system(standby) == before
    done = follow(standby, wanted)
    assert not done["failed"], done
    assert (promised["changed"], promised["diff"]) == (done["changed"], done["diff"]) and done["changed"]
    assert primary.sql(RECEIVERS) == [("replicator", "t", "/CN=PostgreSQL standby")]
    assert primary.sql("SELECT application_name FROM pg_stat_replication") == [("second",)]
    assert "old" not in str(done["diff"]) and "password" not in alter_system(standby)
    assert follow(standby, wanted)["changed"] is False
    primary.sql("CREATE TABLE seen AS SELECT 1 AS it")
    in_step(primary, standby)
    assert standby.sql("SELECT it FROM seen") == [("1",)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"user": "nobody1"}, "no password supplied"),
        ({"sslrootcert": "/nowhere/root.crt"}, 'root certificate file "/nowhere/root.crt" does not exist'),
        ({"hostt": "x"}, "hostt"),
        ({"password": "secret1"}, "passfile"),
        ({"sslpassword": "secret1"}, "sslpassword would be kept"),
    ],
)
def test_a_way_that_does_not_lead_to_the_primary_is_not_taken(followed, wrong, words):
    primary, standby, wanted = followed
    before, files = alter_system(standby), sorted(Path(standby.data_directory).glob("*"))
    refused = follow(standby, {**wanted, **wrong})
    assert refused["failed"] and words in refused["msg"] and "secret1" not in refused["msg"], refused
    assert alter_system(standby) == before and sorted(Path(standby.data_directory).glob("*")) == files
    assert primary.sql(RECEIVERS) == [(primary.owner, "f", "")]


def test_a_key_that_the_server_cannot_read_is_found_before_anything_is_written(followed):
    """Root could read it."""
    primary, standby, wanted = followed
    shutil.chown(wanted["sslkey"], "root")
    before = alter_system(standby)
    refused = follow(standby, wanted)
    assert refused["failed"] and wanted["sslkey"] in refused["msg"], refused
    assert alter_system(standby) == before and len(primary.sql(RECEIVERS)) == 1


def test_a_stream_that_does_not_begin_again_is_undone(followed):
    """The trial logs in and no more: a slot that is not there shows when the stream begins."""
    primary, standby, wanted = followed
    standby.configure("primary_slot_name = 'nosuch'\n")
    before = alter_system(standby)
    refused = follow(standby, wanted, timeout_seconds=3)
    assert refused["failed"] and "does not stream from its primary within 3 seconds" in refused["msg"], refused
    assert "the server is as it was before" in refused["msg"]
    assert alter_system(standby) == before


def test_a_primary_keeps_what_it_has(followed):
    primary, _standby, wanted = followed
    done = follow(primary, wanted)
    assert (done["failed"], done["changed"]) == (False, False)
    assert "is no standby" in done["warnings"][0]
