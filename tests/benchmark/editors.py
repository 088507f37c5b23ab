# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the editors cost: a table of CPU seconds, and how much more twice the entries take.

Everything is measured in one run, so the ratios hold whatever the machine. It ends with 1 when a limit is missed.
PGTLS_PEER may name a directory with ansible_collections/community/postgresql; then its pg_hba module is measured too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ONE_RUN = Path(__file__).with_name("one_run.py")
COUNT = 10_000
SECONDS, RATIO = 1.0, 2.3
ROUNDS = 5
CASES = ("fill", "same", "one")
MODULES = ("pg_hba", "pg_ident", "pg_hosts", "pg_conf")
PEER, PEER_COUNT = "postgresql_pg_hba", 500


def measured(module: str, case: str, count: int, rounds: int = ROUNDS) -> dict[str, float]:
    """The least of each figure: what is over it is the machine's own noise."""
    found: list[dict[str, float]] = []
    for _round in range(rounds):
        command = [sys.executable, str(ONE_RUN), module, case, str(count)]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {figure: min(one[figure] for one in found) for figure in found[0]}


def rows() -> list[str]:
    """The table; prints it line by line and returns the sentences about limits that are missed."""
    missed = []
    print(
        f"{'module':10}{'case':6}{'entries':>8}{'edit':>8}{'wishes':>8}{'process':>9}{'twice':>7}   CPU seconds; ratio"
    )
    for module in MODULES:
        for case in CASES:
            once, twice = measured(module, case, COUNT), measured(module, case, 2 * COUNT)
            ratio = twice["edit"] / once["edit"]
            figures = f"{once['edit']:8.2f}{once['wishes']:8.2f}{once['process']:9.2f}{ratio:7.2f}"
            print(f"{module:10}{case:6}{COUNT:8}{figures}", flush=True)
            if once["edit"] > SECONDS:
                missed.append(f"{module} {case}: {COUNT} entries take {once['edit']:.2f} s, more than {SECONDS}")
            if ratio > RATIO:
                missed.append(f"{module} {case}: twice the entries take {ratio:.2f} times as long, more than {RATIO}")
    return missed


def compare_with_peer() -> None:
    """One more rule in a file, by both modules, each in its own process."""
    for case in ("fill", "one"):
        ours, theirs = (measured(module, case, PEER_COUNT, rounds=1)["process"] for module in ("pg_hba", PEER))
        print(
            f"{case}, {PEER_COUNT} rules: pg_hba {ours:.2f} s, {PEER} {theirs:.2f} s, {theirs / ours:.1f} times as much"
        )


def main() -> int:
    missed = rows()
    if os.environ.get("PGTLS_PEER"):
        os.environ["PYTHONPATH"] = os.environ["PGTLS_PEER"]
        compare_with_peer()
    print("\n".join(missed) or "Every limit is kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
