# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites with many servers, first and converged. All servers are clusters of this machine, on local connections."""

from __future__ import annotations

from measuring import CPU, WALL, Case, Derived, Found, take_turns
from sides import Side, our_sides
from sites import SAME_KEYS, converging, converging_again, site_of_servers
from wanted import Wanted


def measure(asked: Wanted) -> Found:
    """Converge 5, 10 and 20 servers from nothing, and run again."""
    (ours,) = our_sides(None)
    sizes = asked.sizes(5, 10, 20)
    cases = {which: Case("servers", which) for which in ("first", "converged")}
    for _turn in range(asked.pairs):
        for size in sizes:
            _take_turn(ours, size, cases)
    derived = [
        Derived(
            "servers", f"{case.name}, {figure}: a server of {sizes[-1]} costs this many times one of {sizes[0]}", share
        )
        for case in cases.values()
        for figure in (WALL, CPU)
        for share in [_per_server(case, figure, sizes[-1]) / _per_server(case, figure, sizes[0])]
    ]
    return Found(list(cases.values()), derived)


def _take_turn(ours: Side, size: int, cases: dict[str, Case]) -> None:
    with site_of_servers(size) as (site, more):
        take_turns(cases["first"], {_side(size): converging(ours, site, *SAME_KEYS, *more)})
        take_turns(cases["converged"], {_side(size): converging_again(ours, site, *SAME_KEYS, *more)})


def _side(size: int) -> str:
    return f"{size} servers"


def _per_server(case: Case, figure: str, size: int) -> float:
    return case.median(_side(size), figure) / size
