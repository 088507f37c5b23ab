# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that connect all the time: pgbench, one connection for each of its transactions, with a client's own files.

pgbench gives up a client at its first failed connection, so it runs in short rounds, and the next round tries again.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROUND_SECONDS = 2
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_GAVE_UP = re.compile(r"client \d+ .*aborted|could not create connection for setup")


@dataclass
class Load:
    """What came of it, told by the step that was under way; a failure is what pgbench said about it."""

    step: str = "begin"
    connections: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def figures(self) -> str:
        """Connections and failures of each step, and of all."""
        failed = Counter(step for step, _said in self.failures)
        lines = [f"{step}: {count} connections, {failed[step]} failed" for step, count in self.connections.items()]
        return "\n".join([*lines, f"all: {self.connections.total()} connections, {failed.total()} failed"])

    def connect(self, command: list[str]) -> None:
        """Run rounds of this pgbench until it is over."""
        while not self.over.is_set():
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            step = self.step
            count = _DONE.search(done.stdout)
            # pgbench connects once more than it counts, to look at the server before its clients come
            self.connections[step] += 0 if count is None else int(count.group(1)) + 1
            gave_up = len(_GAVE_UP.findall(done.stderr))
            self.failures += [(step, done.stderr)] * (gave_up or int(done.returncode != 0))


@contextmanager
def connecting_load(
    directory: Path, conninfos: list[Mapping[str, str]], clients: int = 2, rate: int = 20
) -> Iterator[Load]:
    """Connect for as long as the block lasts.

    :param directory: where the script of pgbench may be.
    :param conninfos: how each application connects, in libpq's words; each is a process of its own.
    :param clients: connections that an application opens at once.
    :param rate: connections that an application opens in a second.
    """
    script = directory / "load.sql"
    script.write_text("SELECT 1;\n")
    pgbench = [_program(), "-n", "-C", "-c", str(clients), "-R", str(rate), "-T", str(ROUND_SECONDS), "-f", str(script)]
    load = Load()
    threads = [
        threading.Thread(target=load.connect, args=([*pgbench, " ".join(f"{key}={info[key]}" for key in info)],))
        for info in conninfos
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()


def _program() -> str:
    """The newest pgbench of this machine."""
    found = glob.glob("/usr/lib/postgresql/*/bin/pgbench") + glob.glob("/usr/pgsql-*/bin/pgbench")
    newest = max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", path)], default="")
    program = newest or shutil.which("pgbench") or ""
    assert os.access(program, os.X_OK), "pgbench is needed (Debian: apt-get install postgresql)"
    return program
