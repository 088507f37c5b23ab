# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as a table, and as JSON with the versions and the machine that it was measured with."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import OURS, Case, Found
from peers import peers_versions
from sides import revision
from wanted import Wanted

HEADINGS = {
    "wall_seconds": "wall s",
    "cpu_seconds": "CPU s",
    "peak_mib": "MiB",
    "kib": "KiB",
    "calls": "calls",
    "kib_per_call": "KiB/call",
}


def table(found: Found) -> Iterator[str]:
    """The lines of the table: for each case its sides, with ours as a multiple of each other one."""
    for case in found.cases:
        headings = "".join(f"{HEADINGS[figure]:>10}" for figure in case.figures)
        times = "".join(f"{'ours / ' + HEADINGS[figure]:>16}" for figure in case.figures) if case.compared() else ""
        yield f"{case.scenario}, {case.name}"
        yield f"  {'':32}{headings}{times}"
        for side in case.turns:
            yield f"  {side:32}{_row(case, side)}".rstrip()
        yield ""
    for derived in found.derived:
        yield f"{derived.scenario}: {derived.name}: {derived.value:.2f}"


def _row(case: Case, side: str) -> str:
    medians = "".join(f"{case.median(side, figure):10.2f}" for figure in case.figures)
    if side not in case.compared():
        return medians
    return medians + "".join(f"{case.ratio(OURS, figure, side):16.2f}" for figure in case.figures)


def at_the_start() -> dict[str, Any]:
    """Return what must be known of a run before it starts."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "started": now.isoformat(timespec="seconds"),
        "revision": revision(),
        "versions": _versions(),
        "machine": _machine(),
    }


def described(found: Found, asked: Wanted, start: dict[str, Any]) -> dict[str, Any]:
    """Return the run as its JSON shows it."""
    return {
        **start,
        "against": asked.against,
        "pairs": asked.pairs,
        "scale": asked.scale,
        "cases": [case.described() for case in found.cases],
        "derived": [derived.described() for derived in found.derived],
    }


def write(run: dict[str, Any], directory: Path) -> Path:
    """Write the JSON of a run, and return where it is."""
    directory.mkdir(parents=True, exist_ok=True)
    when = re.sub(r"[^0-9T]", "", run["started"].partition("+")[0])
    file = directory / f"{when}-{run['revision']}.json"
    file.write_text(json.dumps(run, indent=2) + "\n")
    return file


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("ansible-core", "cryptography", "psycopg")}
    return {"python": platform.python_version(), **packages, "postgres": _postgres(), **peers_versions()}


def _postgres() -> str:
    found = "ls -d /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres 2>/dev/null | sort -V | tail -1"
    binary = subprocess.run(["sh", "-c", found], capture_output=True, text=True, check=True).stdout.strip()
    said = subprocess.run([binary or "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def _machine() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", sys.platform),
        "architecture": platform.machine(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }
