# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every line of the tables in docs/security-model.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs/security-model.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
CLAIMS = [line for line in ROWS if not line.endswith("| proof |")]


def test_the_page_has_its_tables() -> None:
    assert len(CLAIMS) >= 25 and len(ROWS) - len(CLAIMS) == 6


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.split("|")[1].strip()[:60])
def test_a_claim_names_the_tests_that_prove_it(claim: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", claim.rsplit("|", 2)[1])
    assert named
    for file, test in named:
        assert re.search(rf"^def {test}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"
