# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A try: a hostile user puts something in the place of one path, root runs a module, and nothing of root is touched.

PGTLS_HOSTILE_TRIES says how many paths each kind of thing is put at in each world ("all": at every one), PGTLS_HOSTILE_SEED
which ones.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from actors import Run, Stage
from planted_kinds import Spot, is_for, let_go, plant
from treasury import Treasury, readable, set_id_bits
from worlds import Call, World

SEED = os.environ.get("PGTLS_HOSTILE_SEED", "")
TRIES = os.environ.get("PGTLS_HOSTILE_TRIES", "")
IS_ALL = TRIES == "all"


def sample(paths: list[Any], few: int, name: str) -> list[Any]:
    """All of them in the long form, else a few."""
    if IS_ALL:
        return paths
    return random.Random(f"{SEED} {name}").sample(paths, min(int(TRIES or few), len(paths)))


@dataclass
class Tries:
    """What became of the tries of one kind in one world."""

    count: int = 0
    paths: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, other: Tries) -> None:
        self.count += other.count
        self.paths |= other.paths
        self.problems += other.problems

    def note(self, where: str, problems: list[str]) -> None:
        self.problems += [f"{where}: {problem}" for problem in problems]


def try_kind(stage: Stage, treasury: Treasury, world: World, kind: str, few: int) -> Tries:
    """Put things of one kind at paths of a world, and run whatever touches them, in check mode and for good."""
    tries = Tries()
    paths = [path for path in sorted(world.touched) if is_for(kind, world.belongs(path))]
    for path in sample(paths, few, f"{world.title} {kind}"):
        for call in calls_at(world, path, kind):
            with planted(treasury, world, kind, path) as spot:
                problems = attempt(stage, treasury, world, kind, spot, call)
            tries.count += 2
            tries.paths.add(os.path.relpath(path, world.folder))
            tries.note(f"{kind} at {path}, {call.title}", problems)
    return tries


def calls_at(world: World, path: str, kind: str) -> list[Call]:
    """The runs that touch a path: all of them in the long form, one where a server works."""
    calls = [call for call in world.calls if call.title in world.touched[path]]
    if IS_ALL and not world.is_alive:
        return calls
    return random.Random(f"{SEED} {os.path.basename(path)} {kind}").sample(calls, 1)


@contextmanager
def planted(treasury: Treasury, world: World, kind: str, path: str) -> Iterator[Spot]:
    """Something of a kind in the place of a path, and all as it was in the end."""
    spot = Spot(path, world.uid, world.belongs(path), treasury, world.is_alive)
    try:
        plant(kind, spot)
        yield spot
    finally:
        clear_away(path)
        world.reset()
        treasury.empty()


def clear_away(path: str) -> None:
    """Remove what was planted, and let a directory have its name again."""
    aside = path + ".aside"
    if os.path.lexists(aside):
        remove(path)
        os.rename(aside, path)


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        let_go(path)
        os.unlink(path)


def attempt(stage: Stage, treasury: Treasury, world: World, kind: str, spot: Spot, call: Call) -> list[str]:
    """Run a module in check mode and for good; say what is wrong about it."""
    problems: list[str] = []
    device = spot.path if kind == "device" else None
    own = node(spot.path) if kind.startswith("set-id") else None
    with treasury.guarded(device, kind.startswith("hard link")) as touched:
        for check in (True, False):
            run, left = stage.run_within(world.seconds, call.module, call.args, check=check)
            problems += [f"{'check mode: ' if check else ''}{one}" for one in judge(run, left, treasury.secrets())]
            if run.killed:
                break
    problems += touched
    problems += found_in(world, treasury)
    problems += set_ids(world, treasury, own)
    return problems


def judge(run: Run, left: list[str], secrets: list[bytes]) -> list[str]:
    """What is wrong about the end of a run."""
    if run.killed:
        return [f"it did not end within {run.seconds:.0f} seconds"]
    problems = [f"it left the process {one} behind" for one in left]
    try:
        message = str(run.result.get("msg", ""))
    except (AssertionError, ValueError):
        return [*problems, f"it gave no result: {run.text[-600:]}"]
    if "Traceback" in run.text or "\n" in message or "Errno" in message:
        problems.append(f"its message is no sentence: {message}")
    if any(secret.decode("latin-1") in run.text for secret in secrets):
        problems.append(f"its result holds a secret of root: {message}")
    return problems


def found_in(world: World, treasury: Treasury) -> list[str]:
    """Secrets that are root's alone, in files that are not root's own under another name."""
    own_words = [item.content for item in world.honest.values() if item.content]
    secrets = [one for one in treasury.secrets() if not any(one in words for words in own_words)]
    if not secrets:
        return []
    own = {node(path) for path in treasury.before}
    return [
        f"{path} holds a secret of root"
        for path, status, content in readable(world.folder)
        if (status.st_dev, status.st_ino) not in own
        if any(secret in content for secret in secrets)
    ]


def set_ids(world: World, treasury: Treasury, own: tuple[int, int] | None) -> list[str]:
    """Set-id bits but those of root's own file, and those that the user gave to a file of his own, under whichever names."""
    roots = {node(path) for path in treasury.before}
    return [
        f"{path} of uid {uid} has mode {mode:04o}"
        for path, (uid, mode) in set_id_bits(world.folder).items()
        if node(path) not in roots and not (node(path) == own and uid == world.uid)
    ]


def node(path: str) -> tuple[int, int]:
    """What a file is, whatever it is called."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino
