# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several pieces of work at a time: in order, complete, and fair to every group."""

from __future__ import annotations

from threading import Barrier, Event, Lock

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.fair_threads import in_threads
from hypothesis import given
from hypothesis import strategies as st

PATIENCE_SECONDS = 60


@given(st.lists(st.integers(0, 5)), st.integers(1, 9))
def test_all_is_done_once_and_told_in_the_order_of_the_work(work, parallel):
    done, lock = [], Lock()

    def do(one):
        with lock:
            done.append(one)
        return one * 2

    assert in_threads(work, do, parallel, lambda one: one % 2) == [one * 2 for one in work]
    assert sorted(done) == sorted(work)


def test_so_many_are_done_at_a_time():
    together = Barrier(5)
    assert (
        in_threads(range(10), lambda _one: together.wait(PATIENCE_SECONDS) >= 0, 5, lambda _one: "all") == [True] * 10
    )


def test_who_hangs_is_waited_for_while_all_others_are_done():
    """More pieces of work hang than there are threads, they come first, and none ends before all others are done."""
    others = [f"other {number}" for number in range(50)]
    done, lock, all_done = set(), Lock(), Event()

    def do(one):
        if one.startswith("hanging"):
            return all_done.wait(PATIENCE_SECONDS)
        with lock:
            done.add(one)
            if len(done) == len(others):
                all_done.set()
        return True

    work = [f"hanging {number}" for number in range(20)] + others
    assert in_threads(work, do, 4, lambda one: one.split()[0]) == [True] * len(work)


@pytest.mark.parametrize("parallel", [1, 4])
def test_an_error_is_raised_and_not_lost(parallel):
    def do(one):
        if one == 3:
            raise ValueError(one)
        return one

    with pytest.raises(ValueError, match="3"):
        in_threads(range(9), do, parallel, lambda one: one)
