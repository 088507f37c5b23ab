# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the makers of this folder are found, its fixtures and its seed.

PGTLS_FUZZ_VALUES says how many values each option gets (1), ``all`` is every one; PGTLS_FUZZ_SEED which.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
# One for all processes of a run.
os.environ.setdefault("PGTLS_FUZZ_SEED", "1")

from clusters import Cluster, cluster, make_cluster
from playground import Playground

__all__ = ["cluster", "make_cluster"]


def pytest_report_header() -> str:
    return f"PGTLS_FUZZ_SEED={os.environ['PGTLS_FUZZ_SEED']}"


@pytest.fixture(scope="session")
def ground(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    yield Playground(tmp_path_factory.mktemp("fuzz"), cluster)
