# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs on one machine want the same directory at the same time."""

from __future__ import annotations

import os

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.errors import ModuleError
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.required_directories import (
    make_directories,
    plan_directories,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import Writer

WRITER = Writer(check_mode=False, warn=print, set_label=lambda *_given: None)
WANTED = {"owner": None, "group": None, "mode": "0750", "parent_mode": None}


@pytest.mark.parametrize("content", [[], ["app1.key"]], ids=["empty", "in use"])
def test_a_directory_that_another_run_made_meanwhile_is_taken_as_it_is(tmp_path, content):
    path = tmp_path / "above" / "clients"
    plans = plan_directories([{**WANTED, "path": str(path)}])
    make_directories(WRITER, plans)
    for name in content:
        (path / name).write_text("in use")
    inode = path.stat().st_ino
    make_directories(WRITER, plans)
    assert (path.stat().st_ino, os.listdir(path)) == (inode, content)


def test_a_directory_that_somebody_made_otherwise_is_left_alone(tmp_path):
    path = tmp_path / "clients"
    plans = plan_directories([{**WANTED, "path": str(path)}])
    path.mkdir(0o777)
    with pytest.raises(ModuleError, match="was changed by somebody else during this run"):
        make_directories(WRITER, plans)
    assert os.listdir(tmp_path) == ["clients"]
