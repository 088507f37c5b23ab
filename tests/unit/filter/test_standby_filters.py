# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry of pgtls_clients with replication comes to: role, rule, proof, and the way to the primary."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.client_files import client_files
from ansible_collections.pgtls.postgresql.plugins.filter.client_roles import client_roles
from ansible_collections.pgtls.postgresql.plugins.filter.primary_conninfo import primary_conninfo
from ansible_collections.pgtls.postgresql.plugins.filter.rule_blocks import rule_blocks
from ansible_collections.pgtls.postgresql.plugins.plugin_utils.inventory_mistakes import mistakes_of_standby

APP = {"name": "app1", "common_name": "Application 1", "database_role": "shop", "hosts": ["apps1"]}
STANDBY = {
    "name": "replicator",
    "common_name": "Standby",
    "database_role": "replicator",
    "hosts": ["members"],
    "replication": True,
}
GROUPS = {"all": ["db1", "db2", "apps1"], "members": ["db1", "db2"], "postgres_servers": ["db1", "db2"]}
GROUPS["postgres_clients"] = GROUPS["all"]
DB1 = {"host": "db1", "names": ["db1.example", "db.example"], "port": 5433}


def databases(client: dict[str, Any]) -> Any:
    clients, _others = rule_blocks(
        [client], tls_mode="require", reject_plaintext=False, accept_unlisted=False, password_users={}
    )
    (rule,) = clients["rules"]
    assert client_files([client], "/etc/pgtls/client")["clients"][0]["databases"] == rule["database"]
    return rule["database"]


def test_a_standby_may_replicate_and_connect_to_what_is_named_besides() -> None:
    assert databases(STANDBY) == ["replication"]
    assert databases({**STANDBY, "databases": "postgres"}) == ["postgres", "replication"]
    assert databases({**STANDBY, "databases": ["replication", "postgres"]}) == ["replication", "postgres"]
    assert databases({**STANDBY, "replication": "no"}) == "all"
    assert client_roles([APP, STANDBY]) == {
        "login": ["shop", "replicator"],
        "replication": ["replicator"],
        "nologin": [],
    }
    assert client_roles([APP, {**STANDBY, "state": "absent"}])["replication"] == []


def test_it_reaches_its_primary_by_the_first_name_with_its_own_files() -> None:
    found = primary_conninfo([APP, STANDBY], "db2", GROUPS, "/etc/pgtls/client", DB1, {"port": 6000, "keepalives": 1})
    assert found == {
        "host": "db1.example",
        "port": 6000,
        "user": "replicator",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/pgtls/client/rootCA.pem",
        "sslcert": "/etc/pgtls/client/replicator.crt",
        "sslkey": "/etc/pgtls/client/replicator.key",
        "password": None,
        "keepalives": 1,
    }


@pytest.mark.parametrize("clients", [[APP], [STANDBY, {**STANDBY, "name": "other"}], [{**STANDBY, "hosts": ["apps1"]}]])
def test_without_one_client_for_replication_there_is_no_way(clients: list[dict[str, Any]]) -> None:
    with pytest.raises(AnsibleFilterError, match=r"db2 is to follow db1 and has [02] entries"):
        primary_conninfo(clients, "db2", GROUPS, "/etc/pgtls/client", DB1, {})
    assert len(list(mistakes_of_standby(clients, "db2", GROUPS, "db1"))) == 1


def test_who_cannot_follow_is_told_why() -> None:
    clients = [APP, STANDBY]
    for host, primary in (("db2", "db1"), ("db1", "db1"), ("db2", ""), ("apps1", "db1")):
        assert list(mistakes_of_standby(clients, host, GROUPS, primary)) == []
    (lost,) = mistakes_of_standby(clients, "db2", GROUPS, "apps1")
    assert lost.startswith("pgtls_server_primary of db2 is apps1, which is not a host of the group postgres_servers")
    (alone,) = mistakes_of_standby(clients, "db2", {**GROUPS, "postgres_clients": ["apps1"]}, "db1")
    assert alone == "db2 is to follow db1 as one of its clients; put it into the group postgres_clients too."
