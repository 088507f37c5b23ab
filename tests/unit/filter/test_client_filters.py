# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pgtls_clients means on a host: who is there, where their files are, what they need, and what must be refused to them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.client_files import client_files
from ansible_collections.pgtls.postgresql.plugins.filter.client_installation import client_installation
from ansible_collections.pgtls.postgresql.plugins.filter.client_services import client_services
from ansible_collections.pgtls.postgresql.plugins.filter.clients_of_host import clients_of_host
from ansible_collections.pgtls.postgresql.plugins.filter.hosts_of_clients import hosts_of_clients
from ansible_collections.pgtls.postgresql.plugins.filter.refused_certificates import refused_certificates
from ansible_collections.pgtls.postgresql.plugins.filter.servers_with_certificates import servers_with_certificates
from ansible_collections.pgtls.postgresql.plugins.modules.certificate_request import ARGUMENTS
from inventory import CLIENT_SETTINGS as SETTINGS

HOSTILE = ['it\'s "quoted"', "two\nlines", "{{ x }}", "# no comment", "a: b", "null", "007", "☃ 😀", "%d", "\x7f"]
SERVER = {"names": ["db.example", "other.example"], "port": 5433}


def client(name: str = "shop", **more: Any) -> dict[str, Any]:
    """An entry of pgtls_clients."""
    return {"name": name, "common_name": f"CN {name}", "database_role": f"{name}_role", "hosts": ["apps1"], **more}


GROUPS = {"all": ["apps1", "apps2"], "apps": ["apps1"], "parents": ["apps1", "apps2"], "ungrouped": []}


@pytest.mark.parametrize(
    ("hosts", "held_by"),
    [
        (["apps1"], ["apps1"]),
        (["apps"], ["apps1"]),
        (["parents"], ["apps1", "apps2"]),
        (["apps", "apps2"], ["apps1", "apps2"]),
        (["apps", "apps1", "parents"], ["apps1", "apps2"]),
        (["all"], []),
        (["ungrouped", "nowhere"], []),
        ([], []),
    ],
)
def test_a_client_is_on_the_hosts_that_its_entry_names_and_in_their_groups(
    hosts: list[str], held_by: list[str]
) -> None:
    entry = client(hosts=hosts)
    found = [host for host in ("apps1", "apps2") if clients_of_host([entry], host, GROUPS) == [entry]]
    assert found == held_by == hosts_of_clients([entry], GROUPS)


def test_the_hosts_of_several_clients_are_named_once() -> None:
    clients = [client(hosts=["apps2"]), client("crm", hosts=["parents"]), client("all", hosts=["all"])]
    assert hosts_of_clients(clients, GROUPS) == ["apps1", "apps2"]
    assert hosts_of_clients([], GROUPS) == hosts_of_clients(clients, {}) == []


def test_clients_keep_their_order_and_an_entry_that_is_there_twice_counts_once() -> None:
    one, other = client("one"), client("other", hosts=["apps"])
    assert clients_of_host([other, one, dict(other)], "apps1", GROUPS) == [other, one]
    assert clients_of_host([client(hosts=[101])], "101", {}) == [
        client(hosts=[101])
    ]  # a name that YAML takes for a number


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"name": "shop"}, "the entry 'shop' of pgtls_clients has no hosts; add it"),
        ({}, "the entry '' of pgtls_clients has no hosts; add it"),
        (client(hosts="apps"), "hosts of shop in pgtls_clients is 'apps'; make it a list"),
        (client(hosts=None), "hosts of shop in pgtls_clients is None; make it a list"),
    ],
)
def test_an_entry_without_a_list_of_hosts_is_refused(entry: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^{sentence}$"):
        clients_of_host([entry], "apps1", GROUPS)


def test_files_are_in_one_directory_or_where_libpq_looks() -> None:
    found = client_files(
        [client(libpq_home="/home/shop"), client("crm", databases=["crm"], further_roles=["batch", "crm_role"])],
        "/srv/clients",
    )
    assert found == {
        "clients": [
            {
                "name": "shop",
                "common_name": "CN shop",
                "database_role": "shop_role",
                "further_roles": [],
                "databases": "all",
                "certificate": "/home/shop/.postgresql/postgresql.crt",
                "private_key": "/home/shop/.postgresql/postgresql.key",
                "root": "/home/shop/.postgresql/root.crt",
            },
            {
                "name": "crm",
                "common_name": "CN crm",
                "database_role": "crm_role",
                "further_roles": ["batch"],
                "databases": ["crm"],
                "certificate": "/srv/clients/crm.crt",
                "private_key": "/srv/clients/crm.key",
                "root": "/srv/clients/rootCA.pem",
            },
        ],
        "root": "/home/shop/.postgresql/root.crt",
    }
    assert client_files([], "/srv/clients") == {"clients": [], "root": "/srv/clients/rootCA.pem"}


def test_a_client_needs_a_certificate_in_the_directory_of_its_host() -> None:
    assert client_installation([client()], SETTINGS) == {
        "directories": [{"path": "/etc/pgtls/client", "owner": None, "group": None, "mode": "0755"}],
        "certificates": [
            {
                "name": "shop",
                "common_name": "CN shop",
                "usages": ["client"],
                "key_type": "ecdsa-p256",
                "lifetime_days": 365,
                "renew_before_days": 30,
                "private_key": "/etc/pgtls/client/shop.key",
                "certificate": "/etc/pgtls/client/shop.crt",
                "fullchain": "/etc/pgtls/client/shop.fullchain.crt",
                "root": "/etc/pgtls/client/rootCA.pem",
                "owner": None,
                "group": None,
                "root_owner": "",
                "root_group": "",
            }
        ],
        "absent": [],
        "trusted_files": [],
    }


def test_the_root_that_clients_share_belongs_to_none_of_them() -> None:
    found = client_installation(
        [client(owner="a"), client("crm", owner="b")], {**SETTINGS, "owner": "app", "group": "staff"}
    )
    assert [(one["owner"], one["root_owner"], one["root_group"]) for one in found["certificates"]] == [
        ("a", "app", "staff"),
        ("b", "app", "staff"),
    ]
    (alone,) = client_installation([client(owner="a", libpq_home="/home/a")], SETTINGS)["certificates"]
    assert "root_owner" not in alone


def test_libpq_finds_the_files_of_a_client_in_its_home_that_nobody_else_reads() -> None:
    found = client_installation([client(libpq_home="/home/shop")], {**SETTINGS, "owner": "app", "group": "staff"})
    assert found["directories"][1:] == [{"path": "/home/shop/.postgresql", "owner": "app", "mode": "0700"}]
    (certificate,) = found["certificates"]
    assert (certificate["private_key"], certificate["root"]) == (
        "/home/shop/.postgresql/postgresql.key",
        "/home/shop/.postgresql/root.crt",
    )
    # no certificate brings the roots to the directory of the host, where password users look for them
    assert found["trusted_files"] == [{"path": "/etc/pgtls/client/rootCA.pem", "owner": "app", "group": "staff"}]


@pytest.mark.parametrize(
    ("clients", "has_root"),
    [
        ([], True),
        ([client()], False),
        ([client(libpq_home="/h")], True),
        ([client(libpq_home="/h"), client("b")], False),
    ],
)
def test_the_roots_are_on_every_host(clients: list[dict[str, Any]], has_root: bool) -> None:
    found = client_installation(clients, SETTINGS)["trusted_files"]
    assert [one["path"] for one in found] == (["/etc/pgtls/client/rootCA.pem"] if has_root else [])


@pytest.mark.parametrize(
    ("entry", "settings", "expected"),
    [
        ({}, {"owner": "app"}, {"owner": "app"}),
        ({"owner": "shop"}, {"owner": "app"}, {"owner": "shop"}),
        ({"owner": ""}, {"owner": "app"}, {"owner": None}),
        ({"owner": None}, {"owner": "app"}, {"owner": None}),
        ({}, {"group": "staff"}, {"group": "staff"}),
        ({}, {"key_type": "ed25519"}, {"key_type": "ed25519"}),
        ({"key_type": "rsa-4096"}, {"key_type": "ed25519"}, {"key_type": "rsa-4096"}),
        ({"lifetime_days": "90"}, {}, {"lifetime_days": "90"}),
        ({}, {"renew_before_days": "5"}, {"renew_before_days": "5"}),
        ({}, {"renew_before_percent": 33}, {"renew_before_percent": 33, "renew_before_days": None}),
        ({}, {"renew_before_percent": "33"}, {"renew_before_percent": "33", "renew_before_days": None}),
        # as -e on the command line says it
        ({}, {"renew_before_percent": "0"}, {"renew_before_days": 30, "renew_before_percent": None}),
        ({}, {"renew_before_percent": ""}, {"renew_before_days": 30, "renew_before_percent": None}),
        ({}, {}, {"pkcs12": None, "pkcs12_passphrase": None, "pkcs8_der": None}),
        ({"pkcs8_der": True}, {}, {"pkcs8_der": "/etc/pgtls/client/shop.pk8"}),
        ({"pkcs8_der": "yes"}, {}, {"pkcs8_der": "/etc/pgtls/client/shop.pk8"}),
        ({"pkcs8_der": False}, {}, {"pkcs8_der": None}),
        ({"pkcs8_der": "no"}, {}, {"pkcs8_der": None}),
        ({"pkcs8_der": None}, {}, {"pkcs8_der": None}),
        (
            {"pkcs12_passphrase": "of the shop"},
            {},
            {"pkcs12": "/etc/pgtls/client/shop.p12", "pkcs12_passphrase": "of the shop"},
        ),
    ],
)
def test_an_entry_outranks_what_holds_for_all(
    entry: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    (found,) = client_installation([client(**entry)], {**SETTINGS, **settings})["certificates"]
    assert {option: found.get(option) for option in expected} == expected


def test_a_certificate_has_no_options_that_the_module_does_not_take() -> None:
    entry = client(libpq_home="/h", pkcs8_der=True, pkcs12_passphrase="of the shop")
    found = client_installation([entry], {**SETTINGS, "renew_before_percent": 9})["certificates"]
    found += refused_certificates([entry], "/v", ["expired", "server-only", "foreign", "revoked"])
    for one in found:
        assert set(one) <= set(ARGUMENTS["certificates"]["options"])


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_the_inventory_stays_as_it_is(text: str) -> None:
    entry = client(name=text, common_name=text, database_role=text, databases=[text], libpq_home=text, owner=text)
    (found,) = client_installation([entry], {**SETTINGS, "directory": text})["certificates"]
    assert (found["name"], found["common_name"], found["owner"]) == (text, text, text)
    assert found["private_key"] == f"{text}/.postgresql/postgresql.key"
    (service,) = client_services([entry], text, SERVER, "postgres")
    assert (service["name"], service["parameters"]["user"], service["parameters"]["dbname"]) == (text, text, text)
    (expired,) = refused_certificates([entry], text, ["expired"])
    assert (expired["common_name"], expired["certificate"]) == (text, f"{text}/expired.crt")


def test_a_service_leads_to_the_first_name_of_the_server() -> None:
    assert client_services([client(), client("crm", libpq_home="/h")], "/srv/clients", SERVER, "postgres") == [
        {
            "name": "shop",
            "parameters": {
                "host": "db.example",
                "port": 5433,
                "dbname": "postgres",
                "user": "shop_role",
                "sslmode": "verify-full",
                "sslrootcert": "/srv/clients/rootCA.pem",
                "sslcert": "/srv/clients/shop.crt",
                "sslkey": "/srv/clients/shop.key",
            },
        },
        {
            "name": "crm",
            "parameters": {
                "host": "db.example",
                "port": 5433,
                "dbname": "postgres",
                "user": "crm_role",
                "sslmode": "verify-full",
                "sslrootcert": "/h/.postgresql/root.crt",
                "sslcert": "/h/.postgresql/postgresql.crt",
                "sslkey": "/h/.postgresql/postgresql.key",
            },
        },
    ]


@pytest.mark.parametrize(
    ("databases", "dbname"),
    [
        ("all", "fallback"),
        (["all"], "fallback"),
        ([], "fallback"),
        (None, "fallback"),
        ("shop", "shop"),
        (["replication", "shop", "crm"], "shop"),
        (["sameuser", "samerole", "samegroup"], "fallback"),
        (["+group", "/^pattern", "@file"], "fallback"),
        (["+group", ["all", ["crm"]]], "crm"),
        (7, 7),
    ],
)
def test_a_service_names_the_first_database_that_is_one(databases: Any, dbname: Any) -> None:
    (found,) = client_services([client(databases=databases)], "/d", SERVER, "fallback")
    assert found["parameters"]["dbname"] == dbname


@pytest.mark.parametrize("key", ["name", "common_name", "database_role"])
def test_an_entry_that_lacks_what_is_needed_is_named(key: str) -> None:
    entry = client()
    del entry[key]
    with pytest.raises(AnsibleFilterError, match=f"the entry .* of pgtls_clients has no {key}; add it"):
        client_files([entry], "/d")


def test_what_must_be_refused_is_like_the_first_client_but_for_one_fault() -> None:
    faults = ["expired", "server-only", "foreign", "revoked"]
    found = refused_certificates([client(), client("crm")], "/v", faults)
    assert [one["name"] for one in found] == [
        "verify-expired",
        "verify-server-only",
        "verify-foreign",
        "verify-revoked",
    ]
    assert [one["common_name"] for one in found] == ["CN shop"] * 3 + ["revoked for verify"], "that one is nobody"
    assert [(one["certificate"], one["private_key"]) for one in found] == [
        (f"/v/{fault}.crt", f"/v/{fault}.key") for fault in faults
    ]
    expired, server_only, foreign, revoked = (
        {option: value for option, value in one.items() if option not in ("name", "certificate", "private_key")}
        for one in found
    )
    alike = {"common_name": "CN shop", "usages": ["client"]}
    short = {"lifetime_days": 30, "renew_before_days": 5}
    assert revoked == {**alike, "common_name": "revoked for verify", **short, "replace_revoked": False}
    assert expired == {**alike, "not_before": "2020-01-01T00:00:00Z", "not_after": "2020-12-31T00:00:00Z"}
    assert server_only == {**alike, "usages": ["server"], "dns_names": ["not-a-client.invalid"]}
    assert foreign == {**alike, "untrusted_ca": "Somebody else's root", "root": "/v/foreign-root.pem"}


def test_without_a_client_nothing_is_refused_and_a_fault_that_there_is_not_is_an_error() -> None:
    assert refused_certificates([], "/v", ["expired"]) == []
    assert refused_certificates([client()], "/v", []) == []
    with pytest.raises(
        AnsibleFilterError, match="there is no fault 'ugly'; name some of expired, server-only, foreign"
    ):
        refused_certificates([], "/v", ["ugly"])


def test_a_server_that_waits_for_its_first_certificate_is_not_tried() -> None:
    found = {"a": {"waiting": True}, "b": {"waiting": False}, "c": {"failed": True}, "d": "not a result"}
    hostvars: dict[str, Any] = {**{host: {"pgtls_server_result": result} for host, result in found.items()}, "e": {}}
    assert servers_with_certificates(["d", "a", "b", "f", "c", "e"], hostvars) == ["d", "b", "f", "c", "e"]
