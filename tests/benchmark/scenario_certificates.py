# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many client certificates in one play, against a plain script with the same library and three tasks that do nothing."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import CPU, OURS, WALL, Case, CommandFailed, Derived, Figures, Found, run, take_turns
from sides import Side, our_sides, playbook_command, quiet_environment
from sites import changed
from wanted import CHECKOUT, Wanted

HERE = Path(__file__).parent
ONE, ALL, FLOOR = "plain script, one process", "plain script, all cores", "three tasks"


def measure(asked: Wanted) -> Found:
    """Issue 100, 1,000 and 10,000 certificates, and run again."""
    found = Found()
    sides = our_sides(asked.against)
    for count in asked.sizes(100, 1_000, 10_000):
        first, again = (Case("certificates", f"{count:,} certificates, {which}") for which in ("first", "unchanged"))
        for _pair in range(asked.pairs):
            _take_turns(count, sides, first, again)
        found.cases += [first, again]
        found.derived += [
            Derived(
                "certificates",
                f"{first.name}, {figure}: ours / ({script} + {FLOOR})",
                _over_both(first, figure, script),
            )
            for figure in (WALL, CPU)
            for script in (ONE, ALL)
        ]
    return found


def _take_turns(count: int, sides: list[Side], first: Case, again: Case) -> None:
    with tempfile.TemporaryDirectory(prefix="pgtls-bench-", dir="/var/tmp") as name:
        directories = {side.name: Path(name) / f"side{number}" for number, side in enumerate(sides)}
        for directory in directories.values():
            _prepare(directory, count)
        scripts = {ONE: _script(count, 1), ALL: _script(count, len(os.sched_getaffinity(0)))}
        three = {FLOOR: _playing(sides[0], directories[OURS], HERE / "three_tasks.yml", changes=False)}
        works = {
            side.name: _playing(side, directories[side.name], HERE / "certificates.yml", changes=True) for side in sides
        }
        take_turns(first, {**works, **scripts, **three})
        works = {
            side.name: _playing(side, directories[side.name], HERE / "certificates.yml", changes=False)
            for side in sides
        }
        take_turns(again, {**works, **three})


def _prepare(directory: Path, count: int) -> None:
    directory.mkdir()
    clients = [
        {
            "name": f"client{number}",
            "common_name": f"client {number}",
            "database_role": f"client{number}",
            "hosts": ["holder"],
        }
        for number in range(count)
    ]
    about = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "pgtls_ca_host": "authority",
        "pgtls_ca_directory": str(directory / "ca"),
        "pgtls_client_directory": str(directory / "clients"),
        "pgtls_clients": clients,
    }
    groups: dict[str, Any] = {"ca": {"hosts": {"authority": {}}}, "postgres_clients": {"hosts": {"holder": {}}}}
    (directory / "inventory.json").write_text(json.dumps({"all": {"vars": about, "children": groups}}))


def _playing(side: Side, directory: Path, playbook: Path, changes: bool) -> Callable[[], Figures]:
    command = playbook_command(playbook, "-i", str(directory / "inventory.json"))

    def work() -> Figures:
        figures, said = side.play(command, quiet_environment(directory))
        if bool(changed(said)) != changes:
            raise CommandFailed(f"{said}\nThe run above was {'' if changes else 'not '}to change something.")
        return figures

    return work


def _script(count: int, processes: int) -> Callable[[], Figures]:
    command = [sys.executable, str(HERE / "raw_certificates.py"), str(count), str(processes)]
    return lambda: run(command, CHECKOUT)[0]


def _over_both(case: Case, figure: str, script: str) -> float:
    return case.median(OURS, figure) / (case.median(script, figure) + case.median(FLOOR, figure))
