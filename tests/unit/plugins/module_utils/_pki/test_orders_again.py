# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificate that was issued before answers an order, with the time as an argument."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import create_root
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import SigningPolicy
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.requests import build_request
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from inventory import OF_THE_INVENTORY

KEY = generate_key("ecdsa-p256")
CSR = build_request(parse_identity("app1"), ("client",), KEY)
ENTRY = {
    **dict.fromkeys(OF_THE_INVENTORY),
    "name": "app1",
    "common_name": "app1",
    "usages": ["client"],
    "dns_names": [],
    "ip_addresses": [],
    "lifetime_days": 100,
}


def order(authority, at, **more):
    return read_orders([{**ENTRY, **more}], [{"name": "app1", "csr_pem": CSR}], authority, SigningPolicy(3650), at)[0]


def answered(authority, before, at, **more):
    """Whether a certificate that was issued before is the answer to a request at that time."""
    return order(authority, at, **more).answer([before], authority, (), at) == before


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        ({}, timedelta(days=70)),
        ({"renew_before_days": 10}, timedelta(days=90)),
        ({"renew_before_percent": 25}, timedelta(days=75)),
        ({"renew_before_days": 100}, timedelta(days=200 / 3)),  # as long as the life: its last third
        ({"renew_before_days": 99}, timedelta(days=1)),
        ({"renew_before_days": 1, "lifetime_days": 1}, timedelta(hours=16)),
        ({"renew_before_days": 5, "lifetime_days": 1}, timedelta(hours=16)),
        ({"renew_before_days": 0, "lifetime_days": 1}, timedelta(days=1)),
    ],
)
def test_what_is_due_by_the_rule_of_the_entry_is_no_answer(root, now, rule, last):
    """The clock of the holder may be an hour ahead; a few minutes are those by which a start is set back."""
    before = order(root, now, **rule).sign(root, now)
    for later in (timedelta(0), last / 2 - timedelta(hours=1), last - timedelta(hours=1, minutes=10)):
        assert answered(root, before, now + max(later, timedelta(0)), **rule)
    for later in (last - timedelta(minutes=55), last, last * 2):
        assert not answered(root, before, now + later, **rule)


def test_a_certificate_that_starts_in_the_future_is_no_answer(root, now):
    ahead = now + timedelta(days=2)
    before = order(root, ahead).sign(root, ahead)
    assert answered(root, before, ahead)
    assert not answered(root, before, now)
    start = {"not_before": "2028-03-02T12:00:00Z"}
    assert answered(root, order(root, now, **start).sign(root, now), now, **start)


def test_the_latest_end_is_the_answer(root, now):
    ends = [order(root, at).sign(root, at) for at in (now, now + timedelta(hours=2), now + timedelta(hours=1))]
    later = now + timedelta(hours=3)
    again = order(root, later)
    assert again.answer(ends, root, (), later) == ends[1]
    assert again.answer(ends, root, {ends[1].serial_number}, later) == ends[2]
    assert again.answer([], root, (), later) is None


def test_an_exact_time_is_met_exactly(root, now):
    exact = {"not_after": "2028-04-01T00:00:00Z"}
    before = order(root, now, **exact).sign(root, now)
    assert answered(root, before, now + timedelta(days=31), **exact)
    assert not answered(root, before, now, not_after="2028-04-01T00:00:01Z")
    assert not answered(root, before, now, not_before="2028-02-29T12:00:00Z", **exact)
    assert answered(root, before, now, not_before="2028-02-29T11:55:00Z", **exact)


@pytest.mark.parametrize(
    "change",
    [
        {"common_name": "app2"},
        {"subject": {"O": "X"}},
        {"dns_names": ["a.example"]},
        {"ip_addresses": ["10.0.0.1"]},
        {"usages": ["client", "server"], "dns_names": ["a.example"]},
        {"lifetime_days": 101},
        {"lifetime_days": 99},
    ],
)
def test_what_says_something_else_than_the_entry_is_no_answer(root, now, change):
    before = order(root, now).sign(root, now)
    assert not answered(root, before, now, **change)
    assert not answered(root, order(root, now, **change).sign(root, now), now)


def test_only_what_this_ca_issued_is_an_answer(root, between, now):
    assert not answered(root, order(between, now).sign(between, now), now)


def test_a_certificate_that_would_outlive_its_ca_is_no_answer(now):
    identity, key = parse_identity("Renewed"), generate_key("ecdsa-p256")
    long, short = (create_root(identity, key, Lifetime(days).starting(now), None) for days in (500, 90))
    before = order(long, now, lifetime_days=80).sign(long, now)
    assert answered(short, before, now, lifetime_days=80)
    later = now + timedelta(days=1)
    outliving = order(long, later, lifetime_days=89, not_before="2028-03-02T00:00:00Z").sign(long, later)
    assert answered(long, outliving, later, lifetime_days=89, not_before="2028-03-02T00:00:00Z")
