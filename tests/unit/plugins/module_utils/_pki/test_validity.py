# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times, with the clock as an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import (
    Lifetime,
    lifetime_of,
    parse_time,
    render_time,
)


def test_lifetime_starts_five_minutes_ago_and_counts_from_now(now):
    validity = Lifetime(366).starting(now.replace(microsecond=7))
    assert validity.not_before == now - timedelta(minutes=5)
    assert validity.not_after == datetime.fromisoformat("2029-03-01T12:00:00+00:00")


def test_start_is_not_before_the_earliest_unless_it_is_exact(now):
    assert Lifetime(1).starting(now, earliest=now).not_before == now
    long_ago = now - timedelta(days=1000)
    assert Lifetime(1, long_ago, now).starting(now, earliest=now).not_before == long_ago


def test_exact_end_in_the_past_needs_an_exact_start(now):
    past = now - timedelta(days=1)
    with pytest.raises(PkiError, match="is in the past"):
        Lifetime(1, None, past).starting(now)
    assert Lifetime(1, past - timedelta(days=1), past).starting(now).not_after == past


def test_end_beyond_the_calendar_is_refused(now):
    with pytest.raises(PkiError, match="beyond the year 9999"):
        Lifetime(3_000_000).starting(now)


@pytest.mark.parametrize(
    "text", ["2027-01-31T12:00:00Z", "2027-01-31 12:00:00z", "2027-01-31T12:00:00.5+00:00", " 2027-01-31T12:00:00Z "]
)
def test_time_is_read(text):
    assert render_time(parse_time(text, "not_after")) == "2027-01-31T12:00:00Z"


@pytest.mark.parametrize("text", ["", "2027-01-31", "2027-02-29T00:00:00Z", "2027-01-31T12:00:00+01:00", "tomorrow"])
def test_time_is_refused(text):
    with pytest.raises(PkiError, match="app1: not_after is .*, but must be a UTC time like"):
        lifetime_of(1, None, text, "app1")


def test_leap_day_is_a_time():
    assert parse_time("2028-02-29T00:00:00Z", "x").day == 29


@pytest.mark.parametrize(
    ("days", "start", "end", "said"),
    [
        (0, None, None, "lifetime_days is 0"),
        (1, "2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z", "is not later than not_before"),
    ],
)
def test_impossible_lifetime_is_refused(days, start, end, said):
    with pytest.raises(PkiError, match=said):
        lifetime_of(days, start, end, "app1")
