# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hostile tests start with, and the end that each of them has. `make hostile` runs them in namespaces of their own."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(HERE.parent / "faults")]
from actors import Stage
from clusters import cluster, converged, converged_sites, fresh_cluster, make_cluster, site

# One for all processes of a run.
os.environ.setdefault("PGTLS_HOSTILE_SEED", str(random.SystemRandom().randrange(10**6)))

from openssl_authority import new_authority
from server_worlds import RunningWorld, connecting_world, shared_worlds, stopped_worlds
from treasury import Spoils, Treasury
from worlds import Authority, World, client_worlds, command_worlds, exchange_worlds

__all__ = ["cluster", "converged", "converged_sites", "fresh_cluster", "make_cluster", "site"]
# Far more than any test needs on a busy machine; where everything is tried, a test tries hundreds of things.
SECONDS = 7200 if os.environ.get("PGTLS_HOSTILE_TRIES") == "all" else 480


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """End a test that waits for ever, which is what a hostile user would have it do."""

    def end(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"{item.nodeid} did not end within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the sites, which take longest."""
    items.sort(key=lambda item: not item.path.name.startswith("test_site"))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


@pytest.fixture(scope="module")
def treasury(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Treasury]:
    """Things of root that nobody else may touch."""
    pair = new_authority(tmp_path_factory.mktemp("spoils") / "ca", "Another CA").pair
    made = Treasury(Spoils(Path(pair.key).read_bytes(), Path(pair.certificate).read_bytes()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def explored(stage: Stage) -> Iterator[Callable[[str], World]]:
    """Return a function that returns a world, with the paths that are touched in it."""
    authority = Authority(stage)
    makers = {"home": client_worlds, "exchange": exchange_worlds, "cluster": stopped_worlds}
    makers |= {"command": command_worlds, "shared": shared_worlds}
    worlds: dict[str, World] = {}

    def explore(title: str) -> World:
        if title not in worlds:
            worlds.update({world.title: world for world in makers[title.partition(",")[0]](stage, authority)})
        if not worlds[title].touched:
            worlds[title].explore(stage)
        return worlds[title]

    yield explore
    for world in worlds.values():
        world.close()
    authority.close()


@pytest.fixture(scope="module")
def running(stage: Stage, tmp_path_factory: pytest.TempPathFactory, make_cluster: Any) -> RunningWorld:
    """Return the world of a server at work, with the paths that are touched in it."""
    world = RunningWorld(stage, tmp_path_factory.mktemp("running"), make_cluster())
    world.explore(stage)
    return world


@pytest.fixture(scope="module")
def connecting(stage: Stage, running: RunningWorld) -> Iterator[World]:
    """Return the world of a client of that server."""
    authority = Authority(stage)
    world = connecting_world(stage, authority, running.cluster)
    world.explore(stage)
    yield world
    world.close()
    authority.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many paths were touched by hostile hands, and how often."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    rows = [dict(report.user_properties)["tries"] for report in reports if dict(report.user_properties).get("tries")]
    write = terminalreporter.write_line
    write(f"PGTLS_HOSTILE_SEED={os.environ['PGTLS_HOSTILE_SEED']}")
    for title in dict.fromkeys(row["world"] for row in rows):
        mine = [row for row in rows if row["world"] == title]
        paths = {path for row in mine for path in row["paths"]}
        write(f"{title:<40}{len(paths):>6} paths{sum(row['tries'] for row in mine):>8} tries")
    if rows:
        paths = {(row["world"], path) for row in rows for path in row["paths"]}
        write(f"{'all worlds':<40}{len(paths):>6} paths{sum(row['tries'] for row in rows):>8} tries")
