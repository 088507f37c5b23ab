# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the numbers of a run beside them: ``plot.py docs/benchmarks/RUN.json`` writes RUN-SCENARIO.png for each scenario.

A row per case with a bar per side, a column per figure; the whiskers reach from the least to the most of the turns. It
is run by the environment bench, which has matplotlib and nothing of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

WORDS = {
    "wall_seconds": "wall time, seconds",
    "cpu_seconds": "CPU time, seconds",
    "peak_mib": "peak memory, MiB",
    "kib": "sent to hosts, KiB",
    "calls": "module calls",
    "kib_per_call": "KiB per module call",
}
OURS, OTHERS = "#1f5a94", "#b0b7bf"
SHOWN = 2  # the columns of a case
BAR, TITLE, MARGIN = 0.28, 0.75, 1.0  # inches


def draw(run: dict[str, Any], scenario: str, target: Path) -> None:
    """Draw the cases of a scenario, one below the other."""
    cases = [case for case in run["cases"] if case["scenario"] == scenario]
    bars = [len(case["sides"]) for case in cases]
    heights = [count * BAR + TITLE for count in bars]
    figure, rows = pyplot.subplots(
        len(cases),
        SHOWN,
        figsize=(11, sum(heights) + MARGIN),
        gridspec_kw={"height_ratios": heights},
        squeeze=False,
        layout="constrained",
    )
    figure.suptitle(_title(run), fontsize=10)
    for case, columns in zip(cases, rows, strict=True):
        names = list(next(iter(case["sides"].values())))[:SHOWN]
        for axes, name in zip(columns, names, strict=True):
            _draw_figure(axes, case, name)
        columns[0].set_title(f"{case['scenario']}: {case['case']}", loc="left", fontsize=10, fontweight="bold")
        columns[1].set_yticklabels([])
    figure.savefig(target, dpi=110)


def _draw_figure(axes: Axes, case: dict[str, Any], name: str) -> None:
    sides = case["sides"]
    medians = [side[name]["median"] for side in sides.values()]
    whiskers = [
        [median - min(side[name]["turns"]) for side, median in zip(sides.values(), medians, strict=True)],
        [max(side[name]["turns"]) - median for side, median in zip(sides.values(), medians, strict=True)],
    ]
    has_ours = "ours" in sides
    colours = [OURS if side == "ours" or not has_ours else OTHERS for side in sides]
    axes.barh(list(sides), medians, color=colours, height=0.7, xerr=whiskers, error_kw={"ecolor": "#444444", "lw": 1})
    most = max(max(side[name]["turns"]) for side in sides.values())
    for position, (side, median) in enumerate(zip(sides.values(), medians, strict=True)):
        axes.text(max(side[name]["turns"]) + most * 0.015, position, _short(median), va="center", fontsize=8)
    axes.set_xlim(0, most * 1.15)
    axes.invert_yaxis()
    axes.set_xlabel(WORDS.get(name, name), fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _title(run: dict[str, Any]) -> str:
    versions, machine = run["versions"], run["machine"]
    return (
        f"pgtls.postgresql {run['revision']}, {run['started'][:10]}: medians of {run['pairs']}, less is better\n"
        f"ansible-core {versions['ansible-core']}, Python {versions['python']}, cryptography {versions['cryptography']}, "
        f"PostgreSQL {versions['postgres']}; {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"
    )


if __name__ == "__main__":
    numbers = Path(sys.argv[1])
    measured = json.loads(numbers.read_text())
    for name in dict.fromkeys(case["scenario"] for case in measured["cases"]):
        draw(measured, name, numbers.with_name(f"{numbers.stem}-{name}.png"))
