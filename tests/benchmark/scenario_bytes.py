# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converged run sends to its hosts: bytes in all and for each module call, with pipelining as in ansible.cfg.

The same run sends the same bytes each time, so one turn is enough.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from measuring import OURS, Case, Derived, Figures, Found, run, take_turns
from peers import peers_command, peers_play
from sides import our_sides
from sites import SAME_KEYS, converging, floor_command, let_local_users_in, new_site
from wanted import CHECKOUT, Wanted

PLUGINS = Path(__file__).with_name("connection_plugins")
FIGURES = ("kib", "calls", "kib_per_call")


def measure(asked: Wanted) -> Found:
    """Count the bytes of a converged run of ours, of the peers and of the floor, and of each module of ours."""
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
    derived = [
        Derived("bytes", f"{module}, KiB per call of {len(sizes)}", sum(sizes) / len(sizes) / 1024)
        for module, sizes in sorted(_by_module(sent).items())
    ]
    return Found([case], derived)


def _sent(command: list[str], folder: Path, environment: dict[str, str]) -> list[tuple[str | None, int]]:
    """The transfers of a run: the module that each is about, if any, and its size."""
    sizes = folder / "bytes.jsonl"
    counting = {"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS), "PGTLS_BENCH_BYTES": str(sizes)}
    options = ["-e", "ansible_connection=counted"]
    run([*command, *options], CHECKOUT, {**environment, **counting})
    noted = [json.loads(line) for line in sizes.read_text().splitlines()]
    sizes.unlink()
    return [(one["module"], one["bytes"]) for one in noted]


def _by_module(sent: list[tuple[str | None, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for module, size in sent:
        if module:
            found.setdefault(module.rpartition(".")[2], []).append(size)
    return found


def _figures(sent: list[tuple[str | None, int]]) -> Figures:
    kib = sum(size for _module, size in sent) / 1024
    calls = sum(1 for module, _size in sent if module)
    return {"kib": kib, "calls": float(calls), "kib_per_call": kib / calls}
