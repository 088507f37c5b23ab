# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured tables of docs/performance.md, written from the JSON of a run: ``performance_page.py RUN.json``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wanted import CHECKOUT

PAGE = CHECKOUT / "docs/performance.md"
BEGIN, END = "<!-- measured: {} -->", "<!-- end of measured: {} -->"
BASELINE = "as shipped"


def write(run: dict[str, Any], name: str) -> None:
    """Write those tables of the page that the run has numbers for."""
    page = PAGE.read_text()
    makers = {"settings": _settings, "site": _against_others}
    for scenario, make in makers.items():
        cases = [case for case in run["cases"] if case["scenario"] == scenario]
        if cases:
            lines = [*make(cases), "", _origin(run, name)]
            page = _replaced(page, scenario, "\n".join(lines))
    PAGE.write_text(page)


def _replaced(page: str, scenario: str, text: str) -> str:
    begin, end = BEGIN.format(scenario), END.format(scenario)
    between = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if not between.search(page):
        raise SystemExit(f"{PAGE.name} has no place for the numbers of {scenario}: put {begin} and {end} there.")
    return between.sub(lambda _found: f"{begin}\n{text}\n{end}", page)


def _settings(cases: list[dict[str, Any]]) -> Iterator[str]:
    yield "| setting | wall, seconds | CPU, seconds | wall, against as shipped |"
    yield "|---|---|---|---|"
    sides = cases[0]["sides"]
    usual = sides[BASELINE]["wall_seconds"]["median"]
    for side, figures in sides.items():
        wall, cpu = (figures[figure]["median"] for figure in ("wall_seconds", "cpu_seconds"))
        yield f"| {side} | {wall:.1f} | {cpu:.1f} | {wall / usual:.2f} |"


def _against_others(cases: list[dict[str, Any]]) -> Iterator[str]:
    yield "| run | side | wall, seconds | CPU, seconds | ours is so many times that (wall, CPU) |"
    yield "|---|---|---|---|---|"
    for case in cases:
        for side, figures in case["sides"].items():
            ratio = case["ratio_of_ours_to"].get(side)
            times = f"{ratio['wall_seconds']:.2f}, {ratio['cpu_seconds']:.2f}" if ratio else ""
            wall, cpu = (figures[figure]["median"] for figure in ("wall_seconds", "cpu_seconds"))
            yield f"| {case['case']} | {side} | {wall:.1f} | {cpu:.1f} | {times} |"


def _origin(run: dict[str, Any], name: str) -> str:
    machine = run["machine"]
    return (
        f"Medians of {run['pairs']} turns at revision {run['revision']}, ansible-core {run['versions']['ansible-core']}, "
        f"{machine['cores']} cores; all numbers are in [benchmarks/{name}](benchmarks/{name})."
    )


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[1]).name)
