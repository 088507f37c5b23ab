# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A standby is a server like others, whose roles come from its primary."""

from __future__ import annotations

import time

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
