# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry of pgtls_server_hosts means for the server, the CA, the signer, the proof and the check of the inventory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.pgtls.postgresql.plugins.filter.certificate_entries import certificate_entries
from ansible_collections.pgtls.postgresql.plugins.filter.inventory_mistakes import inventory_mistakes
from ansible_collections.pgtls.postgresql.plugins.filter.name_revocations import name_revocations
from ansible_collections.pgtls.postgresql.plugins.filter.server_names import server_names
from ansible_collections.pgtls.postgresql.plugins.filter.site_servers import site_servers
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates.options import certificate_places
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.editing.entry_specs import HOSTS
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.hosts import read_wishes
from ansible_collections.pgtls.postgresql.plugins.modules.pg_server import SPEC

OWN = {
    "name": "server-db1",
    "common_name": "PostgreSQL server",
    "dns_names": ["db1.example"],
    "ip_addresses": ["10.0.0.1"],
    "usages": ["server"],
    "key_type": "ecdsa-p256",
    "lifetime_days": 365,
    "private_key": "keys.d/server.key",
    "certificate": "server.crt",
    "fullchain": "server.fullchain.crt",
    "root": "rootCA.pem",
    "crl": "revoked.crl",
}
DEFAULT = {"cert": "server.crt", "key": "keys.d/server.key", "ca": "rootCA.pem", "passphrase_command": ""}
SHOP = {"name": "shop", "dns_names": ["Shop.example", "www.shop.example"], "key_type": "rsa-3072", "lifetime_days": 30}
BILLS = {"name": "bills", "dns_names": ["bills.example"]}
GONE = {"name": "gone", "state": "absent"}


def made(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return server_names(entries, {**OWN, **changes}, DEFAULT)


def test_each_entry_has_a_certificate_like_the_servers_own_but_for_what_it_says():
    shop, bills = made(SHOP, BILLS, GONE)["certificates"]
    assert shop == {
        **OWN,
        "name": "server-db1-shop",
        "dns_names": ["shop.example", "www.shop.example"],
        "ip_addresses": [],
        "key_type": "rsa-3072",
        "lifetime_days": 30,
        "private_key": "keys.d/server-shop.key",
        "certificate": "server-shop.crt",
        "fullchain": "server-shop.fullchain.crt",
    }
    assert (bills["key_type"], bills["lifetime_days"], bills["dns_names"]) == ("ecdsa-p256", 365, ["bills.example"])


def test_the_server_takes_all_of_them_together():
    """No two share a file of their own."""
    items = [
        OWN,
        *made(SHOP, BILLS, private_key_passphrase="secret enough", private_key_passphrase_file="server.pass")[
            "certificates"
        ],
    ]
    done = ArgumentSpecValidator({"certificates": SPEC["certificates"]}).validate({"certificates": items})
    assert done.error_messages == []
    assert len(certificate_places(done.validated_parameters["certificates"])) == 3


def test_the_signer_is_told_of_every_entry_by_its_own_names_and_of_none_that_is_absent():
    entries = certificate_entries([OWN, *made(SHOP, GONE)["certificates"]], "db1", {})
    told = [(entry["name"], entry["host"], entry["dns_names"], entry["ip_addresses"]) for entry in entries]
    assert told == [
        ("server-db1", "db1", ["db1.example"], ["10.0.0.1"]),
        ("server-db1-shop", "db1", ["shop.example", "www.shop.example"], []),
    ]


def test_the_lines_begin_with_what_everybody_else_is_shown():
    (block,) = made(SHOP, BILLS, GONE)["host_blocks"]
    assert block == {
        "block": "names",
        "hosts": [
            {"host": ["*"], "cert": "server.crt", "key": "keys.d/server.key", "ca": "rootCA.pem"},
            {
                "host": ["shop.example", "www.shop.example"],
                "cert": "server-shop.crt",
                "key": "keys.d/server-shop.key",
                "ca": "rootCA.pem",
            },
            {
                "host": ["bills.example"],
                "cert": "server-bills.crt",
                "key": "keys.d/server-bills.key",
                "ca": "rootCA.pem",
            },
        ],
    }
    filled = ArgumentSpecValidator({"hosts": HOSTS}).validate({"hosts": block["hosts"]})
    assert filled.error_messages == []
    assert len(read_wishes({"block": "names", "exclusive": False, **filled.validated_parameters}, 19).present) == 3


def test_without_an_entry_nothing_is_left_of_the_block():
    for entries in ((), (GONE,)):
        assert made(*entries)["host_blocks"] == [{"block": "names", "hosts": []}]
        assert made(*entries)["certificates"] == []


def test_an_absent_entry_names_all_its_files():
    (gone,) = made(GONE, private_key_passphrase_file="server.pass")["absent"]
    assert gone == {
        "name": "server-db1-gone",
        "certificate": "server-gone.crt",
        "files": [
            "keys.d/server-gone.key",
            "server-gone.fullchain.crt",
            "server-gone.pass",
            "keys.d/server-gone.key.next",
        ],
    }
    assert made(SHOP)["absent"] == []


def test_keys_with_a_passphrase_are_opened_by_the_file_of_each_or_by_the_command_of_all():
    own = {**OWN, "private_key_passphrase": "secret"}
    told = {**DEFAULT, "passphrase_command": "cat server.pass"}
    kept = server_names([SHOP], {**own, "private_key_passphrase_file": "my server.pass"}, told)["host_blocks"][0][
        "hosts"
    ]
    assert [line["passphrase_command"] for line in kept] == ["cat server.pass", "cat 'my server-shop.pass'"]
    given = server_names([SHOP], own, {**DEFAULT, "passphrase_command": "vault %p"})["host_blocks"][0]["hosts"]
    assert [(line["passphrase_command"], line["passphrase_reload"]) for line in given] == [("vault %p", True)] * 2


def test_what_is_no_list_of_names_is_refused():
    for entries in ("shop", {"name": "shop"}, [{"dns_names": ["a"]}], [{"name": "../shop"}], ["shop"]):
        with pytest.raises(AnsibleFilterError, match="pgtls_server_hosts"):
            server_names(entries, OWN, DEFAULT)


def test_absent_entries_are_revoked_for_their_host_alone():
    hostvars = {"db 1": {"pgtls_server_hosts": [SHOP, GONE]}, "db2": {}, "db3": {"pgtls_server_hosts": [BILLS]}}
    assert name_revocations(list(hostvars), hostvars) == [
        {"name": "server-db-1-gone", "host": "db 1", "reason": "cessationOfOperation", "only_if_valid": True}
    ]


def test_a_host_whose_facts_claim_the_list_says_nothing_and_stops_nobody(capsys):
    lies = [{"name": "shop", "state": "absent"}]
    hostvars = {
        "db1": {"pgtls_server_hosts": lies, "ansible_facts": {"pgtls_server_hosts": lies}},
        "db2": {"pgtls_server_hosts": [GONE]},
    }
    assert [one["host"] for one in name_revocations(["db1", "db2"], hostvars)] == ["db2"]
    said = " ".join("".join(capsys.readouterr()).split())
    assert "absent on db1 are not revoked" in said


def test_the_server_is_proven_by_the_names_of_its_entries_after_its_own():
    variables = {"pgtls_server_dns_names": ["db1.example"], "pgtls_server_ip_addresses": ["10.0.0.1"]}
    (server,) = site_servers(["db1"], {"db1": {**variables, "pgtls_server_hosts": [SHOP, GONE]}})
    assert server["names"] == ["db1.example", "10.0.0.1", "shop.example", "www.shop.example"]


GROUPS = {"all": ["ca1", "db1", "web1"], "ca": ["ca1"], "postgres_servers": ["db1"], "postgres_clients": ["web1"]}


def mistakes(*hosts: Any, host: str = "db1") -> list[str]:
    settings = {"provider": "pgtls", "ca_host": "ca1", "dns_names": ["db1.example"], "hosts": list(hosts)}
    return inventory_mistakes([], host, GROUPS, settings, {host: {}})


def test_names_without_a_mistake_have_none():
    assert mistakes(SHOP, BILLS, GONE) == []


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (({"name": "shop"},), "shop in pgtls_server_hosts of db1 has no dns_names"),
        (({"name": "shop", "dns_names": ["*.example"]},), "lists *.example, but PostgreSQL knows no wildcards there"),
        (({"name": "shop", "dns_names": ["10.0.0.1"]},), "an IP address belongs in ip_addresses"),
        (({"name": "shop", "dns_names": ["*"]},), "is not a host name"),
        (({"name": "shop", "dns_names": ["/no_sni/"]},), "is not a host name"),
        ((BILLS, {**BILLS, "dns_names": ["other.example"]}), "has 2 entries with the name bills"),
        ((SHOP, {**SHOP, "state": "absent"}), "has 2 entries with the name shop"),
        ((SHOP, {"name": "two", "dns_names": ["SHOP.example"]}), "lists shop.example in two entries"),
        (({"name": "own", "dns_names": ["DB1.example"]},), "db1.example is in pgtls_server_hosts of db1 and in its"),
        (({"dns_names": ["a.example"]},), "has an entry without a name"),
        (("shop",), "has an entry without a name"),
    ],
)
def test_a_mistake_is_found_before_anything_is_changed(hosts, words):
    (found,) = mistakes(*hosts)
    assert words in found and found.endswith(".") and "\n" not in found
    assert mistakes(*hosts, host="web1") == []
