# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hostile tests start with, and the end that each of them has. `make hostile` runs them in namespaces of their own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(HERE.parent / "faults")]
from clusters import cluster, converged, converged_sites, fresh_cluster, make_cluster, site

__all__ = ["cluster", "converged", "converged_sites", "fresh_cluster", "make_cluster", "site"]
SECONDS = 240  # far more than any test needs on a busy machine


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
