# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says that cannot be is found before anything is changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from ansible_collections.pgtls.postgresql.plugins.filter.inventory_mistakes import inventory_mistakes
from ansible_collections.pgtls.postgresql.plugins.plugin_utils.role_options import wrong_values

GROUPS = {"all": ["ca1", "db1", "web1"], "ca": ["ca1"], "postgres_servers": ["db1"], "apps": ["web1"]}
APP = {"name": "app", "common_name": "App", "hosts": ["apps"]}


class Variables(dict[str, Any]):
    """The variables of a host; one that is an exception cannot be worked out yet."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, Exception):
            raise value
        return value


def mistakes(
    *clients: dict[str, Any],
    host: str = "db1",
    groups: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = None,
    **settings: Any,
) -> list[str]:
    known = {"provider": "pgtls", "ca_host": "ca1", "dns_names": ["db1.example"], **settings}
    return inventory_mistakes(clients, host, groups or GROUPS, known, {host: Variables(variables or {})})


def test_an_inventory_without_mistakes_has_none() -> None:
    assert mistakes(APP, {**APP, "name": "other", "common_name": "Other", "hosts": ["web1", "db1"]}) == []
    assert mistakes({**APP, "pkcs12_passphrase": "of the app"}) == mistakes({**APP, "pkcs12_passphrase": None}) == []
    assert mistakes(host="web1", dns_names=[]) == []
    assert mistakes(provider="external", ca_host="") == []


@pytest.mark.parametrize(
    ("clients", "settings", "said"),
    [
        ([], {"ca_host": "db1"}, "pgtls_ca_host is db1, which is not a host of the group ca"),
        ([], {"ca_host": ""}, "pgtls_ca_host is not set, which is not"),
        ([], {"dns_names": []}, "db1 is a server but has no pgtls_server_dns_names"),
        ([{**APP, "hosts": ["nowhere"]}], {}, "does not have: nowhere; correct the key hosts of app."),
        ([{**APP, "hosts": "nowhere"}], {}, "does not have: nowhere; correct"),
        (
            [{**APP, "hosts": ["all"]}],
            {},
            "the group all, which gives no host a certificate; name hosts or another group",
        ),
        ([], {"port": "70000"}, "pgtls_server_port of db1 is 70000; give the port of its server, from 1 to 65535."),
        ([], {"dns_names": ["db1_example"]}, "server db1: dns_names holds 'db1_example', which is not a host name"),
        ([], {"ip_addresses": ["10.0.0.0/8"]}, "server db1: ip_addresses holds '10.0.0.0/8', which is not an IPv4"),
        ([], {"subject": {"C": "Germany"}}, "server db1: subject.C has 7 bytes, but at most 2"),
        ([{**APP, "common_name": "x" * 65}], {}, "the certificate of app in pgtls_clients: common_name has 65 bytes"),
        ([{**APP, "subject": {"X": "y"}}], {}, "the certificate of app in pgtls_clients: subject holds 'X'"),
        (
            [{**APP, "pkcs12_passphrase": "short"}],
            {},
            "app in pgtls_clients: pkcs12_passphrase has 5 characters, but at",
        ),
        ([{**APP, "pkcs12_passphrase": "größer als"}], {}, "app in pgtls_clients: pkcs12_passphrase holds a character"),
        (
            [{**APP, "pkcs12_passphrase": "two lines\n"}],
            {},
            "app in pgtls_clients: pkcs12_passphrase holds a line break",
        ),
        ([APP, {**APP, "name": "b"}], {}, "two entries with the same name or the same common_name"),
        ([APP, {**APP, "common_name": "B"}], {}, "two entries with the same name or the same common_name"),
    ],
)
def test_each_mistake_is_one_sentence(clients: list[dict[str, Any]], settings: dict[str, Any], said: str) -> None:
    (sentence,) = mistakes(*clients, **settings)
    assert said in sentence


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes({**APP, "hosts": ["nowhere"]}, ca_host="", dns_names=[])) == 3
    lost, twins = mistakes({**APP, "hosts": ["nowhere"]}, APP)
    assert "nowhere; correct the key hosts of app." in lost and "the same name" in twins


@pytest.mark.parametrize("key", ["name", "common_name", "hosts"])
def test_an_entry_that_lacks_what_it_must_have_is_named(key: str) -> None:
    entry = {name: value for name, value in APP.items() if name != key}
    with pytest.raises(AnsibleFilterError, match=f"of pgtls_clients has no {key}; add it"):
        mistakes(entry)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("pgtls_sever_tls_mode", "require", "no variable of this collection; is pgtls_server_tls_mode meant?"),
        ("pgtls_client_onwer", "me", "no variable of this collection; is pgtls_client_owner meant?"),
        ("pgtls_zzz", 1, "no variable of this collection; correct it, or give your own variable another prefix."),
        ("pgtls_server_tls_mode", "required", "pgtls_server_tls_mode: value of pgtls_server_tls_mode must be one of"),
        ("pgtls_server_port", "5432a", "pgtls_server_port: argument 'pgtls_server_port' is of type"),
        (
            "pgtls_clients",
            [{**APP, "database_role": "a", "usage": "x"}],
            "unknown key pgtls_clients.usage. Supported parameters include: addresses",
        ),
        ("pgtls_clients", [{"name": "a"}], "missing required arguments: "),
        ("pgtls_server_subject", ["CN"], "pgtls_server_subject: "),
        ("pgtls_password_users", {"method": "scram"}, "pgtls_password_users: value of method must be one of"),
        ("pgtls_password_users", [{}, {"method": "scram"}], "pgtls_password_users: value of method must be one of"),
        ("pgtls_password_users", [{"user": "bob"}], "pgtls_password_users: unknown key pgtls_password_users.user."),
    ],
)
def test_each_variable_is_one_that_there_is_and_holds_what_its_role_takes(name: str, value: Any, said: str) -> None:
    (sentence,) = mistakes(APP, variables={name: value})
    assert sentence.startswith(name)
    assert said in sentence


def test_what_is_right_or_not_known_yet_is_no_mistake() -> None:
    good = {
        "ansible_host": "x",
        "other": 1,
        "pgtls_server_port": "5433",
        "pgtls_server_subject": {"O": "Acme"},
        "pgtls_password_users": [
            {"users": ["+staff"], "method": "ldap", "options": {"ldapserver": "x"}},
            {"databases": "x"},
        ],
        "pgtls_server_result": {},
        "pgtls_ca_result": {},
        "pgtls_ca_intermediates": [{"name": "a", "common_name": "A", "usages": ["server"]}],
        "pgtls_client_directory": AnsibleUndefinedVariable("'x' is undefined"),
        "pgtls_ca_passphrase": None,
        "pgtls_trust_store_managed": True,
    }
    assert mistakes(APP, variables=good) == []


def test_a_value_that_is_wrong_is_told_for_every_role_in_one_go() -> None:
    wrong = {"pgtls_ca_key_type": "rsa", "pgtls_verify_depth": "deep", "pgtls_server_backup": "perhaps"}
    assert len(mistakes(APP, variables=wrong)) == 3


def test_an_inventory_without_our_groups_is_told() -> None:
    (sentence,) = mistakes(host="web1", groups={"all": ["web1"], "databases": ["web1"]}, ca_host="")
    assert sentence.startswith(
        "no host of the inventory is in one of the groups ca, postgres_servers, postgres_clients"
    )


@pytest.mark.parametrize("tags", [["all"], ["server"], ["other", "verify"], []])
def test_tags_of_the_site_are_no_mistake(tags: list[str]) -> None:
    assert mistakes(APP, tags=tags) == []


def test_a_tag_that_no_play_has_is_told() -> None:
    (sentence,) = mistakes(APP, tags=["srever"])
    assert sentence == (
        "no play of the site has the tag srever, so there is nothing to do; its tags are ca, client, trust_store, server, verify."
    )


def test_every_variable_of_an_inventory_of_ours_is_known() -> None:
    root = Path(__file__).resolve().parents[3]
    texts = [
        path.read_text(encoding="utf-8")
        for path in (*root.glob("inventories/**/*.yml"), *root.glob("extensions/**/group_vars/*.yml"))
    ]
    names = {name for text in texts for name in re.findall(r"^(pgtls_\w+):", text, re.MULTILINE)}
    assert len(names) > 20
    assert mistakes(APP, variables=dict.fromkeys(names)) == []


def test_values_are_judged_without_a_copy_of_what_they_hang_on() -> None:
    class Lazy(dict):
        """As Ansible's own containers, whose copies take the whole templating engine along."""

        def __deepcopy__(self, _memo: Any) -> Any:
            raise AssertionError("it was copied")

    client = {"name": "app1", "common_name": "App", "database_role": "app", "hosts": ["apps"]}
    assert list(wrong_values({"pgtls_clients": [Lazy(client)]})) == []
    (wrong,) = wrong_values({"pgtls_clients": [Lazy(client, hots=["apps"])]})
    assert "unknown key" in wrong and "hots" in wrong
