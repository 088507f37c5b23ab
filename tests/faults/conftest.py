# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stage, a server, the seed and the closing table of the fault tests.

PGTLS_FAULTS_KILLS says how many kills there are in all (60), PGTLS_FAULTS_SEED which ones.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from actors import Stage
from clusters import cluster, fresh_cluster, make_cluster

__all__ = ["cluster", "fresh_cluster", "make_cluster"]

KILLS = int(os.environ.get("PGTLS_FAULTS_KILLS", "60"))
LONG_FORM = 500
SEED = int(os.environ.get("PGTLS_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
COLUMNS = ("module", "kills", "in_time", "leftovers", "finished_by_next", "looks_at_keys", "server_starts")


class Faults:
    """How many kills a module gets, which, and what became of them."""

    rows: list[dict[str, Any]] = []
    notes: list[str] = []

    def kills(self, share: int) -> int:
        return max(2, round(KILLS * share / 1000))

    def chance(self, name: str) -> random.Random:
        return random.Random(f"{SEED} {name}")

    def some(self, moments: Sequence[int], name: str, few: int) -> list[int]:
        """All moments in the long form, a few of them in the short one."""
        wanted = few if KILLS < LONG_FORM else len(moments)
        return sorted(self.chance(name).sample(list(moments), min(wanted, len(moments))))

    def spread(self, many: int, name: str, few: int) -> range:
        """The numbers from 1 to many: all in the long form, else a few with equal gaps."""
        gap = 1 if KILLS >= LONG_FORM else max(1, many // few)
        return range(self.chance(name).randint(1, gap), many + 1, gap)

    def count(self, **row: Any) -> None:
        self.rows.append(row)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture(scope="session")
def faults() -> Faults:
    return Faults()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    write = terminalreporter.write_line
    write(f"PGTLS_FAULTS_KILLS={KILLS} PGTLS_FAULTS_SEED={SEED}")
    if Faults.rows:
        total = {name: sum(row[name] for row in Faults.rows) for name in COLUMNS[1:]}
        for row in ({name: name.replace("_", " ") for name in COLUMNS}, *Faults.rows, {"module": "all", **total}):
            first, *others = (str(row[name]) for name in COLUMNS)
            write(f"{first:<30}" + "".join(f"{text:>16}" for text in others))
    for note in Faults.notes:
        write(note)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


@pytest.fixture
def scene_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a killed process leaves the same behind, and fsync costs nothing."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="pgtls-scene-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def shown_trust_store(scene_folder: Path) -> Iterator[tuple[Stage, Path, Path]]:
    """A stage in a mount namespace of its own, in which the trust store of this host is a small one of ours."""
    anchors, certificates, conf = (scene_folder / name for name in ("anchors", "certificates", "ca-certificates.conf"))
    anchors.mkdir()
    certificates.mkdir()
    conf.write_text("".join(Path("/etc/ca-certificates.conf").read_text().splitlines(keepends=True)[-3:]))
    places = {
        anchors: "/usr/local/share/ca-certificates",
        certificates: "/etc/ssl/certs",
        conf: "/etc/ca-certificates.conf",
    }
    binds = [f"mount --bind {shown} {place}" for shown, place in places.items()]
    mounts = " && ".join([*binds, "update-ca-certificates >&2", 'exec "$@"'])
    made = Stage("unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh")
    yield made, anchors, certificates
    made.close()
