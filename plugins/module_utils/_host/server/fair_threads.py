# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several pieces of work at a time, so that whoever answers late holds up nobody else.

What runs in these threads must change nothing that belongs to the whole process: no environment, identity, directory or mask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

Work = TypeVar("Work")
Done = TypeVar("Done")


def in_threads(
    work: Sequence[Work], do: Callable[[Work], Done], parallel: int, group: Callable[[Work], Hashable]
) -> list[Done]:
    """Do each piece of work and return what came of it, in the order of the work.

    Next is always the group of which the fewest are being done, so one that hangs keeps its share of the threads and no more,
    as long as others have something to do. The first error is raised when all is done.
    """
    if parallel <= 1:
        return [do(one) for one in work]
    queue = _FairQueue(work, group)
    results: dict[int, Done] = {}

    def do_what_is_left() -> None:
        for index, one in queue:
            try:
                results[index] = do(one)
            finally:
                queue.is_done(one)

    threads = min(parallel, len(work)) or 1
    with ThreadPoolExecutor(threads) as pool:
        started = [pool.submit(do_what_is_left) for _thread in range(threads)]
    for one in started:
        one.result()
    return [results[index] for index in range(len(work))]


class _FairQueue(Generic[Work]):
    """Work that is waiting, by group, and how much of each group is being done."""

    def __init__(self, work: Sequence[Work], group: Callable[[Work], Hashable]) -> None:
        self._group = group
        self._waiting: dict[Hashable, deque[tuple[int, Work]]] = {}
        self._running: dict[Hashable, int] = {}
        self._lock = Lock()
        for index, one in enumerate(work):
            self._waiting.setdefault(group(one), deque()).append((index, one))

    def __iter__(self) -> _FairQueue[Work]:
        return self

    def __next__(self) -> tuple[int, Work]:
        with self._lock:
            if not self._waiting:
                raise StopIteration
            chosen = min(self._waiting, key=lambda group: self._running.get(group, 0))
            found = self._waiting[chosen].popleft()
            if not self._waiting[chosen]:
                del self._waiting[chosen]
            self._running[chosen] = self._running.get(chosen, 0) + 1
            return found

    def is_done(self, one: Work) -> None:
        """Count a piece of work as no longer being done."""
        with self._lock:
            self._running[self._group(one)] -= 1
