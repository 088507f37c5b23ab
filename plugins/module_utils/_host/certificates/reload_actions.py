# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a program that holds certificates in memory is made to read them again: its systemd service, or a command of the inventory."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pwd import getpwnam
from typing import Any, Protocol

from ..errors import ModuleError
from .programs import how_it_ended, kill_group, why_not_started

# What nobody but root can write; the PATH of the task may have more.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEMD = "/run/systemd/system"
_SERVICE = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*")
_MOST_LINES, _MOST_CHARACTERS = 3, 400


class NothingThere(Exception):
    """A service that this host does not have yet; the sentence is a warning."""


class Action(Protocol):
    """One thing to do, whichever certificates it is for."""

    @property
    def shown(self) -> str:
        """How it is called in results and messages."""

    def run(self, timeout_seconds: int) -> bool:
        """Do it; False when the program does not run, and so holds nothing in memory.

        :raises NothingThere: when there is no such program yet.
        :raises ModuleError: when it failed.
        """


@dataclass(frozen=True)
class ServiceReload:
    """systemctl reload."""

    name: str

    @property
    def shown(self) -> str:
        return f"service {self.name}"

    def run(self, timeout_seconds: int) -> bool:
        if not os.path.isdir(_SYSTEMD):
            raise ModuleError("systemd does not run on this host, so give a command in reload_commands")
        asked = "--property=LoadState,ActiveState,CanReload"
        done = _run(["systemctl", "show", asked, "--", self.name], None, timeout_seconds, True)
        state = dict(line.split("=", 1) for line in done.splitlines() if "=" in line)
        if state.get("LoadState") in ("not-found", "masked"):
            raise NothingThere(f"systemd has no such service ({state['LoadState']})")
        if state.get("ActiveState") in ("inactive", "failed", "deactivating"):
            return False
        if state.get("CanReload") == "no":
            raise ModuleError("its unit has no ExecReload, so give it one, or a command in reload_commands")
        _run(["systemctl", "reload", "--", self.name], None, timeout_seconds)
        return True


@dataclass(frozen=True)
class CommandReload:
    """A program with its arguments, run as a user; an empty user is the one that the task runs as."""

    argv: tuple[str, ...]
    user: str

    @property
    def shown(self) -> str:
        return f"command {self.argv[0]}" + (f" as {self.user}" if self.user else "")

    def run(self, timeout_seconds: int) -> bool:
        _run(self.argv, self.user or None, timeout_seconds)
        return True


def read_actions(services: Sequence[str], commands: Sequence[dict[str, Any]], whose: str) -> list[Action]:
    """Check the options of one entry.

    :raises ModuleError: for what is no name of a service, an empty command, and a user that there is not.
    """
    for name in services:
        if not _SERVICE.fullmatch(name):
            raise ModuleError(f"{whose}: reload holds {name!r}, which is not the name of a service; correct it")
    for command in commands:
        if not command["argv"] or not command["argv"][0].strip():
            raise ModuleError(f"{whose}: argv of reload_commands is empty; give the program and its arguments")
    ran = [CommandReload(tuple(command["argv"]), command["user"] or "") for command in commands]
    return [*(ServiceReload(name) for name in services), *ran]


def _run(argv: Sequence[str], user: str | None, timeout_seconds: int, wants_output: bool = False) -> str:
    """Run a program to its end, without a terminal, a shell or input, and return its output where that is wanted."""
    # A file for the output: a program that stays in the background does not keep us waiting by a pipe.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
                **_identity(user),
            )
        except (OSError, ValueError) as error:
            raise ModuleError(
                f"{argv[0]} cannot be started ({why_not_started(error)}), so correct it or install the program"
            ) from error
        try:
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            kill_group(process)
            process.wait()
            raise ModuleError(f"{argv[0]} did not finish within {timeout_seconds} seconds and was killed") from error
        output.seek(0)
        said = output.read(1024 * 1024).decode("utf-8", "replace")
    if status != 0:
        raise ModuleError(f"{argv[0]} ended with {how_it_ended(status)}{_last_words(said)}")
    return said if wants_output else ""


def _identity(user: str | None) -> dict[str, Any]:
    """The arguments of Popen for a user, with nothing of the environment of the task.

    :raises ModuleError: when there is no such user, or only root could become it.
    """
    environment = {"PATH": _PATH, "LC_ALL": "C"}
    if user is None:
        return {"env": environment}
    try:
        entry = getpwnam(user)
    except (KeyError, ValueError) as error:
        raise ModuleError(f"there is no user {user} on this host, so create it or correct user") from error
    environment.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)
    if entry.pw_uid == os.geteuid():
        return {"env": environment}
    if os.geteuid() != 0:
        raise ModuleError(f"only root can run it as {user}, so run the task as root or as {user}")
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"env": environment, "user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = "; ".join(lines[-_MOST_LINES:])
    return f" ({words[-_MOST_CHARACTERS:]})" if words else ""
