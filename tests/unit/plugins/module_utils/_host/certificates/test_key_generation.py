# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that several processes make: all of them come, none twice, and no process stays."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates.key_generation import (
    make_keys,
    usable_cores,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import spki_bytes
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import key_type_of


@pytest.fixture(autouse=True)
def _processes_of_a_test_runner():
    """A module has one thread when it forks; the runner of these tests may have more, and Python says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def children() -> set[int]:
    """The processes that this one started and that have not ended."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(status.parent.name))
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


MIXED = ["rsa-2048", "ecdsa-p256", "rsa-2048", "ed25519", "rsa-2048", "ecdsa-p384", "rsa-2048", "rsa-2048"]


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
def test_every_key_comes_once_with_its_place(cores):
    before, open_before = children(), descriptors()
    made = list(make_keys(MIXED, cores))
    assert sorted(place for place, _key in made) == list(range(len(MIXED)))
    assert {place: key_type_of(key) for place, key in made} == dict(enumerate(MIXED))
    assert len({spki_bytes(key.public_key()) for _place, key in made}) == len(MIXED)
    assert (children(), descriptors()) == (before, open_before)


@pytest.mark.parametrize("types", [["ecdsa-p256"] * 50, ["ed25519"] * 50, ["ecdsa-p384"] * 5, ["rsa-2048"], []])
def test_no_process_is_started_where_it_would_not_pay(types, monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))
    assert len(list(make_keys(types, 8))) == len(types)


def test_a_process_that_is_killed_costs_time_and_no_key():
    before = children()
    made = make_keys(["rsa-2048"] * 12, 2)
    first = next(made)
    victim = min(children() - before)
    os.kill(victim, signal.SIGKILL)
    places = sorted([first[0], *(place for place, _key in made)])
    assert places == list(range(12))
    assert children() == before


def test_no_process_stays_when_the_caller_gives_up():
    before, open_before = children(), descriptors()
    made = make_keys(["rsa-4096"] * 20, 2)
    next(made)
    assert len(children() - before) == 2
    made.close()
    assert (children(), descriptors()) == (before, open_before)


def test_an_unknown_type_is_refused():
    with pytest.raises(PkiError, match="key_type is 'dsa'"):
        list(make_keys(["ecdsa-p256", "dsa"], 2))


def test_at_least_one_core_may_be_used():
    assert usable_cores() >= 1
