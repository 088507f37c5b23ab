# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of servers and of a rollover, as plain values; a host whose facts claim more is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.alike_hosts import alike_hosts
from ansible_collections.pgtls.postgresql.plugins.filter.client_files import client_files
from ansible_collections.pgtls.postgresql.plugins.filter.connection_attempts import connection_attempts
from ansible_collections.pgtls.postgresql.plugins.filter.hosts_behind import hosts_behind
from ansible_collections.pgtls.postgresql.plugins.filter.site_servers import site_servers

CHECKOUT = Path(__file__).resolve().parents[3]
CLIENT = {"name": "app1", "common_name": "App 1", "database_role": "app1", "databases": ["shop", "replication"]}
PROOF = {"database": "postgres", "hostaddr": "", "material": "/m", "faults": [], "root": "/r", "person": {}}
RAXUS = {"pgtls_server_dns_names": ["raxus.test"], "pgtls_server_port": "5433", "ansible_host": "10.0.0.1"}


def test_a_server_is_what_its_variables_say():
    (found,) = site_servers(["raxus"], {"raxus": RAXUS}, [CLIENT])
    assert found == {
        "host": "raxus",
        "names": ["raxus.test"],
        "port": 5433,
        "tls_mode": "require_client_certificate",
        "rejects_plaintext": True,
        "oldest_protocol": "TLSv1.2",
        "clients": ["app1"],
        "accepts_unlisted": False,
        "password_databases": "all",
        "address_of": "",
    }


def test_a_server_that_sets_nothing_is_what_the_defaults_of_its_role_say():
    """Another host reads its variables, and knows nothing of the defaults."""
    defaults = yaml.safe_load((CHECKOUT / "roles/server/defaults/main.yml").read_text(encoding="utf-8"))
    names = {"pgtls_server_dns_names": ["raxus.test"]}
    assert site_servers(["raxus"], {"raxus": names}) == site_servers(["raxus"], {"raxus": {**defaults, **names}})


def test_a_client_that_names_no_databases_may_use_those_that_the_role_says():
    spec = yaml.safe_load((CHECKOUT / "roles/server/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = spec["argument_specs"]["main"]["options"]
    silent = {"name": "app1", "common_name": "App 1", "database_role": "app1"}
    said = {**silent, "databases": options["pgtls_clients"]["options"]["databases"]["default"]}
    assert client_files([silent], "/d") == client_files([said], "/d")
    servers = site_servers(["raxus"], {"raxus": RAXUS}, [silent])
    assert connection_attempts([silent], servers, [silent], PROOF) == connection_attempts(
        [said], servers, [said], PROOF
    )
    users = {"databases": options["pgtls_password_users"]["options"]["databases"]["default"]}
    assert site_servers(["raxus"], {"raxus": {**RAXUS, "pgtls_password_users": users}}, [silent]) == servers


def test_who_has_a_password_is_tried_where_the_first_kind_of_users_that_is_his_may_go():
    kinds = [
        {"users": ["bob"], "databases": "no", "method": "reject"},
        {"users": ["ann", "bob"], "databases": ["shop", "hr"], "method": "ldap"},
        {"databases": "rest"},
    ]

    def databases(name):
        person = {"pgtls_verify_password_user": {"name": name, "password": "x"}, "pgtls_password_users": kinds}
        return site_servers(["raxus"], {"raxus": {**RAXUS, **person}})[0]["password_databases"]

    assert (databases("bob"), databases("eve")) == (["shop", "hr"], "rest")


def test_servers_that_share_a_name_and_a_port_are_reached_by_their_addresses():
    def addresses(**mobus):
        servers = site_servers(["raxus", "mobus"], {"raxus": RAXUS, "mobus": {**RAXUS, **mobus}})
        return [one["address_of"] for one in servers]

    assert addresses(ansible_host="10.0.0.2") == ["10.0.0.1", "10.0.0.2"]
    assert addresses(pgtls_server_port=5434) == ["", ""]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ansible_facts": {"pgtls_server_port": 1}, **RAXUS}, "the facts of raxus set pgtls_server_port"),
        ({}, "raxus has no pgtls_server_dns_names"),
    ],
)
def test_a_server_that_nobody_can_verify_or_believe_is_refused(variables, sentence):
    with pytest.raises(AnsibleFilterError, match=sentence):
        site_servers(["raxus"], {"raxus": variables})


def test_attempts_are_those_of_the_clients_that_a_server_knows():
    servers = site_servers(["raxus"], {"raxus": {**RAXUS, "pgtls_clients": [CLIENT]}})
    found = connection_attempts([CLIENT], servers, [CLIENT], PROOF)
    assert {one["conninfo"]["dbname"] for one in found if one["expect"] == "accepted"} == {"shop", ""}
    (revoked,) = connection_attempts([CLIENT], servers, [CLIENT], {**PROOF, "revoked": ["app1"]})
    assert (revoked["name"], revoked["expect"], revoked["reason"]) == (
        "app1, revoked",
        "refused",
        "certificate revoked",
    )


def test_a_database_whose_name_is_a_number_is_tried_by_this_name():
    client = {**CLIENT, "databases": 7}
    servers = site_servers(["raxus"], {"raxus": {**RAXUS, "pgtls_clients": [client]}})
    found = connection_attempts([client], servers, [client], PROOF)
    assert {one["conninfo"]["dbname"] for one in found if one["expect"] == "accepted"} == {"7"}


def test_hosts_that_prove_a_site_together_leave_out_nothing_and_do_nothing_twice():
    clients = [{**CLIENT, "hosts": ["apps"]}, {**CLIENT, "name": "app2", "database_role": "app2", "hosts": ["apps2"]}]
    servers = site_servers(["raxus"], {"raxus": RAXUS}, clients)
    groups = {"apps": ["apps1"], "all": ["apps1", "apps2"]}
    site = {**PROOF, "hosts": ["apps1", "apps2"], "groups": groups}

    def tried(held, **more):
        return {one["name"] + str(one["conninfo"]) for one in connection_attempts(held, servers, clients, more)}

    together = [tried([clients[n - 1]], **site, host=f"apps{n}") for n in (1, 2)]
    alone = [tried([clients[n - 1]], **PROOF) for n in (1, 2)]
    assert together[0] < alone[0] and together[1] < alone[1]
    assert len(together[0] | together[1]) == len(together[0]) + len(together[1])
    # who is held by hosts that share nothing, or that are not those of the inventory, is proven by each of them
    assert tried(clients[:1], **{**site, "groups": {}}, host="apps1") == alone[0]


def test_a_depth_that_there_is_not_is_refused():
    with pytest.raises(AnsibleFilterError, match="depth is 'deep'; set it to reduced or full"):
        connection_attempts([CLIENT], [], [CLIENT], {**PROOF, "depth": "deep"})


def test_hosts_are_alike_when_these_variables_are():
    hostvars = {"a": {"x": [1], "z": 1}, "b": {"x": [1], "z": 2}, "c": {"x": [2]}, "d": {}}
    assert alike_hosts(["a", "b", "c", "d", "e"], hostvars, "a", ["x", "y"]) == ["a", "b"]
    assert alike_hosts(["a", "d"], hostvars, "d", ["x"]) == ["d"]
    assert alike_hosts(["b", "c"], hostvars, "a", ["x"]) == ["b"]


def test_who_did_not_report_is_behind():
    hostvars = {"a": {"report": {"msg": "phase 2"}}, "b": {"report": {"msg": "phase 1"}}, "c": {}, "d": {"report": {}}}
    assert hosts_behind(["a", "b", "c", "d", "e"], hostvars, "report", "phase 2") == ["b", "c", "d", "e"]
    assert hosts_behind(["a"], hostvars, "report", "phase 2", present=["b"]) == ["a"]
