# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One certificate for several roles, and one role for several certificates, as a pooler and the applications before it have them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.filter.client_roles import client_roles
from ansible_collections.pgtls.postgresql.plugins.filter.mapping_blocks import mapping_blocks
from ansible_collections.pgtls.postgresql.plugins.filter.rule_blocks import rule_blocks
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import ServerContext
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.explain import explain, read_attempt
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba, judge_ident
from ansible_collections.pgtls.postgresql.plugins.plugin_utils.inventory_mistakes import mistakes_of_shared_roles
from hypothesis import assume, given
from hypothesis import strategies as st

SHOP = {"name": "shop", "common_name": "shop", "database_role": "shop"}
CRM = {"name": "crm", "common_name": "crm", "database_role": "crm"}
POOL = {"name": "pool", "common_name": "pool", "database_role": "shop", "further_roles": ["crm", "batch"]}
DATABASES = st.lists(st.sampled_from(["all", "a", "b"]), min_size=1, max_size=2)
ADDRESSES = st.lists(st.sampled_from(["all", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.1/32"]), min_size=1, max_size=2)
ROLES = ["shop", "crm", "batch"]


@st.composite
def inventories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some clients that share roles."""
    return [
        {
            "name": name,
            "common_name": f"CN {name}",
            "database_role": draw(st.sampled_from(ROLES)),
            "further_roles": draw(st.lists(st.sampled_from(ROLES), max_size=2)),
            "databases": draw(DATABASES),
            "addresses": draw(ADDRESSES),
        }
        for name in ("one", "two", "three")
    ]


def rules(clients: list[dict[str, Any]]) -> list[str]:
    """The lines of pg_hba.conf for the clients."""
    first, _others = rule_blocks(
        clients, tls_mode="require", reject_plaintext=False, accept_unlisted=False, password_users={}
    )
    return [
        f"hostssl {_words(rule['database'])} {','.join(rule['user'])} {rule['address']} cert map={rule['options']['map']}"
        for rule in first["rules"]
    ]


def _words(databases: Any) -> str:
    return databases if isinstance(databases, str) else ",".join(databases)


def maps(clients: list[dict[str, Any]]) -> list[str]:
    """The lines of pg_ident.conf."""
    return [
        f'{one["map"]} "{one["system_user"]}" {one["database_user"]}' for one in mapping_blocks(clients)[0]["mappings"]
    ]


def test_a_pooler_logs_in_as_each_of_its_roles_and_so_do_their_own_clients() -> None:
    assert rules([SHOP, CRM, POOL]) == [
        "hostssl all shop all cert map=certmap_shop",
        "hostssl all crm all cert map=certmap_crm",
        "hostssl all batch all cert map=certmap_pool",
    ]
    assert maps([SHOP, CRM, POOL]) == [
        'certmap_shop "shop" shop',
        'certmap_shop "pool" shop',
        'certmap_crm "crm" crm',
        'certmap_crm "pool" crm',
        'certmap_pool "pool" batch',
    ]
    assert rules([POOL]) == ["hostssl all shop,crm,batch all cert map=certmap_pool"]


def test_who_is_limited_more_has_the_earlier_rule() -> None:
    limited = {**SHOP, "databases": ["a"], "addresses": ["10.1.0.0/16"]}
    pool = {**POOL, "further_roles": [], "addresses": ["10.0.0.0/8"]}
    assert rules([pool, limited, CRM]) == [
        "hostssl a shop 10.1.0.0/16 cert map=certmap_shop",
        "hostssl all shop 10.0.0.0/8 cert map=certmap_pool",
        "hostssl all crm all cert map=certmap_crm",
    ]
    assert maps([pool, limited]) == [
        'certmap_shop "shop" shop',
        'certmap_shop "pool" shop',
        'certmap_pool "pool" shop',
    ]


@given(
    inventories(), st.sampled_from(["a", "b", "c"]), st.sampled_from(["10.1.0.1", "10.1.2.3", "10.9.9.9", "8.8.8.8"])
)
def test_each_gets_in_exactly_where_its_own_entry_says(
    clients: list[dict[str, Any]], database: str, address: str
) -> None:
    assume(not list(mistakes_of_shared_roles(clients)))
    server = ServerContext(mappings=judge_ident("\n".join(maps(clients)) + "\n", 15).entries)
    entries = judge_hba("\n".join(rules(clients)) + "\n", 15).entries
    for client in clients:
        here = database in client["databases"] or "all" in client["databases"]
        from_here = any(_holds(place, address) for place in client["addresses"])
        for role in ROLES:
            attempt = {"user": role, "database": database, "address": address, "tls": True}
            found = explain(
                entries, read_attempt({**attempt, "certificate_common_name": client["common_name"]}), server
            )
            wanted = here and from_here and role in (client["database_role"], *client["further_roles"])
            assert (found.outcome == "accepted") == wanted, (client, role, found)


def _holds(place: str, address: str) -> bool:
    beginnings = {"all": "", "10.0.0.0/8": "10.", "10.1.0.0/16": "10.1.", "10.1.0.1/32": "10.1.0.1"}
    return address.startswith(beginnings[place])


@pytest.mark.parametrize(
    ("one", "other", "is_mistake"),
    [
        ({}, {}, False),
        ({"databases": ["a"]}, {}, False),
        ({"databases": ["a"]}, {"databases": ["b"]}, False),
        ({"databases": ["a", "b"]}, {"databases": ["b", "c"]}, True),
        ({"databases": ["a"]}, {"addresses": ["10.0.0.0/8"]}, True),
        ({"databases": ["a"]}, {"databases": ["sameuser"]}, True),
        ({"databases": ["a"]}, {"databases": ["+staff"]}, True),
        ({"databases": ["replication"]}, {}, False),
        ({"replication": True, "databases": ["a"]}, {}, True),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["10.1.0.0/16"]}, False),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["::1/128"]}, False),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["web1.example"]}, True),
        ({"addresses": ["web1.example"]}, {"addresses": ["web1.example"]}, False),
    ],
)
def test_rules_that_no_order_makes_right_are_a_mistake(
    one: dict[str, Any], other: dict[str, Any], is_mistake: bool
) -> None:
    for pair in ([{**SHOP, **one}, {**POOL, **other}], [{**POOL, **one}, {**SHOP, **other}]):
        found = list(mistakes_of_shared_roles(pair))
        assert len(found) == is_mistake
        assert all("shop and pool log in as shop" in x or "pool and shop log in as shop" in x for x in found)
        apart = [pair[0], {**pair[1], "database_role": "other", "further_roles": []}]
        assert list(mistakes_of_shared_roles(apart)) == []


def test_further_roles_are_made_and_lose_login_with_their_last_client() -> None:
    assert client_roles([SHOP, POOL])["login"] == ["shop", "crm", "batch"]
    gone = {**POOL, "state": "absent"}
    assert client_roles([SHOP, gone])["nologin"] == ["crm", "batch"]
    assert client_roles([SHOP, {**gone, "keep_login": True}])["nologin"] == []
    assert client_roles([{**POOL, "replication": True}])["replication"] == ["shop", "crm", "batch"]
