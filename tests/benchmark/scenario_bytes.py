# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converged run sends to its hosts: bytes in all and for each module call, with pipelining as in ansible.cfg.

The same run sends the same bytes each time, so one turn is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measuring import OURS, Case, Derived, Figures, Found, run, take_turns
from peers import peers_command, peers_play
from sides import our_sides
from sites import SAME_KEYS, converging, floor_command, let_local_users_in, new_site
from wanted import CHECKOUT, Wanted

PLUGINS = Path(__file__).with_name("connection_plugins")
Transfer = dict[str, Any]
FIGURES = ("kib", "calls", "kib_per_call")


def measure(asked: Wanted) -> Found:
    """Count the bytes of a converged run of ours, of the peers and of the floor, and of each host and module of ours."""
    case = Case("bytes", "converged", FIGURES)
    (ours,) = our_sides(None)
    with new_site() as site, new_site() as theirs:
        let_local_users_in(theirs)
        converging(ours, site, *SAME_KEYS)()
        peers_play(theirs)()
        counting = {**site.environment, **ours.environment}
        sent = _sent(site.command("site", *SAME_KEYS), site.directory, counting)
        sides = {
            OURS: sent,
            "peers": _sent(peers_command(theirs), theirs.directory, theirs.environment),
            "floor": _sent(floor_command(site), site.directory, counting),
        }
    take_turns(case, {side: partial(_figures, noted) for side, noted in sides.items()})
    return Found([case], [*_shares(sent, "host"), *_shares(sent, "module")])


def _shares(sent: list[Transfer], part: str) -> Iterator[Derived]:
    """The module calls of each host, or of each module, and what one takes."""
    calls = [one for one in sent if one["module"]]
    for name in sorted({one[part] for one in calls}):
        sizes = [one["bytes"] for one in calls if one[part] == name]
        yield Derived("bytes", f"{name.rpartition('.')[2]}, calls", len(sizes))
        yield Derived("bytes", f"{name.rpartition('.')[2]}, KiB per call", sum(sizes) / len(sizes) / 1024)


def _sent(command: list[str], directory: Path, environment: dict[str, str]) -> list[Transfer]:
    """The transfers of a run, each with its host, its size and the module that it is about, if any."""
    sizes = directory / "bytes.jsonl"
    counting = {"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS), "PGTLS_BENCH_BYTES": str(sizes)}
    options = ["-e", "ansible_connection=counted"]
    run([*command, *options], CHECKOUT, {**environment, **counting})
    noted = [json.loads(line) for line in sizes.read_text().splitlines()]
    sizes.unlink()
    return noted


def _figures(sent: list[Transfer]) -> Figures:
    kib = sum(one["bytes"] for one in sent) / 1024
    calls = sum(1 for one in sent if one["module"])
    return {"kib": kib, "calls": float(calls), "kib_per_call": kib / calls}
