# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules and the maps that clients and password users come to."""

from __future__ import annotations

from itertools import product

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.pgtls.postgresql.plugins.filter.mapping_blocks import mapping_blocks
from ansible_collections.pgtls.postgresql.plugins.filter.rule_blocks import rule_blocks
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.editing.entry_specs import RULES
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules import hba, hba_edit
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.included_rules import find_dead_rules

APP1 = {"name": "app1", "common_name": "Application 1", "database_role": "shop"}
APP2 = {
    "name": "app2",
    "common_name": 'of "two"\nlines',
    "database_role": "wh y, a",
    "databases": ["a", "replication"],
    "addresses": ["10.0.0.0/8", "::1/128"],
}
NOBODY_ELSE = ["hostssl all all all reject"]
NO_PLAINTEXT = ["hostnossl all all all reject"]


def blocks(clients, mode="require_client_certificate", **wishes):
    """The rules of both blocks, each as one line."""
    wish = {"reject_plaintext": True, "accept_unlisted": False, "password_users": {}, **wishes}
    first, second = rule_blocks(clients, tls_mode=mode, **wish)
    assert (first["block"], first["placement"]) == ("clients", "first")
    assert (second["block"], second["placement"]) == ("everybody", "effective")
    return [line(rule) for rule in first["rules"]], [line(rule) for rule in second["rules"]]


def line(rule):
    options = [f"{name}={value}" for name, value in rule.get("options", {}).items()]
    return " ".join(
        [rule["type"], str(rule["database"]), ",".join(rule["user"]), rule["address"], rule["method"], *options]
    )


def test_each_client_has_a_rule_for_each_of_its_addresses_and_a_map_of_its_own():
    listed, others = blocks([APP1, APP2])
    assert listed == [
        "hostssl all shop all cert map=certmap_app1",
        "hostssl ['a', 'replication'] wh y, a 10.0.0.0/8 cert map=certmap_app2",
        "hostssl ['a', 'replication'] wh y, a ::1/128 cert map=certmap_app2",
        *NO_PLAINTEXT,
    ]
    assert others == NOBODY_ELSE
    assert mapping_blocks([APP1, APP2]) == [
        {
            "block": "clients",
            "mappings": [
                {"map": "certmap_app1", "system_user": "Application 1", "database_user": "shop"},
                {"map": "certmap_app2", "system_user": 'of "two"\nlines', "database_user": "wh y, a"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("mode", "wishes", "plaintext", "others"),
    [
        ("request", {}, [], ["host all all all scram-sha-256"]),
        ("request", {"password_users": {"addresses": ["::/0"]}}, [], ["host all all ::/0 scram-sha-256"]),
        ("require", {}, NO_PLAINTEXT, ["hostssl all all all scram-sha-256"]),
        ("require", {"reject_plaintext": False}, [], ["hostssl all all all scram-sha-256"]),
        ("require", {"reject_plaintext": "no"}, [], ["hostssl all all all scram-sha-256"]),
        (
            "require",
            {"password_users": {"method": "md5", "databases": ["a", "b"], "addresses": ["10.0.0.1", "10.0.0.2"]}},
            NO_PLAINTEXT,
            ["hostssl ['a', 'b'] all 10.0.0.1 md5", "hostssl ['a', 'b'] all 10.0.0.2 md5"],
        ),
        ("require_client_certificate", {}, NO_PLAINTEXT, NOBODY_ELSE),
        ("require_client_certificate", {"accept_unlisted": True}, NO_PLAINTEXT, ["hostssl all all 0.0.0.0/0 cert"]),
        ("require_client_certificate", {"accept_unlisted": "false"}, NO_PLAINTEXT, NOBODY_ELSE),
        (
            "require_client_certificate",
            {"accept_unlisted": True, "password_users": {"databases": "reports"}},
            NO_PLAINTEXT,
            ["hostssl reports all all scram-sha-256", *NOBODY_ELSE],
        ),
        (
            "require_client_certificate",
            {"password_users": {"method": "md5"}},
            NO_PLAINTEXT,
            ["hostssl all all all md5"],
        ),
        (
            "require_client_certificate",
            {"password_users": {"addresses": ["0.0.0.0/0"]}},
            NO_PLAINTEXT,
            ["hostssl all all 0.0.0.0/0 scram-sha-256", *NOBODY_ELSE],
        ),
        ("require", {"accept_unlisted": True}, NO_PLAINTEXT, ["hostssl all all all scram-sha-256"]),
    ],
)
def test_who_is_no_client_is_let_in_by_password_or_by_name_or_not_at_all(mode, wishes, plaintext, others):
    assert blocks([], mode, **wishes) == (plaintext, others)


STAFF = {"users": "+staff", "databases": "hr", "method": "ldap", "options": {"ldapurl": "ldap://x/dc=y"}}
BATCH = {"users": ["batch", "etl"], "databases": ["shop", "hr"], "addresses": ["10.1.0.0/16", "::1/128"]}


def test_kinds_of_users_have_rules_in_their_order():
    staff = "ldap ldapurl=ldap://x/dc=y"
    batch = [f"hostssl ['shop', 'hr'] batch,etl {address} scram-sha-256" for address in BATCH["addresses"]]
    assert blocks([], password_users=[STAFF, BATCH])[1] == [f"hostssl hr +staff all {staff}", *batch, *NOBODY_ELSE]
    assert blocks([], "request", password_users=[BATCH, STAFF])[1][2] == f"host hr +staff all {staff}"
    assert blocks([], "require", password_users=[{}])[1] == ["hostssl all all all scram-sha-256"]
    # whoever is left is rejected unless the kinds together end with everybody
    assert blocks([], password_users=[STAFF, {}])[1] == [
        f"hostssl hr +staff all {staff}",
        "hostssl all all all scram-sha-256",
    ]
    assert blocks([], password_users=[{"users": "bob"}])[1] == ["hostssl all bob all scram-sha-256", *NOBODY_ELSE]
    # certificates of anybody count only where nobody else may come in
    assert blocks([], accept_unlisted=True, password_users=[STAFF])[1][1:] == NOBODY_ELSE
    for nothing in ({}, [], None):
        assert blocks([], password_users=nothing)[1] == NOBODY_ELSE


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("scram-sha-256", "pgtls_password_users is neither a dictionary nor a list"),
        ([STAFF, "bob"], r"pgtls_password_users\[1\] is no dictionary"),
        ([{"user": "bob"}], r"pgtls_password_users\[0\] has the unknown key user; it may have users,"),
        ({"adresses": []}, "pgtls_password_users has the unknown key adresses"),
        ([{"users": []}], r"pgtls_password_users\[0\].users must be a string or a list of strings, and not empty"),
        ([{"databases": [1]}], r"pgtls_password_users\[0\].databases must be"),
        ([{"addresses": ""}], r"pgtls_password_users\[0\].addresses must be"),
        ([{"options": "ldapserver=x"}], r"pgtls_password_users\[0\].options is no dictionary"),
    ],
)
def test_a_kind_of_users_that_cannot_be_is_named(value, words):
    with pytest.raises(AnsibleFilterError, match=words):
        blocks([], password_users=value)


@pytest.mark.parametrize("version", [13, 19])
def test_the_server_takes_every_rule(version):
    people = ([STAFF, BATCH], {}, {"databases": "reports"}, {"method": "md5", "addresses": ["::/0"]})
    modes = ("request", "require", "require_client_certificate")
    for mode, rejects, unlisted, users in product(modes, (True, False), (True, False), people):
        wish = {"tls_mode": mode, "reject_plaintext": rejects, "accept_unlisted": unlisted, "password_users": users}
        document = hba.parse_hba("local all all peer\n", version)
        for block in rule_blocks([APP1, {**APP2, "common_name": "x"}], **wish):
            checked = ArgumentSpecValidator({"rules": RULES}).validate({"rules": block["rules"]})
            wishes = hba_edit.read_wishes({"exclusive": False, **block, **checked.validated_parameters}, version)
            document = hba_edit.ensure_rules(document, wishes, hba_edit.read_placement(block, version))
        assert "certmap_app1" in document.render()
        assert find_dead_rules(document) == []
