# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_server and the roles of clients that are gone: which lose LOGIN, which keep it, and what is said."""

from __future__ import annotations

import pytest
from server_world import CLIENTS, World

# A server of which app1 has been taken away.
WITHOUT = {
    "roles": [],
    "mapping_blocks": [{"block": "clients", "mappings": []}],
    "rule_blocks": [{"block": "clients", "placement": "first", "rules": CLIENTS["rule_blocks"][0]["rules"][1:]}],
}


# Roles and nothing else.
BARE = {"certificates": [], "settings": {}, "roles": [], "mapping_blocks": [], "rule_blocks": []}


@pytest.fixture
def stock(fresh_cluster, tmp_path):
    return World(fresh_cluster, tmp_path)


@pytest.fixture
def world(stock):
    stock.settle()
    return stock


def can_log_in(world: World, role: str) -> bool:
    return world.cluster.sql(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role}'") == [("t",)]


def test_a_role_loses_login_as_the_last_step_and_only_once(world):
    gone = {**WITHOUT, "nologin_roles": ["app1", "nobody"]}
    promised = world.call(check=True, **gone)
    assert promised["roles_locked"] == ["app1"] and can_log_in(world, "app1")
    assert "LOGIN would be taken from app1" in promised["summary"]
    done = world.call(**gone)
    assert (done["roles_locked"], done["diff"]) == (promised["roles_locked"], promised["diff"])
    assert not can_log_in(world, "app1") and done["warnings"] == []
    assert "app1: LOGIN\n" in str(done["diff"]).replace("\\n", "\n")
    again = world.call(**gone)
    assert (again["failed"], again["changed"], again["roles_locked"]) == (False, False, [])
    back = world.call()
    assert back["roles_altered"] == ["app1"] and can_log_in(world, "app1")


def test_a_role_without_a_mapping_keeps_login_and_is_named_once(world):
    done = world.call(**WITHOUT)
    assert can_log_in(world, "app1") and done["roles_locked"] == []
    (warning,) = [one for one in done["warnings"] if "keeps LOGIN" in one]
    assert warning.startswith("the role app1 has lost its mapping in pg_ident.conf, and keeps LOGIN")
    again = world.call(**WITHOUT)
    assert not again["changed"] and again["warnings"] == []


def test_administrators_keep_login_and_nobody_is_wanted_and_gone(stock):
    stock.cluster.sql("CREATE ROLE admin2 SUPERUSER LOGIN")
    done = stock.call(**BARE, nologin_roles=["postgres", "admin2"])
    assert (done["failed"], done["changed"], done["roles_locked"]) == (False, False, [])
    assert [one.split(" keeps LOGIN")[0] for one in done["warnings"]] == ["the role admin2", "the role postgres"]
    assert can_log_in(stock, "admin2") and can_log_in(stock, "postgres")
    before = stock.state()
    refused = stock.call(nologin_roles=["app1"])
    assert refused["msg"] == "app1 is in roles and in nologin_roles; take it out of one of them"
    assert stock.state() == before


def test_a_server_that_fails_keeps_the_roles_of_its_clients(world):
    """What could not be undone comes last."""
    broken = {**WITHOUT, "nologin_roles": ["app1"], "settings": {**world.options["settings"], "ssl_ciphers": "no such"}}
    failed = world.call(**broken)
    assert failed["failed"], failed
    assert can_log_in(world, "app1")
    assert world.login(sslmode="verify-full", **world.client()) == "app1"
