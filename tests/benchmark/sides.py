# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to do a thing: this checkout, an older revision of it, and the peers; each with its own collections."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from measuring import OURS, Figures, run
from wanted import CHECKOUT

CACHE = CHECKOUT / ".cache/bench"
PEERS_PYTHON = CHECKOUT / ".venv/bench-peers/bin/python"


@dataclass(frozen=True)
class Side:
    """A checkout whose playbooks are run, and where ansible finds its collection."""

    name: str
    checkout: Path

    @property
    def environment(self) -> dict[str, str]:
        """What ansible must be told to use this checkout, whatever is installed beside it."""
        return {
            "ANSIBLE_CONFIG": str(self.checkout / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(self._collections()),
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        }

    def _collections(self) -> Path:
        directory = CACHE / "collections" / self.checkout.name
        link = directory / "ansible_collections/pgtls/postgresql"
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() or link.readlink() != self.checkout:
            link.unlink(missing_ok=True)
            link.symlink_to(self.checkout)
        return directory

    def play(self, command: list[str], environment: Mapping[str, str]) -> tuple[Figures, str]:
        """Run a playbook of this side."""
        return run(command, self.checkout, {**environment, **self.environment})


def playbook_command(playbook: str | Path, *options: str, python: str | Path = sys.executable) -> list[str]:
    """Return the command that runs a playbook."""
    return [str(python), "-m", "ansible", "playbook", str(playbook), *options]


def our_sides(against: str | None) -> list[Side]:
    """Return this checkout and, where a revision is named, a worktree of that."""
    ours = Side(OURS, CHECKOUT)
    if against is None:
        return [ours]
    commit = _git("rev-parse", "--verify", f"{against}^{{commit}}")
    name = commit[:12] if commit.startswith(against) else f"{against} ({commit[:12]})"
    return [ours, Side(name, _worktree(commit))]


def _worktree(commit: str) -> Path:
    """Return a worktree of a commit, made or used again."""
    directory = CACHE / "revisions" / commit[:12]
    if not directory.exists():
        _git("worktree", "prune")
        _git("worktree", "add", "--quiet", "--detach", str(directory), commit)
    return directory


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def revision() -> str:
    """Return the revision that is measured, with -dirty where files differ from it."""
    return _git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def quiet_environment(directory: Path) -> dict[str, str]:
    """Return an environment whose runs leave nothing outside a directory."""
    return {
        **os.environ,
        "ANSIBLE_LOCAL_TEMP": str(directory / "controller"),
        "ANSIBLE_REMOTE_TMP": str(directory / "remote"),
        "ANSIBLE_NOCOLOR": "1",
    }
