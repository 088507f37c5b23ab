# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificate that was issued before answers an order, with the time as an argument."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.certificates import serial_hex
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.identity import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import Limits
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.requests import build_request

KEY = generate_key("ecdsa-p256")
REQUEST = {
    "name": "app1",
    "csr_pem": build_request(parse_identity("app1"), ("client",), KEY),
    "usages": ["client"],
    "dns_names": [],
    "ip_addresses": [],
    "lifetime_days": 100,
    "not_before": None,
    "not_after": None,
}


def order(authority, at, **more):
    return read_orders([{**REQUEST, **more}], authority, Limits(3650), at)[0]


@pytest.mark.parametrize(
    ("later", "is_answer"),
    [
        (timedelta(0), True),
        (timedelta(days=1), True),
        (timedelta(days=1, seconds=1), False),
        (timedelta(days=-1), True),  # a clock that was set back
        (timedelta(days=-1, seconds=-1), False),
    ],
)
def test_the_end_may_differ_by_a_day(root, now, later, is_answer):
    at = now + timedelta(days=30)
    before = order(root, at).sign(root, at)
    assert order(root, at + later).answer([before], root, ()) == (before if is_answer else None)


def test_the_latest_end_is_the_answer(root, now):
    ends = [order(root, at).sign(root, at) for at in (now, now + timedelta(hours=2), now + timedelta(hours=1))]
    again = order(root, now + timedelta(hours=3))
    assert again.answer(ends, root, ()) == ends[1]
    assert again.answer(ends, root, {ends[1].serial_number}) == ends[2]
    replacing = order(root, now + timedelta(hours=3), replaces=serial_hex(ends[1]))
    assert replacing.answer(ends, root, ()) == ends[2]
    assert again.answer([], root, ()) is None


def test_an_exact_time_is_met_exactly(root, now):
    exact = {"not_after": "2028-04-01T00:00:00Z"}
    before = order(root, now, **exact).sign(root, now)
    later = now + timedelta(days=3)
    assert order(root, later, **exact).answer([before], root, ()) == before
    assert order(root, now, not_after="2028-04-01T00:00:01Z").answer([before], root, ()) is None
    assert order(root, now, not_before="2028-02-29T12:00:00Z", **exact).answer([before], root, ()) is None
    begun = order(root, now, not_before="2028-02-29T11:55:00Z", **exact)
    assert begun.answer([before], root, ()) == before


def test_only_what_this_ca_issued_is_an_answer(root, between, now):
    assert order(root, now).answer([order(between, now).sign(between, now)], root, ()) is None
