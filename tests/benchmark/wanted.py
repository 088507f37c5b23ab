# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment asks of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCENARIOS = ("site", "certificates", "rules", "servers", "bytes", "settings")


@dataclass(frozen=True)
class Wanted:
    """What to measure, how often, against which revision, at which scale, and where the numbers go."""

    scenarios: tuple[str, ...]
    pairs: int
    against: str | None
    scale: float
    output: Path

    def sizes(self, *usual: int) -> list[int]:
        """Return the sizes of a scenario at this scale."""
        return sorted({max(1, round(size * self.scale)) for size in usual})


def wanted() -> Wanted:
    """Read PGTLS_BENCH, PGTLS_BENCH_PAIRS, PGTLS_BENCH_AGAINST, PGTLS_BENCH_SCALE and PGTLS_BENCH_OUTPUT."""
    scenarios = tuple(os.environ.get("PGTLS_BENCH", "").split()) or SCENARIOS
    unknown = [name for name in scenarios if name not in SCENARIOS]
    if unknown:
        raise SystemExit(f"PGTLS_BENCH names {', '.join(unknown)}; name some of {', '.join(SCENARIOS)}.")
    pairs = _number("PGTLS_BENCH_PAIRS", 5)
    if pairs != int(pairs):
        raise SystemExit("PGTLS_BENCH_PAIRS is not a whole number; say how many pairs to measure.")
    output = Path(os.environ.get("PGTLS_BENCH_OUTPUT") or CHECKOUT / "docs/benchmarks").resolve()
    against = os.environ.get("PGTLS_BENCH_AGAINST") or None
    return Wanted(scenarios, int(pairs), against, _number("PGTLS_BENCH_SCALE", 1), output)


def _number(name: str, usual: float) -> float:
    try:
        found = float(os.environ.get(name) or usual)
    except ValueError:
        found = 0
    if found <= 0:
        raise SystemExit(f"{name} is not a number above 0.")
    return found
