# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry of pgtls_clients with the state absent means for the CA, the servers, the hosts and the proof."""

from __future__ import annotations

from typing import Any

from ansible_collections.pgtls.postgresql.plugins.filter.client_installation import client_installation
from ansible_collections.pgtls.postgresql.plugins.filter.client_revocations import client_revocations
from ansible_collections.pgtls.postgresql.plugins.filter.client_roles import client_roles
from ansible_collections.pgtls.postgresql.plugins.filter.clients_of_host import clients_of_host
from ansible_collections.pgtls.postgresql.plugins.filter.connection_attempts import connection_attempts
from ansible_collections.pgtls.postgresql.plugins.filter.hosts_of_clients import hosts_of_clients
from ansible_collections.pgtls.postgresql.plugins.filter.inventory_mistakes import inventory_mistakes
from ansible_collections.pgtls.postgresql.plugins.filter.mapping_blocks import mapping_blocks
from ansible_collections.pgtls.postgresql.plugins.filter.rule_blocks import rule_blocks
from ansible_collections.pgtls.postgresql.plugins.filter.site_servers import site_servers
from inventory import CLIENT_SETTINGS as SETTINGS


def client(name: str, **more: Any) -> dict[str, Any]:
    """An entry of pgtls_clients."""
    return {"name": name, "common_name": f"CN {name}", "database_role": f"{name}_role", **more}


GROUPS = {
    "all": ["ca1", "db1", "web1", "web2"],
    "ca": ["ca1"],
    "postgres_servers": ["db1"],
    "postgres_clients": ["web1", "web2"],
    "apps": ["web1", "web2"],
}
SHOP = client("shop", hosts=["apps"])
GONE = client("gone", hosts=["apps"], state="absent")
BOTH = [SHOP, GONE]


def test_an_absent_client_has_no_rule_no_map_and_no_proof() -> None:
    modes = {"tls_mode": "require", "reject_plaintext": True, "accept_unlisted": False, "password_users": {}}
    assert rule_blocks(BOTH, **modes) == rule_blocks([SHOP], **modes)
    assert mapping_blocks(BOTH) == mapping_blocks([SHOP])
    hostvars = {"db1": {"pgtls_server_dns_names": ["db.example"]}}
    (server,) = site_servers(["db1"], hostvars, BOTH)
    assert server["clients"] == ["shop"]
    proof = {"database": "postgres", "hostaddr": "", "host": "web1", "hosts": ["web1", "web2"], "groups": GROUPS}
    own = [{**SHOP, "certificate": "/s.crt", "private_key": "/s.key", "root": "/r"}]
    assert connection_attempts(own, [server], BOTH, proof) == connection_attempts(own, [server], [SHOP], proof)


def test_its_certificates_are_revoked_host_by_host() -> None:
    revoked = client_revocations(BOTH, GROUPS)
    assert [(one["name"], one["host"], one["only_if_valid"]) for one in revoked] == [
        ("gone", "web1", True),
        ("gone", "web2", True),
    ]
    assert client_revocations([SHOP], GROUPS) == []


def test_it_is_held_by_nobody() -> None:
    assert clients_of_host(BOTH, "web1", GROUPS) == [SHOP]
    assert clients_of_host(BOTH, "web1", GROUPS, "absent") == [GONE]
    assert hosts_of_clients([GONE], GROUPS) == []


def removed(own: list[dict[str, Any]], *gone: dict[str, Any]) -> dict[str, list[str]]:
    return {
        one["name"]: [one["certificate"], *one["files"]] for one in client_installation(own, SETTINGS, gone)["absent"]
    }


def test_its_files_go_but_for_roots_that_others_use() -> None:
    directory = SETTINGS["directory"]
    endings = (".crt", ".key", ".key.next", ".fullchain.crt", ".p12", ".pk8")
    assert removed([SHOP], GONE) == {"gone": [f"{directory}/gone{ending}" for ending in endings]}
    home = {"libpq_home": "/home/x"}
    at_home = [f"/home/x/.postgresql/postgresql{ending}" for ending in endings]
    assert removed([SHOP], {**GONE, **home}) == {"gone": [*at_home, "/home/x/.postgresql/root.crt"]}
    assert removed([{**SHOP, **home}], {**GONE, **home}) == {"gone": at_home}


def test_its_role_loses_login_unless_somebody_needs_it() -> None:
    assert client_roles(BOTH) == {"login": ["shop_role"], "replication": [], "nologin": ["gone_role"]}
    assert client_roles([SHOP, {**GONE, "keep_login": True}])["nologin"] == []
    assert client_roles([SHOP, {**GONE, "keep_login": "no"}])["nologin"] == ["gone_role"]
    assert client_roles([SHOP, {**GONE, "database_role": "shop_role"}])["nologin"] == []


def mistakes(*clients: dict[str, Any]) -> list[str]:
    settings = {"provider": "pgtls", "ca_host": "ca1", "dns_names": ["db.example"]}
    return inventory_mistakes(list(clients), "web1", GROUPS, settings, {"web1": {"ansible_facts": {}}})


def test_a_client_can_move_but_not_be_there_and_gone() -> None:
    moved, left = client("shop", hosts=["web2"]), client("shop", hosts=["web1"], state="absent")
    assert mistakes(moved, left) == [] and mistakes(SHOP, {**GONE, "common_name": SHOP["common_name"]}) == []
    assert mistakes(SHOP, left) == [
        "pgtls_clients has shop both present and absent on web1; remove one of the entries."
    ]
    (twins,) = mistakes(SHOP, moved)
    assert "two entries with the same name" in twins
