# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pg_hba.conf with many rules: CPU seconds and peak memory of each piece of work, and how both grow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import log10
from pathlib import Path

from measuring import CPU, MEMORY, Case, CommandFailed, Derived, Figures, Found, take_turns
from wanted import Wanted

WORKS = {
    "edit": "one rule more (pg_hba)",
    "bulk": "all into an empty file (pg_hba)",
    "no-op": "all are there (pg_hba)",
    "explain": "explain one connection",
    "unreachable": "find unreachable rules",
    "access": "access diff of one rule more",
}


def measure(asked: Wanted) -> Found:
    """Do each piece of work on 1,000, 10,000 and 50,000 rules."""
    sizes = asked.sizes(1_000, 10_000, 50_000)
    found = Found()
    for name, words in WORKS.items():
        case = Case("rules", words, (CPU, MEMORY))
        for _turn in range(asked.pairs):
            take_turns(case, {_side(size): _work(name, size) for size in sizes})
        found.cases.append(case)
        found.derived += _growth(case, sizes)
    return found


def _side(size: int) -> str:
    return f"{size:,} rules"


def _work(name: str, size: int) -> Callable[[], Figures]:
    def work() -> Figures:
        with tempfile.TemporaryDirectory() as directory:
            command = [sys.executable, str(Path(__file__).with_name("rules_work.py")), name, str(size), directory]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(done.stdout + done.stderr)
        found: Figures = json.loads(done.stdout)
        return found

    return work


def _growth(case: Case, sizes: Sequence[int]) -> Iterator[Derived]:
    """How many times as much ten times the rules take, between neighbouring sizes."""
    for smaller, larger in pairwise(sizes):
        tenfolds = log10(larger / smaller)
        for figure in case.figures:
            times = case.median(_side(larger), figure) / case.median(_side(smaller), figure)
            words = f"{case.name}, {figure}: times per 10 times the rules, {smaller:,} to {larger:,}"
            yield Derived("rules", words, times ** (1 / tenfolds))
