# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same for the owner of a data directory whose server is at work: see test_every_path.py."""

from __future__ import annotations

import os

import pytest
from every_path import try_kind
from planted_kinds import KINDS
from swapping import swap_some

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
# The least paths that are known to be touched in each world, and at how many of them each kind is tried.
WORLDS = {"running": (25, 1), "connecting": (6, 2)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WORLDS)
def test_nothing_of_root_is_touched(stage, treasury, request, name, kind, record_property):
    world, (floor, few) = request.getfixturevalue(name), WORLDS[name]
    assert len(world.touched) >= floor, f"few paths were seen: {sorted(world.touched)}"
    tries = try_kind(stage, treasury, world, kind, few)
    record_property("tries", {"world": world.title, "kind": kind, "tries": tries.count, "paths": sorted(tries.paths)})
    assert not tries.problems, "\n".join(tries.problems)


def test_no_swap_touches_anything_of_root(stage, treasury, running, record_property):
    swap_some(stage, treasury, running, 1, 2, record_property)


def test_no_swap_of_a_client_touches_anything_of_root(stage, treasury, connecting, record_property):
    swap_some(stage, treasury, connecting, 2, 4, record_property)
