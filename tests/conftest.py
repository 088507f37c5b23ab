# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

FOUND_BEFORE = DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".cache/hypothesis")
# A busy machine is no fault of the code: no example has a deadline.
settings.register_profile("pgtls", deadline=None, database=FOUND_BEFORE)
settings.load_profile("pgtls")
