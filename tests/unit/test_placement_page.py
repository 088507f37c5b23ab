# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the page "How a rule finds its place" are what pg_hba does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from module_runner import run_module

PAGE = Path(__file__).resolve().parents[2] / "docs/how-a-rule-finds-its-place.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```\n```before\n(.*?)^```\n```after\n(.*?)^```\n", re.MULTILINE | re.DOTALL)

SECTIONS = SECTION.findall(PAGE.read_text(encoding="utf-8"))
EXAMPLES = [pytest.param(*found, id=title) for title, body in SECTIONS for found in EXAMPLE.findall(body)]


@pytest.mark.parametrize(("task", "before", "after"), EXAMPLES)
def test_the_example_is_true_and_the_second_run_changes_nothing(
    tmp_path: Path, task: str, before: str, after: str
) -> None:
    path = tmp_path / "pg_hba.conf"
    path.write_text(before, encoding="utf-8")
    args = {"path": str(path), "server_version": 17, "validate": "syntax", **yaml.safe_load(task)}
    done = run_module("pg_hba", args)
    assert not done["failed"], done["msg"]
    assert path.read_text(encoding="utf-8") == after
    assert not run_module("pg_hba", args)["changed"]


def test_every_section_but_the_last_has_an_example() -> None:
    assert len(EXAMPLES) == len(SECTIONS) - 1
