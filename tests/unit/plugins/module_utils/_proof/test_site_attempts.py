# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is tried to prove a site: no two attempts alike, each with what its client may use, on every server that knows it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.attempts import Attempt, check_attempts
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.site import Client, Proof, Server
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.site_attempts import (
    FULL,
    REDUCED,
    revocation_attempts,
    site_attempts,
)
from hypothesis import given
from hypothesis import strategies as st

FEW = st.sampled_from(["a", "b", "c"])
MODES = ("request", "require", "require_client_certificate")
CLIENTS = st.lists(
    st.builds(
        Client,
        name=st.text(st.characters(codec="ascii", categories=["L"]), min_size=1),
        common_name=FEW,
        database_role=FEW,
        databases=st.lists(st.sampled_from(["all", "shop", "crm", "replication", "sameuser", "/^x"]), min_size=1).map(
            tuple
        ),
    ),
    unique_by=lambda client: client.name,
    max_size=4,
)
SERVERS = st.lists(
    st.builds(
        Server,
        host=FEW,
        names=st.lists(st.sampled_from(["one.test", "other.test"]), min_size=1, unique=True).map(tuple),
        port=st.sampled_from([5432, 5433]),
        tls_mode=st.sampled_from(MODES),
        rejects_plaintext=st.booleans(),
        oldest_protocol=st.sampled_from(["TLSv1", "TLSv1.2", "TLSv1.3"]),
        clients=st.just(frozenset()),
        accepts_unlisted=st.booleans(),
        password_databases=st.sampled_from([("all",), ("shop",)]),
        address_of=st.sampled_from(["", "10.0.0.1"]),
    ),
    unique_by=lambda server: server.host,
    max_size=3,
)
PROOF = Proof("postgres", "", "/material", frozenset({"expired", "revoked", "server-only"}), "/root.pem", {})
PERSON = {"name": "report", "password": "w0rd"}


def server(host="raxus", clients=("app",), **options):
    settings = {
        "names": (f"{host}.test",),
        "port": 5432,
        "tls_mode": "require_client_certificate",
        "rejects_plaintext": True,
        "oldest_protocol": "TLSv1.2",
        "accepts_unlisted": False,
        **options,
    }
    return Server(host=host, clients=frozenset(clients), **settings)


def client(name="app", role="app", databases=("all",), common_name="CN of app"):
    return Client(name, common_name, role, databases, f"/{name}.crt", f"/{name}.key", "/root.pem")


def as_attempts(found):
    return [
        Attempt(one["name"], one["conninfo"], one["expect"], one.get("reason"), None, one["server"]) for one in found
    ]


@given(CLIENTS, SERVERS, st.booleans())
def test_no_inventory_makes_two_attempts_of_one_name(clients, servers, has_person):
    names = frozenset(one.name for one in clients)
    servers = [Server(**{**vars(one), "clients": names}) for one in servers]
    proof = Proof(**{**vars(PROOF), "person": PERSON if has_person else {}})
    found = site_attempts(proof, servers, clients, clients)
    check_attempts(as_attempts(found))
    check_attempts(as_attempts(revocation_attempts(proof, servers, clients, names)))
    assert {one["server"] for one in found} == {one.host for one in servers if clients or has_person}


def test_a_client_is_tried_on_each_of_its_own_databases():
    found = site_attempts(PROOF, [server()], [client(databases=("shop", "replication"))], [])
    accepted = [one["conninfo"] for one in found if one["name"] == "app with certificate"]
    assert {(one["dbname"], one["replication"]) for one in accepted} == {("shop", "")}
    (copying,) = [one["conninfo"] for one in found if one["name"] == "app with certificate, replication"]
    assert (copying["dbname"], copying["replication"]) == ("", "true")


def test_another_role_is_refused_on_a_database_of_its_own():
    other = client("other", "other", ("crm",))
    found = site_attempts(PROOF, [server(clients=("app", "other"))], [client()], [client(), other])
    (refused,) = [one for one in found if one["name"] == "app's certificate as other"]
    assert refused["conninfo"]["dbname"] == "crm"


def test_a_server_is_asked_only_for_the_clients_that_it_knows():
    found = site_attempts(PROOF, [server(), server("mobus", clients=())], [client()], [client()])
    assert {one["server"] for one in found} == {"raxus"}


def test_the_role_of_the_common_name_is_tried_unless_it_may_get_in():
    def tried(**options):
        found = site_attempts(PROOF, [server(**options)], [client()], [client()])
        return [one["name"] for one in found if one["name"].endswith("as its common name")]

    assert tried() == ["app's certificate as its common name"]
    assert tried(accepts_unlisted=True) == tried(tls_mode="require") == tried(tls_mode="request") == []


def test_plaintext_is_tried_where_it_is_rejected():
    def tried(**options):
        return [
            one for one in site_attempts(PROOF, [server(**options)], [client()], []) if "without TLS" in one["name"]
        ]

    assert len(tried()) == 1 and tried(rejects_plaintext=False) == []


def test_a_shared_name_is_reached_by_the_address_of_the_server():
    found = site_attempts(PROOF, [server(address_of="10.0.0.1")], [client()], [client()])
    assert {one["address_of"] for one in found} == {"10.0.0.1"}
    local = Proof(**{**vars(PROOF), "hostaddr": "127.0.0.1"})
    found = site_attempts(local, [server(address_of="10.0.0.1")], [client()], [client()])
    assert not any("address_of" in one for one in found)


def test_password_users_are_tried_on_their_database():
    proof = Proof(**{**vars(PROOF), "person": PERSON})
    found = site_attempts(proof, [server(password_databases=("shop",))], [], [])
    assert {one["conninfo"]["dbname"] for one in found} == {"shop"}
    assert all(one["password"].startswith("w0rd") for one in found)


def test_a_pooler_is_tried_as_each_of_its_roles_once_for_each_server_and_as_none_of_them_for_the_refusals():
    pool = replace(client("pool", "shop", common_name="shop"), further_roles=("crm", "batch"))
    shop, other = client("shop", "shop"), client("other", "other")
    for depth in (REDUCED, FULL):
        found = site_attempts(PROOF, [server(clients=("pool", "shop", "other"))], [pool], [pool, shop, other], depth)
        as_whom = [(one["conninfo"]["user"], one["expect"]) for one in found if " as " in one["name"]]
        assert as_whom == [("crm", "accepted"), ("batch", "accepted"), ("other", "refused")]
    others = site_attempts(PROOF, [server(clients=("pool", "other"))], [other], [pool, other], FULL)
    refused = [one["conninfo"]["user"] for one in others if "'s certificate as " in one["name"]]
    assert refused == ["shop", "crm", "batch", "CN of app"]
