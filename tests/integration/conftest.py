# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the makers of this folder are found, its fixtures, and the order of its tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # whatever pytest's import mode
from clusters import cluster, converged, converged_sites, fresh_cluster, make_cluster, site, standby_of

__all__ = ["cluster", "converged", "converged_sites", "fresh_cluster", "make_cluster", "site", "standby_of"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the sites, which take longest, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: not item.path.name.startswith("test_site"))
