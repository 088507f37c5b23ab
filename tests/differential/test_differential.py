# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few hundred files a version: the long run is ``make differential``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import compare
import logins
import pytest
import servers

FILES = int(os.environ.get("PGTLS_DIFFERENTIAL_FILES", "300"))
LOGIN_FILES = int(os.environ.get("PGTLS_DIFFERENTIAL_LOGINS", "10"))
SEED = "pgtls"
WANTED = [int(word) for word in os.environ.get("PGTLS_DIFFERENTIAL_VERSIONS", "").split()]


@pytest.fixture(scope="module", params=WANTED or servers.available_versions())
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    with servers.running(request.param, listen="127.0.0.1") as running:
        yield running


@pytest.mark.parametrize("kind", compare.KINDS)
def test_our_verdict_is_that_of_the_server(server: servers.Server, kind: str) -> None:
    (tally,) = compare.compare(server, [kind], FILES, SEED, patience=5)
    assert not tally.disagreements, "\n\n".join(map(str, tally.disagreements))
    assert tally.lines > tally.files / 2  # they did say something


def test_explained_connections_end_as_explained(server: servers.Server) -> None:
    tally = logins.compare(server, LOGIN_FILES, SEED)
    assert not tally.differences, "\n\n".join(tally.differences[:5])
    assert tally.accepted and tally.rules
