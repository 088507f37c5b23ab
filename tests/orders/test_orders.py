# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever happens to a site, in whatever order: nobody is locked out, nobody gets in who should not, a second run changes nothing."""

from __future__ import annotations

import random

import pytest
from clusters import free_port
from demo_site import demo_site
from random_life import IS_LONG, SEED, STEPS, Life, prepare_other
from somebody_elses_ca import SomebodyElsesCa

SHORT = [("pgtls", None)]
LONG = [
    *SHORT,
    ("below", True),
    ("pgtls", True),
    ("pgtls", False),
    ("below", None),
    ("command", None),
    ("external", None),
]


@pytest.mark.parametrize(("provider", "lists"), LONG if IS_LONG else SHORT)
def test_a_life_in_random_order(provider: str, lists: bool | None, tmp_path) -> None:
    chance = random.Random(f"{SEED} {provider} {lists}")
    with demo_site(free_port()) as site, demo_site(free_port()) as other:
        prepare_other(site, other)
        life = Life(site, other, chance, provider, lists, SomebodyElsesCa(tmp_path))
        life.begin()
        life.live(STEPS)
