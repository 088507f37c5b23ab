# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running PostgreSQL servers as the operating system shows them: /proc, postmaster.pid and postmaster.opts.

Paths are those of the machine; `root` is put before them, so that a test can build a machine in a directory.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
from dataclasses import dataclass, field

from ..errors import ModuleError
from ..files.reading import read_bytes
from .processes import PROGRAMS, below, link_of, listening_sockets, read_proc, why_claims_are_false, why_no_server

_NUMBER = re.compile(r"[0-9]{1,18}")
_SHORT_OPTIONS = {"-D": "data_directory", "-p": "port", "-k": "unix_socket_directories", "-h": "listen_addresses"}


@dataclass(frozen=True)
class Postmaster:
    """A running server. socket_directory and listen_addresses are None while it has not opened them.

    started_at: whole seconds since 1970.
    """

    pid: int
    started_at: int
    data_directory: str
    port: int | None
    socket_directory: str | None
    listen_addresses: str | None
    executable: str | None
    unit: str | None


@dataclass(frozen=True)
class Ignored:
    """A process that looks like a server and is none, as far as can be seen."""

    data_directory: str
    pid: int | None
    reason: str


@dataclass(frozen=True)
class StartCommand:
    """How a server was started last: its program, and the settings of its command line by lower-case name."""

    program: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


def read_lines(path: str) -> list[str]:
    """Return the lines of a small text file; none when it does not exist, may not be read or is not a regular file."""
    try:
        content = read_bytes(path) or b""
    except ModuleError:
        return []
    return (
        content.decode("utf-8", "surrogateescape").removesuffix("\n").replace("\r\n", "\n").split("\n")
        if content
        else []
    )


def find_postmasters(root: str = "/") -> tuple[list[Postmaster], list[Ignored]]:
    """Return every running server whose data directory this user may read, and what only looks like one."""
    found, ignored = [], []
    for name in sorted(os.listdir(below(root, "/proc"))) if os.path.isdir(below(root, "/proc")) else []:
        arguments = _command_line(root, int(name)) if name.isdigit() else []
        if not arguments or os.path.basename(arguments[0]) not in PROGRAMS:
            continue
        # A server changes into its data directory; other users see only its command line.
        directory = link_of(below(root, f"/proc/{name}/cwd")) or parse_start_command(arguments).settings.get(
            "data_directory"
        )
        if not directory or not os.path.lexists(below(root, os.path.join(directory, "PG_VERSION"))):
            continue  # a process of a container, say
        server, doubt = _examine(directory, root)
        if server is not None and server.pid == int(name):
            doubt = why_claims_are_false(server, root)
            if doubt is None:
                found.append(server)
        if doubt is not None:
            ignored.append(Ignored(directory, int(name), doubt))
    return found, ignored


def running_postmaster(data_directory: str, root: str = "/") -> Postmaster | None:
    """Return the server that runs on a data directory; a stale postmaster.pid counts for nothing."""
    return _examine(data_directory, root)[0]


def _examine(data_directory: str, root: str) -> tuple[Postmaster | None, str | None]:
    """The server of a data directory, or why its postmaster.pid names none; neither for a stale one."""
    path = below(root, os.path.join(data_directory, "postmaster.pid"))
    try:
        owner = os.stat(below(root, data_directory)).st_uid
        if os.lstat(path).st_uid != owner:
            return None, "its postmaster.pid does not belong to the owner of the data directory"
        content = read_bytes(path) or b""
    except ModuleError as error:
        return None, str(error)
    except OSError:
        return None, None
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    lines += [""] * (6 - len(lines))
    if not _NUMBER.fullmatch(lines[0].strip()):
        return None, None
    pid = int(lines[0])
    arguments = _command_line(root, pid)
    if not arguments or os.path.basename(arguments[0]) not in PROGRAMS:
        return None, None
    current = link_of(below(root, f"/proc/{pid}/cwd"))
    if current is not None and current != os.path.realpath(data_directory):
        return None, None
    doubt = why_no_server(pid, owner, root)
    if doubt is not None:
        return None, doubt
    return Postmaster(
        pid=pid,
        started_at=int(lines[2]) if _NUMBER.fullmatch(lines[2].strip()) else 0,
        data_directory=os.path.realpath(data_directory) if root == "/" else data_directory,
        port=int(lines[3]) if _NUMBER.fullmatch(lines[3].strip()) else None,
        socket_directory=lines[4].strip() or None,
        listen_addresses=lines[5].strip() or None,
        executable=link_of(below(root, f"/proc/{pid}/exe")),
        unit=_unit(root, pid),
    ), None


def listening_addresses(server: Postmaster, root: str = "/") -> list[str]:
    """Return the addresses on which a server listens for TCP, as numbers, IPv4 before IPv6.

    Where its open files may not be seen they are the first of listen_addresses, as postmaster.pid names it.
    """
    found = listening_sockets(root, server.pid)
    if found is None:
        return [server.listen_addresses] if server.listen_addresses else []
    return [socket.inet_ntop(family, packed) for family, packed in sorted({one[:2] for one in found})]


def read_start_command(data_directory: str, root: str = "/") -> StartCommand:
    """Read postmaster.opts, which a server writes at every start and leaves behind when it stops."""
    lines = read_lines(below(root, os.path.join(data_directory, "postmaster.opts")))
    try:
        return parse_start_command(shlex.split(lines[0]) if lines else [])
    except ValueError:
        return StartCommand()


def parse_start_command(arguments: list[str]) -> StartCommand:
    """Read the command line of a server (manual, reference page of postgres)."""
    settings: dict[str, str] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in _SHORT_OPTIONS:
            settings[_SHORT_OPTIONS[argument]] = next(rest, "")
        elif argument[:2] in _SHORT_OPTIONS and not argument.startswith("--"):
            settings[_SHORT_OPTIONS[argument[:2]]] = argument[2:]
        elif argument == "-c" or argument.startswith("--"):
            assignment = next(rest, "") if argument == "-c" else argument[2:]
            name, _equals, value = assignment.partition("=")
            settings[name.replace("-", "_").lower()] = value
    return StartCommand(arguments[0] if arguments else None, settings)


def _command_line(root: str, pid: int) -> list[str]:
    words = read_proc(below(root, f"/proc/{pid}/cmdline")).rstrip("\0")
    return words.split("\0") if words else []


def _unit(root: str, pid: int) -> str | None:
    """The systemd unit in whose control group a process runs: the outermost, for whoever runs in it makes groups below."""
    for line in read_proc(below(root, f"/proc/{pid}/cgroup")).splitlines():
        units = [name for name in line.split("/") if name.endswith(".service")]
        if units and "postgres" in units[0]:
            return units[0]
    return None
