# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as root runs them, in a process of their own and with an end, beside a user who plants things."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 40
PYTHON = "/usr/bin/python3"  # that of the tests may lie where others cannot reach it
NOBODY = 65534
MODULES = "ansible_collections.pgtls.postgresql.plugins.modules"
# A namespace of its own: nobody else on this machine meets the processes that are started in it.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def module(name: str, arguments: dict[str, Any], check: bool = False, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the result of a module, behind the words of another program where given; a hang is a failure."""
    given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    command = [*before, sys.executable, "-m", f"{MODULES}.{name}"]
    text = json.dumps({"ANSIBLE_MODULE_ARGS": given})
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)
    start = done.stdout.find("{")
    assert start >= 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout[start:])
    return {"failed": False, "msg": "", **result}


def warnings_of(result: dict[str, Any]) -> str:
    """Return all that a module warned of, in one string."""
    return json.dumps(result.get("warnings", []))


@contextmanager
def home_of_nobody() -> Iterator[Path]:
    """A directory that an unprivileged user owns, where that user can reach it."""
    directory = Path(tempfile.mkdtemp(prefix="pgtls-nobody-", dir="/var/tmp"))
    os.chown(directory, NOBODY, NOBODY)
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def folder_of_root() -> Iterator[Path]:
    """A directory of root into which everybody may look, so that nothing but root's care keeps a run from going there."""
    directory = Path(tempfile.mkdtemp(prefix="pgtls-roots-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def as_nobody(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as the unprivileged user, without any of root's groups."""
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, **options)


def planted(path: Path, kind: str, target: Path | str = "") -> Path:
    """Let the unprivileged user plant a pipe, a link or a very large file where he may write."""
    path.unlink(missing_ok=True)
    command = {
        "pipe": ["mkfifo", str(path)],
        "link": ["ln", "-s", str(target), str(path)],
        "hard link": ["ln", str(target), str(path)],
        "huge": ["truncate", "-s", "9G", str(path)],
    }[kind]
    done = as_nobody(*command)
    assert done.returncode == 0, done.stderr
    return path


def modes_with_set_id(*directories: Path) -> list[Path]:
    """Return every file with a set-id bit."""
    return [
        path
        for directory in directories
        for path in directory.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000
    ]
