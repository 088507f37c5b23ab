# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the benchmark that the environment asks for: a table here, and numbers and plots in docs/benchmarks.

PGTLS_BENCH names scenarios (all), PGTLS_BENCH_PAIRS the turns of each (5), PGTLS_BENCH_AGAINST a revision to compare
with, PGTLS_BENCH_SCALE multiplies the sizes, PGTLS_BENCH_OUTPUT is another directory for the numbers. Nothing is asserted
about the figures; a play that fails ends the run.
"""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from pathlib import Path

import performance_page
import report
from measuring import CommandFailed, Found
from wanted import CHECKOUT, wanted

PLOT_PYTHON = CHECKOUT / ".venv/bench/bin/python"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit("stopped"))
    asked, found, start = wanted(), Found(), report.at_the_start()
    for name in asked.scenarios:
        try:
            one: Found = importlib.import_module(f"scenario_{name}").measure(asked)
        except CommandFailed as failure:
            print("\n".join(report.table(found)))
            print(failure, file=sys.stderr)
            return 1
        found.cases += one.cases
        found.derived += one.derived
    print("\n".join(report.table(found)))
    run = report.described(found, asked, start)
    numbers = report.write(run, asked.output)
    subprocess.run([str(PLOT_PYTHON), str(Path(__file__).with_name("plot.py")), str(numbers)], check=True)
    if asked.output == CHECKOUT / "docs/benchmarks":
        performance_page.write(run, numbers.name)
    print(f"{numbers} has the numbers; the plots are beside it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
