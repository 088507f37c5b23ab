# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the makers of sites are found, and the table of what was done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "integration")]  # whatever pytest's import mode
from random_life import SEED, TOTALS


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How much was tried, and by which seed it can be tried again."""
    totals = ", ".join(f"{number} {what}" for what, number in TOTALS.items())
    terminalreporter.write_line(f"PGTLS_ORDERS_SEED={SEED}: {totals}")
