# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run knows of the CA has a value in every case, and what follows from it for a trust store."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.ca_result import ca_result
from ansible_collections.pgtls.postgresql.plugins.filter.intermediate_authorities import intermediate_authorities
from ansible_collections.pgtls.postgresql.plugins.filter.trust_anchors import trust_anchors

NOTHING: dict[str, Any] = {
    "visited": False,
    "failed": False,
    "generation": 0,
    "phase": "",
    "chain_pem": "",
    "root_pem": "",
    "trusted_pem": "",
    "issuers": [],
    "crl_pem": "",
    "crl_changed": False,
    "revocations": [],
    "revoked_serial_numbers": [],
}
AUTHORITY = {"generation": 1, "phase": "stable", "chain_pem": "C", "root_pem": "R", "trusted_pem": "R", "changed": True}
KNOWN = {"visited": True, "generation": 1, "phase": "stable", "chain_pem": "C", "root_pem": "R", "trusted_pem": "R"}
PROMISED = {**AUTHORITY, "chain_pem": None, "root_pem": None, "trusted_pem": None}
BELOW = [{"name": name, "usages": [name], "chain_pem": pem} for name, pem in (("server", "S"), ("client", "K"))]
CRLS = {
    "crl_pem": "L",
    "crls_changed": True,
    "revoked": [{"serial_number": "0A", "name": None}, {"serial_number": "0B"}],
}
SKIPPED = {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}
FAILED = {"failed": True, "changed": False, "msg": "wrong passphrase"}
UNREACHABLE = {"unreachable": True, "changed": False, "msg": "no route"}


def known_of(registers: dict[str, Any], facts: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is known of the CA on ca1, whose tasks have registered these results."""
    variables = {f"__pgtls_ca_{name}": result for name, result in registers.items()}
    return ca_result("ca1", {"ca1": {**variables, "ansible_facts": facts or {}}})


@pytest.mark.parametrize(
    ("registers", "expected"),
    [
        pytest.param({}, {}, id="not visited"),
        pytest.param({"authority": UNREACHABLE}, {}, id="not reached"),
        pytest.param({"authority": SKIPPED}, {}, id="skipped"),
        pytest.param({"authority": FAILED}, {"failed": True}, id="failed"),
        pytest.param({"authority": "evil"}, {}, id="no result at all"),
        pytest.param({"authority": {**AUTHORITY, "intermediates": []}}, KNOWN, id="no intermediate CAs"),
        pytest.param(
            {"authority": {**AUTHORITY, **CRLS, "intermediates": BELOW}, "rollover": SKIPPED},
            {
                **KNOWN,
                "issuers": [{"usages": ["server"], "chain_pem": "S"}, {"usages": ["client"], "chain_pem": "K"}],
                "crl_pem": "L",
                "crl_changed": True,
                "revoked_serial_numbers": ["0A", "0B"],
            },
            id="everything",
        ),
        pytest.param(
            {
                "authority": {
                    **PROMISED,
                    "intermediates": [{**BELOW[0], "chain_pem": None}],
                    "crl_pem": "",
                    "crls_changed": True,
                    "revoked": [],
                },
            },
            {
                "visited": True,
                "generation": 1,
                "phase": "stable",
                "issuers": [{"usages": ["server"], "chain_pem": ""}],
                "crl_changed": True,
            },
            id="check mode would create it",
        ),
        pytest.param({"rollover": FAILED}, {"failed": True}, id="the rollover failed"),
        pytest.param(
            {"authority": {**AUTHORITY, "phase": "introduce", "generation": 3, "trusted_pem": "RS"}},
            {**KNOWN, "phase": "introduce", "generation": 3, "trusted_pem": "RS"},
            id="rolled over",
        ),
    ],
)
def test_what_a_run_knows_of_the_ca_has_a_value_in_every_case(
    registers: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert known_of(registers) == {**NOTHING, **expected}


def test_cas_below_the_root_get_what_their_entries_leave_to_the_defaults() -> None:
    servers = {"name": "servers", "common_name": "Server CA", "usages": ["server"]}
    clients = {**servers, "name": "clients", "lifetime_days": 30, "dns_domains": ["b.example"], "passphrase": ""}
    defaults = {"lifetime_days": 1825, "dns_domains": ["a.example"]}
    assert intermediate_authorities([servers, clients], defaults) == [
        {**servers, "lifetime_days": 1825, "permitted_dns_domains": ["a.example"]},
        {**servers, "name": "clients", "lifetime_days": 30, "permitted_dns_domains": ["b.example"]},
    ]


def test_a_ca_host_that_is_none_or_that_lies_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="nowhere is not a host of the inventory"):
        ca_result("nowhere", {})
    with pytest.raises(AnsibleFilterError, match="the facts of ca1 set __pgtls_ca_authority"):
        known_of({"authority": AUTHORITY}, facts={"__pgtls_ca_authority": AUTHORITY})


@pytest.mark.parametrize(
    ("known", "anchors"),
    [
        (KNOWN, [{"name": "pgtls-root-ca", "certificate_pem": "R"}]),
        ({}, [{"name": "pgtls-root-ca", "certificate_pem": ""}]),
        (
            {**KNOWN, "phase": "introduce", "trusted_pem": "RS"},
            [{"name": "pgtls-root-ca", "certificate_pem": "R"}, {"name": "pgtls-root-ca-g2", "certificate_pem": "S"}],
        ),
        (
            {**KNOWN, "phase": "reissue", "generation": 2, "trusted_pem": "RO"},
            [{"name": "pgtls-root-ca-g2", "certificate_pem": "R"}, {"name": "pgtls-root-ca", "certificate_pem": "O"}],
        ),
        (
            {**KNOWN, "phase": "retire", "generation": 2},
            [{"name": "pgtls-root-ca-g2", "certificate_pem": "R"}, {"name": "pgtls-root-ca", "state": "absent"}],
        ),
        (
            {**KNOWN, "phase": "introduce", "generation": 2, "trusted_pem": "RS"},
            [
                {"name": "pgtls-root-ca-g2", "certificate_pem": "R"},
                {"name": "pgtls-root-ca-g3", "certificate_pem": "S"},
            ],
        ),
        (
            {**KNOWN, "generation": 11},
            [{"name": "pgtls-root-ca-g11", "certificate_pem": "R"}, {"name": "pgtls-root-ca-g10", "state": "absent"}],
        ),
    ],
)
def test_a_system_trusts_the_roots_that_count_now(known: dict[str, Any], anchors: list[dict[str, str]]) -> None:
    assert trust_anchors({**NOTHING, **known}) == anchors
