# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a file counts as newer than what the server has loaded."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.reload import is_newer


@pytest.mark.parametrize(("after_seconds", "expected"), [(-1, True), (0, True), (0.004, True), (0.2, False)])
def test_a_load_within_the_tick_of_the_clock_may_not_have_seen_the_file(after_seconds: float, expected: bool) -> None:
    stamp = 1_800_000_000.0
    assert is_newer(stamp, stamp + after_seconds) is expected
