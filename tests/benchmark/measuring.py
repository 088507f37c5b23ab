# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs, and the measured costs of a run side by side.

A *case* is one thing to do, such as a converged run of site.yml; a *side* is one way to do it. The sides of a case take
turns, so that whatever else the machine does meets all of them, and a ratio is the median of the ratios of the turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

OURS = "ours"
WALL, CPU, MEMORY = "wall_seconds", "cpu_seconds", "peak_mib"

Figures = dict[str, float]


class CommandFailed(Exception):
    """A command of the benchmark failed; its output is the message."""


def run(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> tuple[Figures, str]:
    """What a command took, with all its children, and what it printed."""
    with tempfile.TemporaryFile() as output:
        start = perf_counter()
        child = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _pid, status, usage = os.wait4(child.pid, 0)
        except BaseException:  # whoever ends the benchmark ends what it runs
            child.terminate()
            child.wait()
            raise
        wall = perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # it is waited for already
        output.seek(0)
        said = output.read().decode(errors="replace")
    if child.returncode:
        raise CommandFailed(f"{said}\n{' '.join(command)}\nended with {child.returncode}; its output is above.")
    return {WALL: wall, CPU: usage.ru_utime + usage.ru_stime}, said


@dataclass
class Case:
    """One thing to do, and the figures of each turn of each side that did it."""

    scenario: str
    name: str
    figures: tuple[str, ...] = (WALL, CPU)
    turns: dict[str, list[Figures]] = field(default_factory=dict)

    def add(self, side: str, found: Figures) -> None:
        """Remember a turn."""
        self.turns.setdefault(side, []).append({figure: found[figure] for figure in self.figures})

    def values(self, side: str, figure: str) -> list[float]:
        """Return a figure of every turn of a side."""
        return [turn[figure] for turn in self.turns[side]]

    def median(self, side: str, figure: str) -> float:
        """Return the median of a figure over the turns of a side."""
        return median(self.values(side, figure))

    def ratio(self, side: str, figure: str, other: str) -> float:
        """Return how many times the figure of another side this side has: the median over the turns."""
        pairs = zip(self.values(side, figure), self.values(other, figure), strict=True)
        return median(one / another for one, another in pairs if another > 0)

    def compared(self) -> list[str]:
        """Return the sides that ours is compared with."""
        return [side for side in self.turns if side != OURS] if OURS in self.turns else []

    def described(self) -> dict[str, Any]:
        """Return the case as the JSON of a run shows it."""
        sides = {
            side: {
                figure: {"median": self.median(side, figure), "turns": self.values(side, figure)}
                for figure in self.figures
            }
            for side in self.turns
        }
        ratios = {
            other: {figure: self.ratio(OURS, figure, other) for figure in self.figures} for other in self.compared()
        }
        return {"scenario": self.scenario, "case": self.name, "sides": sides, "ratio_of_ours_to": ratios}


@dataclass(frozen=True)
class Derived:
    """A number that is worked out from several cases, such as a growth."""

    scenario: str
    name: str
    value: float

    def described(self) -> dict[str, Any]:
        """Return it as the JSON of a run shows it."""
        return {"scenario": self.scenario, "name": self.name, "value": self.value}


@dataclass
class Found:
    """What a scenario found."""

    cases: list[Case] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)


def take_turns(case: Case, sides: Mapping[str, Callable[[], Figures]]) -> None:
    """Let each side do it once, in their order."""
    for side, work in sides.items():
        found = work()
        case.add(side, found)
        shown = ", ".join(f"{figure} {found[figure]:.2f}" for figure in case.figures)
        print(f"  {case.scenario}, {case.name}: {side}: {shown}", file=sys.stderr, flush=True)
