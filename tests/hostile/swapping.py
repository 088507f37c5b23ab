# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process of a hostile user that swaps two names as fast as it can, while root runs a module on one of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from actors import Stage
from every_path import Tries, calls_at, clear_away, found_in, judge, remove, sample, set_ids
from hostile_users import PYTHON
from planted_kinds import Spot, make_way, put
from treasury import Treasury
from worlds import Call, World

# Swaps until another line comes; renameat2(2) with RENAME_EXCHANGE, and plain moves where one of the names is missing.
_SWAPPER = r"""
import ctypes, json, os, select
libc = ctypes.CDLL(None, use_errno=True)
EXCHANGE, HERE = 2, -100
def swap(one, other):
    if libc.renameat2(HERE, one, HERE, other, EXCHANGE) == 0:
        return
    for source, target in ((other, one), (one, other)):
        if not os.path.lexists(target):
            try:
                os.rename(source, target)
                return
            except OSError:
                pass
for line in open(0, 'rb', buffering=0):  # nothing is read ahead, so that select knows of the next line
    order = json.loads(line)
    turns = 0
    if order:
        one, other = (os.fsencode(name) for name in order)
        while turns % 16 or not select.select([0], [], [], 0)[0]:
            swap(one, other)
            turns += 1
            if turns == 16:
                print('at work', flush=True)
        print(turns, flush=True)
"""
FOR_FILES = (
    "link",
    "link to another",
    "link to what all may read",
    "link to a set-id file of root",
    "link through /proc",
    "hard link",
    "hard link to another",
    "hard link to a set-id file of root",
    "pipe",
    "device",
    "sparse file",
)
FOR_DIRECTORIES = ("link", "link to what all may read", "link through /proc", "pipe")


class Swapper:
    """The process, which waits for two names."""

    def __init__(self, uid: int) -> None:
        words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", PYTHON, "-c", _SWAPPER]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turns = 0

    def __enter__(self) -> Swapper:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    @contextmanager
    def swapping(self, one: str, other: str) -> Iterator[None]:
        """Swap them all the while."""
        assert self.process.stdout is not None
        self._say([one, other])
        self.process.stdout.readline()
        yield
        self._say(None)  # which ends the turns
        self.turns += int(self.process.stdout.readline())

    def _say(self, order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()


def swaps_of(world: World, of_directories: bool) -> list[tuple[str, str]]:
    """Every path of directories, or of files, with every kind that can take its place."""
    return [
        (path, kind)
        for path in sorted(world.touched)
        for kind in (FOR_DIRECTORIES if of_directories else FOR_FILES)
        if is_directory(world, path) is of_directories and path != world.folder
    ]


def is_directory(world: World, path: str) -> bool:
    item = world.belongs(path)
    return item is not None and item.kind == "directory"


def try_swap(
    stage: Stage, treasury: Treasury, world: World, swapper: Swapper, swap: tuple[str, str], call: Call, runs: int
) -> Tries:
    """Run a module again and again while a path is now the honest one, now something of the other kind."""
    path, kind = swap
    tries, other, turns = Tries(), path + ".other", swapper.turns
    for _run in range(runs):
        spot = Spot(other, world.uid, world.belongs(path), treasury, world.is_alive, source=path)
        make_way(spot)
        put(kind, spot)
        device = other if kind == "device" else None
        with treasury.guarded(device, kind.startswith("hard link")) as touched, swapper.swapping(path, other):
            run, left = stage.run_within(world.seconds, call.module, call.args)
        problems = [*judge(run, left, treasury.secrets()), *touched, *found_in(world, treasury)]
        problems += set_ids(world, treasury, None)
        tries.count += 1
        tries.paths.add(os.path.relpath(path, world.folder))
        tries.note(f"{kind} swapped with {path}, {call.title}", problems)
        put_in_order(path, other, kind)
        world.reset()
        treasury.empty()
    assert swapper.turns > turns + runs, f"{path} and {other} were not swapped"
    return tries


def put_in_order(path: str, other: str, kind: str) -> None:
    """Remove what was planted, under whichever name it is now."""
    if os.path.isdir(other) and not os.path.islink(other) and not os.path.isdir(path):
        remove(path)
        os.rename(other, path)
    elif os.path.isdir(path) and not os.path.islink(path) or kind in FOR_FILES:
        remove(other)
    clear_away(path)


def swap_some(
    stage: Stage, treasury: Treasury, world: World, few: int, runs: int, record: Callable[[str, Any], None]
) -> None:
    """Try a few of the swaps of a world, and say which."""
    tries = Tries()
    with Swapper(world.uid) as swapper:
        for of_directories in (True, False):
            for swap in sample(swaps_of(world, of_directories), few, f"{world.title} swaps {of_directories}"):
                call = calls_at(world, *swap)[0]
                tries.add(try_swap(stage, treasury, world, swapper, swap, call, runs))
    title = f"{world.title}, swaps"
    record("tries", {"world": title, "kind": "swap", "tries": tries.count, "paths": sorted(tries.paths)})
    assert not tries.problems, "\n".join(tries.problems)
