# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How deep a proof goes: the reduced one grows like clients times servers, and no claim of the full one is missing in it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.site import Client, Proof, Server, Sharing
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.site_attempts import FULL, REDUCED, site_attempts
from hypothesis import given
from hypothesis import strategies as st

PROOF = Proof("postgres", "", "/material", frozenset({"expired", "revoked", "server-only"}), "/root.pem", {})
PERSON = {"name": "report", "password": "w0rd"}
VERIFIED_MODES = ("require", "verify-ca", "verify-full")
CERTIFICATE = {"sslcert", "sslkey"}
VERSIONS = {"ssl_min_protocol_version", "ssl_max_protocol_version"}
# Every kind of refusal, with what alone may tell it from its twin.
FAULTS = {
    "X, name not in certificate": {"host"},
    "X without certificate": CERTIFICATE,
    "X without TLS": {"sslmode", "sslrootcert", *CERTIFICATE},
    "X's certificate as a role": {"user", "dbname", "replication"},
    "X's certificate as its common name": {"user"},
    "certificate of another CA": CERTIFICATE,
    "server of another CA": {"sslrootcert"},
    "expired certificate": CERTIFICATE,
    "revoked certificate": CERTIFICATE,
    "server-only certificate": CERTIFICATE,
    "TLS 1.1": VERSIONS,
    "report, wrong password": set(),
    "report without TLS": {"sslmode", "sslrootcert"},
}


class Site:
    """Servers, and hosts with their clients, which prove it together."""

    def __init__(self, servers, clients, hosts, person=None):
        self.servers, self.clients, self.hosts = servers, clients, hosts
        self.proof = dataclasses.replace(PROOF, person=person or {})
        self.holders = {host: tuple(names) for host, names in hosts.items()}

    def own(self, host):
        return [
            dataclasses.replace(
                client,
                certificate=f"/{host}/{client.name}.crt",
                private_key=f"/{host}/{client.name}.key",
                root="/root.pem",
            )
            for client in self.clients
            if client.name in self.hosts[host]
        ]

    def tried(self, depth=REDUCED, alone=False):
        """The attempts of each host."""
        return {
            host: site_attempts(
                self.proof,
                self.servers,
                self.own(host),
                self.clients,
                depth,
                None if alone else Sharing(host, self.holders),
            )
            for host in self.hosts
        }


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


def client(name="app", role=None, databases=("all",)):
    return Client(name, f"CN of {name}", role or name, databases)


NAMES = ("app", "shop", "crm", "copy", "left")


@st.composite
def sites(draw):
    """Some servers that know some of the clients, which some hosts hold."""
    clients = [
        Client(
            name,
            draw(st.sampled_from([f"CN of {name}", "app", "shop"])),
            draw(st.sampled_from([name, "app"])),
            tuple(
                draw(
                    st.lists(st.sampled_from(["all", "one", "two", "replication", "sameuser"]), min_size=1, unique=True)
                )
            ),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    ]
    names = [one.name for one in clients]
    few = st.lists(st.sampled_from(names), unique=True)
    hosts = {host: [name for name in names if name in draw(few)] for host in ("apps1", "apps2", "apps3")}
    servers = [
        server(
            host,
            draw(few),
            names=tuple(draw(st.lists(st.sampled_from(["one.test", "other.test"]), min_size=1, unique=True))),
            tls_mode=draw(st.sampled_from(["request", "require", "require_client_certificate"])),
            rejects_plaintext=draw(st.booleans()),
            oldest_protocol=draw(st.sampled_from(["TLSv1", "TLSv1.2", "TLSv1.3"])),
            accepts_unlisted=draw(st.booleans()),
            address_of=draw(st.sampled_from(["", "10.0.0.1"])),
        )
        for host in draw(st.lists(st.sampled_from(["raxus", "mobus", "kuat"]), unique=True, min_size=1))
    ]
    chosen = {host: hosts[host] for host in draw(st.lists(st.sampled_from(sorted(hosts)), unique=True, min_size=1))}
    return Site(servers, clients, chosen, draw(st.sampled_from([None, PERSON])))


def kind_of(attempt):
    """What is tried, whoever the client is."""
    name = re.sub(rf"^({'|'.join(NAMES)})\b", "X", attempt["name"])
    return re.sub(r"certificate as (?!its common name)\S+$", "certificate as a role", name)


def kinds_of(tried, **of):
    """How often each kind is tried on each server."""
    return Counter(
        (one["server"], kind_of(one))
        for attempts in tried.values()
        for one in attempts
        if all(one[key] == value for key, value in of.items())
    )


def differences(refused, accepted):
    """The keywords in which two attempts differ; those that are empty are not there."""
    one, other = (
        {key: value for key, value in found["conninfo"].items() if value != ""} for found in (refused, accepted)
    )
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


@given(sites())
def test_every_client_is_tried_on_every_server_that_knows_it(site):
    for host, attempts in site.tried().items():
        found = Counter(
            (one["server"], one["conninfo"]["sslcert"])
            for one in attempts
            if one["expect"] == "accepted"
            and one["name"].endswith(" with certificate")
            and (one["conninfo"]["sslmode"], one["conninfo"]["host"])
            == ("verify-full", next(place.names[0] for place in site.servers if place.host == one["server"]))
        )
        own = {one.name: one.certificate for one in site.own(host)}
        assert found == Counter(
            {(place.host, own[name]): 1 for place in site.servers for name in own if name in place.clients}
        )


@given(sites())
def test_every_name_and_mode_and_further_database_of_a_server_is_tried_once(site):
    attempts = [one for found in site.tried().values() for one in found if one["expect"] == "accepted"]
    for place in site.servers:
        here = [one for one in attempts if one["server"] == place.host]
        ways = Counter(
            (one["conninfo"]["host"], one["conninfo"]["sslmode"])
            for one in here
            if one["name"].endswith(" with certificate")
        )
        held = {name for names in site.hosts.values() for name in names} & place.clients
        everything = {(name, mode) for name in place.names for mode in VERIFIED_MODES} if held else set()
        assert set(ways) == everything
        assert {ways[way] for way in everything - {(place.names[0], "verify-full")}} <= {1}
        further = [database for one in site.clients if one.name in held for database in one.usable("postgres")[1:]]
        tried = [one["name"].split(", ")[1] for one in here if " with certificate, " in one["name"]]
        assert sorted(tried) == sorted(set(further))


@given(sites())
def test_every_refusal_of_the_full_proof_is_there_once_for_each_server(site):
    everything = kinds_of(site.tried(FULL), expect="refused")
    assert {kind for _server, kind in everything} <= set(FAULTS)
    assert kinds_of(site.tried(), expect="refused") == Counter(set(everything))


@given(sites())
def test_every_refusal_has_its_accepted_twin_on_the_same_host(site):
    for depth in (REDUCED, FULL):
        for attempts in site.tried(depth).values():
            accepted = [one for one in attempts if one["expect"] == "accepted"]
            for refused in (one for one in attempts if one["expect"] == "refused"):
                twins = [one for one in accepted if one["server"] == refused["server"]]
                assert any(differences(refused, twin) <= FAULTS[kind_of(refused)] for twin in twins), refused


@given(sites())
def test_the_full_proof_holds_all_of_the_reduced_one(site):
    full = site.tried(FULL)
    for host, attempts in site.tried().items():
        assert [one for one in attempts if one not in full[host]] == []


@given(sites())
def test_a_host_that_shares_with_nobody_proves_every_kind_by_itself(site):
    full, alone = site.tried(FULL), site.tried(alone=True)
    for host in site.hosts:
        assert set(kinds_of({host: alone[host]})) == set(kinds_of({host: full[host]}))


@given(sites(), st.data())
def test_a_host_that_is_believed_to_hold_other_clients_proves_every_kind_by_itself(site, data):
    host = data.draw(st.sampled_from(sorted(site.hosts)))
    believed = {**site.holders, host: ("somebody",)}
    own = site.own(host)
    found = site_attempts(site.proof, site.servers, own, site.clients, REDUCED, Sharing(host, believed))
    assert found == site_attempts(site.proof, site.servers, own, site.clients)


def test_one_client_on_one_server_is_all_that_the_full_proof_is():
    site = Site(
        [server(names=("one.test", "other.test"))], [client(databases=("shop", "replication"))], {"a": ["app"]}, PERSON
    )
    reduced, full = site.tried()["a"], site.tried(FULL)["a"]
    assert [sorted(found, key=str) for found in (reduced,)] == [sorted(full, key=str)]


def test_the_demo_has_this_many_attempts():
    names = ("raxus.swgalaxy", "mobus.swgalaxy", "pgsql.swgalaxy")
    site = Site(
        [server(clients=("app", "shop"), names=names)], [client("app"), client("shop")], {"a": ["app", "shop"]}, PERSON
    )
    assert (len(site.tried()["a"]), len(site.tried(FULL)["a"])) == (27, 40)


def big_site(clients, servers, hosts):
    """Every server has three names and knows everybody; the clients are dealt out to the hosts."""
    names = [f"app{number}" for number in range(clients)]
    dealt = {f"apps{number}": names[number::hosts] for number in range(hosts)}
    three = ("one.test", "two.test", "three.test")
    places = [server(f"db{number}", names, names=three, port=5432 + number) for number in range(servers)]
    return Site(places, [client(name) for name in names], dealt, PERSON)


@pytest.mark.parametrize(
    ("clients", "servers", "hosts"),
    [(1, 1, 1), (2, 1, 1), (2, 1, 2), (20, 50, 1), (100, 50, 1), (100, 50, 2), (100, 50, 100)],
)
def test_the_number_of_attempts_is_clients_times_servers_and_a_few_for_each_server(clients, servers, hosts):
    counted = {host: len(found) for host, found in big_site(clients, servers, hosts).tried().items()}
    each = 3 * 3 + 16 - (clients == 1)  # a client that is alone can use no certificate as another role
    assert sum(counted.values()) == clients * servers + servers * each
    # no host does much more than its share
    assert max(counted.values()) <= clients * servers / hosts + servers * each / hosts * 2 + each


def test_what_is_tried_once_is_tried_by_one_client_after_the_other():
    (found,) = big_site(9, 1, 1).tried().values()
    once = Counter(one["conninfo"]["user"] for one in found if one["conninfo"]["sslmode"] in ("require", "verify-ca"))
    assert len([user for user in once if user.startswith("app")]) >= 6
    firsts = [
        next(one["conninfo"]["user"] for one in attempts if one["name"].endswith("without certificate"))
        for attempts in (
            [one for one in big_site(9, 3, 1).tried()["apps0"] if one["server"] == f"db{number}"] for number in range(3)
        )
    ]
    assert len(set(firsts)) == 3


def test_a_role_of_another_client_is_tried_where_the_role_alone_differs():
    clients = [client("app", databases=("one",)), client("shop", databases=("two",)), client("crm", databases=("one",))]
    site = Site([server(clients=("app", "shop", "crm"))], clients, {"a": ["app"]})
    (found,) = [one for one in site.tried()["a"] if kind_of(one) == "X's certificate as a role"]
    assert found["conninfo"]["user"] == "crm"


def test_a_common_name_is_tried_in_the_database_of_the_client():
    site = Site([server()], [client(databases=("shop",))], {"a": ["app"]})
    for depth in (REDUCED, FULL):
        (found,) = [one for one in site.tried(depth)["a"] if one["name"].endswith("as its common name")]
        assert found["conninfo"]["dbname"] == "shop"
