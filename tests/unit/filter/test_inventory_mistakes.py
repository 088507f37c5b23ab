# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says that cannot be is found before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.inventory_mistakes import inventory_mistakes

GROUPS = {"all": ["ca1", "db1", "web1"], "ca": ["ca1"], "postgres_servers": ["db1"], "apps": ["web1"]}
APP = {"name": "app", "common_name": "App", "hosts": ["apps"]}


def mistakes(*clients: dict[str, Any], host: str = "db1", **settings: Any) -> list[str]:
    known = {"provider": "pgtls", "ca_host": "ca1", "names": ["db1.example"], **settings}
    return inventory_mistakes(clients, host, GROUPS, known)


def test_an_inventory_without_mistakes_has_none() -> None:
    assert mistakes(APP, {**APP, "name": "other", "common_name": "Other", "hosts": ["web1", "db1"]}) == []
    assert mistakes(host="web1", names=[]) == []
    assert mistakes(provider="external", ca_host="") == []


@pytest.mark.parametrize(
    ("clients", "settings", "said"),
    [
        ([], {"ca_host": "db1"}, "pgtls_ca_host is db1, which is not a host of the group ca"),
        ([], {"ca_host": ""}, "pgtls_ca_host is not set, which is not"),
        ([], {"names": []}, "db1 is a server but has no pgtls_server_dns_names"),
        ([{**APP, "hosts": ["nowhere"]}], {}, "does not have: nowhere; correct the key hosts of app."),
        ([{**APP, "hosts": "nowhere"}], {}, "does not have: nowhere; correct"),
        (
            [{**APP, "hosts": ["all"]}],
            {},
            "the group all, which gives no host a certificate; name hosts or another group",
        ),
        ([APP, {**APP, "name": "b"}], {}, "two entries with the same name or the same common_name"),
        ([APP, {**APP, "common_name": "B"}], {}, "two entries with the same name or the same common_name"),
    ],
)
def test_each_mistake_is_one_sentence(clients: list[dict[str, Any]], settings: dict[str, Any], said: str) -> None:
    (sentence,) = mistakes(*clients, **settings)
    assert said in sentence


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes({**APP, "hosts": ["nowhere"]}, ca_host="", names=[])) == 3
    lost, twins = mistakes({**APP, "hosts": ["nowhere"]}, APP)
    assert "nowhere; correct the key hosts of app." in lost and "the same name" in twins


@pytest.mark.parametrize("key", ["name", "common_name", "hosts"])
def test_an_entry_that_lacks_what_it_must_have_is_named(key: str) -> None:
    entry = {name: value for name, value in APP.items() if name != key}
    with pytest.raises(AnsibleFilterError, match=f"of pgtls_clients has no {key}; add it"):
        mistakes(entry)
