# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ca works out around a round of certificates: who signs what, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.filter.issued_certificates import issued_certificates
from ansible_collections.pgtls.postgresql.plugins.filter.requests_by_signer import requests_by_signer

SERVERS = {"name": "servers", "usages": ["server"]}
CLIENTS = {"name": "clients", "usages": ["client"]}
BOTH = {"name": "all", "usages": ["server", "client"]}
CERTIFICATES = [
    {"name": "db1", "usages": ["server"]},
    {"name": "app1", "usages": ["client"]},
    {"name": "peer", "usages": ["client", "server"]},
]
REQUESTS = [{"host": "h", "name": one["name"], "csr_pem": "..."} for one in CERTIFICATES]


@pytest.mark.parametrize(
    ("intermediates", "signers"),
    [
        ([], {"": ["db1", "app1", "peer"]}),
        ([SERVERS], {"servers": ["db1"], "": ["app1", "peer"]}),
        ([SERVERS, CLIENTS], {"servers": ["db1"], "clients": ["app1"], "": ["peer"]}),
        ([CLIENTS, BOTH, SERVERS], {"all": ["db1", "peer"], "clients": ["app1"]}),
    ],
)
def test_each_certificate_is_signed_by_the_first_ca_that_covers_its_usages(
    intermediates: list[dict[str, Any]], signers: dict[str, list[str]]
) -> None:
    found = requests_by_signer(REQUESTS, CERTIFICATES, intermediates)
    assert {one["intermediate"]: [each["name"] for each in one["requests"]] for one in found} == signers
    assert [each for one in found for each in one["requests"] if each not in REQUESTS] == []


def test_nothing_requested_is_nobody_and_an_unknown_name_goes_to_the_root_that_refuses_it() -> None:
    assert requests_by_signer([], CERTIFICATES, [SERVERS]) == []
    stranger = {"host": "h", "name": "stranger", "csr_pem": "..."}
    assert requests_by_signer([stranger], CERTIFICATES, [SERVERS, CLIENTS]) == [
        {"intermediate": "", "requests": [stranger]}
    ]


def told(name: str, serial: str | None, installed: bool = False) -> dict[str, Any]:
    return {"name": name, "serial_number": serial, "installed": installed}


ROUND = {"changed": False, "requests": [], "certificates": [told("app1", "01")]}
DUE = {"changed": True, "requests": [{"name": "app1"}], "certificates": [told("app1", None)]}
INSTALLED = {"changed": True, "certificates": [told("app1", "02", True)]}
SKIPPED = {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}


@pytest.mark.parametrize(
    ("request_", "answer", "installed", "changed", "certificates", "waiting"),
    [
        (None, None, None, False, [], []),
        (ROUND, None, None, False, ROUND["certificates"], []),
        ({**ROUND, "changed": True}, None, None, True, ROUND["certificates"], []),
        # what an earlier round on this host has left
        (ROUND, {"waiting": ["app1"]}, INSTALLED, False, ROUND["certificates"], []),
        (
            DUE,
            {"waiting": ["db1"]},
            {"changed": True, "certificates": [told("db1", "9")]},
            True,
            DUE["certificates"],
            [],
        ),
        (DUE, {"certificates": []}, INSTALLED, True, INSTALLED["certificates"], []),
        # a CA elsewhere that has not answered
        ({**DUE, "changed": False}, {"waiting": ["app1"]}, SKIPPED, False, DUE["certificates"], ["app1"]),
        ({**DUE, "changed": False}, {"waiting": []}, INSTALLED, True, INSTALLED["certificates"], []),
        # a host that lies
        ({**DUE, "certificates": "app1", "requests": [7]}, {"waiting": ["app1"]}, None, True, [], []),
        ({**DUE, "certificates": [{}, 7, told("app1", "01")]}, {}, {"certificates": 7}, True, [told("app1", "01")], []),
        # a failed or skipped request
        ({"failed": True, "msg": "..."}, None, INSTALLED, False, [], []),
        (SKIPPED, {"waiting": ["app1"]}, INSTALLED, False, [], []),
    ],
)
def test_what_came_of_a_round_has_a_value_in_every_case(
    request_: Any, answer: Any, installed: Any, changed: bool, certificates: list[Any], waiting: list[str]
) -> None:
    registers = {"__pgtls_ca_request": request_, "__pgtls_ca_answer": answer, "__pgtls_ca_installed": installed}
    variables = {name: value for name, value in registers.items() if value is not None}
    found = issued_certificates(variables)
    assert found == {"changed": changed, "certificates": certificates, "waiting": waiting, "reasons": found["reasons"]}


def test_reasons_are_codes_by_name() -> None:
    due = {"name": "app1", "csr_pem": "", "reasons": [{"code": "missing", "sentence": "..."}, {"code": "revoked"}]}
    found = issued_certificates({"__pgtls_ca_request": {"requests": [due, {"name": "app2"}]}})
    assert found["reasons"] == {"app1": ["missing", "revoked"], "app2": []}
