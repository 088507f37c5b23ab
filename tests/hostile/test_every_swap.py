# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hostile user swaps paths between root's look and root's use: nothing of root is read, changed or given."""

from __future__ import annotations

import os

import pytest
from swapping import swap_some
from test_every_path import WORLDS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
# So many swaps of directories and of files in each world, and so many runs during each.
FEW, RUNS = 3, 6


@pytest.mark.parametrize("title", WORLDS)
def test_no_swap_touches_anything_of_root(stage, treasury, explored, title, record_property):
    swap_some(stage, treasury, explored(title), FEW, RUNS, record_property)
