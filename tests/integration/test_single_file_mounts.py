# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is a mount of its own, as containers have them: refused, or overwritten in place where the task says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from module_runner import run_module

EDITS: dict[str, tuple[str, dict[str, Any]]] = {
    "pg_hba": ("pg_hba.conf", {"rules": [{"type": "local", "user": "u", "method": "reject"}]}),
    "pg_ident": ("pg_ident.conf", {"mappings": [{"map": "m", "system_user": "x", "database_user": "y"}]}),
    "pg_conf": ("postgresql.conf", {"settings": {"work_mem": "5MB"}}),
}


@pytest.fixture
def mounted(cluster: Any, tmp_path: Path, request: Any) -> Iterator[Path]:
    """A file of the server under a mount of a copy of it, by a name with a blank."""
    path = Path(cluster.data_directory, EDITS[request.param][0])
    outside = tmp_path / "the file"
    before = path.read_bytes()
    outside.write_bytes(before)
    status = path.stat()
    os.chown(outside, status.st_uid, status.st_gid)
    outside.chmod(status.st_mode & 0o777)
    subprocess.run(["mount", "--bind", str(outside), str(path)], check=True)
    yield outside
    subprocess.run(["umount", str(path)], check=True)
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize(("mounted", "module"), [(module, module) for module in EDITS], indirect=["mounted"])
def test_a_mounted_file_is_overwritten_only_where_the_task_says_so(cluster: Any, mounted: Path, module: str) -> None:
    name, args = EDITS[module]
    task = {"path": os.path.join(cluster.data_directory, name), "validate": "server", **args, **cluster.login}
    before, status = mounted.read_bytes(), mounted.stat()
    for check in (True, False):
        refused = run_module(module, task, check=check)
        assert refused["failed"] and "is a mount of its own" in refused["msg"], refused
        assert "set unsafe_writes to true" in refused["msg"]
    task["unsafe_writes"] = True
    assert run_module(module, task, check=True)["changed"]
    assert mounted.read_bytes() == before
    done = run_module(module, {**task, "backup": True, "mode": "0640"})
    assert done["changed"], done
    assert [one for one in done["warnings"] if "was overwritten in place" in one], done
    after = mounted.stat()
    assert mounted.read_bytes() != before and Path(done["backup_file"]).read_bytes() == before
    assert (after.st_ino, after.st_uid, after.st_mode & 0o777) == (status.st_ino, status.st_uid, 0o640)
    again = run_module(module, task)
    assert not again["changed"] and not [one for one in again["warnings"] if "in place" in one]
    assert not [one for one in os.listdir(cluster.data_directory) if "pgtls" in one], "nothing is left beside it"
    if module == "pg_ident":  # what the server refuses is put back, in place too
        bad = [{"map": "m", "system_user": "/((x{1,200}){1,200}){1,200}", "database_user": "x"}]
        good = mounted.read_bytes()
        undone = run_module(module, {**task, "mappings": bad})
        assert "the previous file was restored" in undone["msg"] and mounted.read_bytes() == good
