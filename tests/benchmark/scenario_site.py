# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first and the converged run of a whole site, against the peers' way to the same end state and the floor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from measuring import Case, Figures, Found, take_turns
from peers import peers_play
from sides import Side, our_sides
from sites import SAME_KEYS, converging, converging_again, floor, let_local_users_in, new_site, without_proofs
from wanted import Wanted

PEERS, FLOOR = "peers", "floor"


def measure(asked: Wanted) -> Found:
    """Bring up sites from nothing and run again on each; without verify only the second time."""
    first, again, bare = (Case("site", name) for name in ("first", "converged", "converged, without verify"))
    for _pair in range(asked.pairs):
        _take_turns(our_sides(asked.against), first, again, bare)
    return Found([first, again, bare])


def _take_turns(sides: list[Side], first: Case, again: Case, bare: Case) -> None:
    with ExitStack() as stack:
        sites = [stack.enter_context(new_site()) for _side in sides]
        theirs = stack.enter_context(new_site())
        let_local_users_in(theirs)

        def works(work: Callable[..., Callable[[], Figures]]) -> dict[str, Callable[[], Figures]]:
            return {side.name: work(side, site, *SAME_KEYS) for side, site in zip(sides, sites, strict=True)}

        others = {PEERS: peers_play(theirs, unchanged=True), FLOOR: floor(sides[0], sites[0])}
        take_turns(first, {**works(converging), PEERS: peers_play(theirs)})
        take_turns(again, {**works(converging_again), **others})
        take_turns(bare, {**works(without_proofs), **others})
