# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the makers of this folder are found, and its servers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from clusters import Cluster, make_cluster
from forms import prepare

__all__ = ["make_cluster"]


@pytest.fixture(scope="session")
def server(make_cluster: Callable[[], Cluster]) -> Cluster:
    """Return a server that lets in the holders of certificates alone."""
    cluster = make_cluster()
    prepare(cluster)
    return cluster
