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
import sys
from dataclasses import dataclass, field

_PROGRAMS = ("postgres", "postmaster")
_UNIT = re.compile(r"/([^/]*postgres[^/]*\.service)(?:/|$)")
_LISTENING = "0A"  # TCP_LISTEN of the kernel's tcp_states.h
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
class StartCommand:
    """How a server was started last: its program, and the settings of its command line by lower-case name."""

    program: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


def below(root: str, path: str) -> str:
    """Return where a path of the machine lies when the machine is built under `root`."""
    return path if root == "/" else os.path.join(root, path.lstrip("/"))


def read_lines(path: str) -> list[str]:
    """Return the lines of a small text file; none when it does not exist or may not be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read().removesuffix("\n").split("\n")
    except OSError:
        return []


def find_postmasters(root: str = "/") -> list[Postmaster]:
    """Return every running server whose data directory this user may read."""
    found = []
    for name in sorted(os.listdir(below(root, "/proc"))) if os.path.isdir(below(root, "/proc")) else []:
        arguments = _command_line(root, int(name)) if name.isdigit() else []
        if not arguments or os.path.basename(arguments[0]) not in _PROGRAMS:
            continue
        # A server changes into its data directory; other users see only its command line.
        directory = _link(below(root, f"/proc/{name}/cwd")) or parse_start_command(arguments).settings.get(
            "data_directory"
        )
        server = running_postmaster(directory, root) if directory else None
        if server is not None and server.pid == int(name):
            found.append(server)
    return found


def running_postmaster(data_directory: str, root: str = "/") -> Postmaster | None:
    """Return the server that runs on a data directory; a stale postmaster.pid counts for nothing."""
    lines = read_lines(below(root, os.path.join(data_directory, "postmaster.pid")))
    lines += [""] * (6 - len(lines))
    if not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    arguments = _command_line(root, pid)
    if not arguments or os.path.basename(arguments[0]) not in _PROGRAMS:
        return None
    current = _link(below(root, f"/proc/{pid}/cwd"))
    if current is not None and current != os.path.realpath(data_directory):
        return None
    return Postmaster(
        pid=pid,
        started_at=int(lines[2]) if lines[2].strip().isdigit() else 0,
        data_directory=os.path.realpath(data_directory) if root == "/" else data_directory,
        port=int(lines[3]) if lines[3].strip().isdigit() else None,
        socket_directory=lines[4].strip() or None,
        listen_addresses=lines[5].strip() or None,
        executable=_link(below(root, f"/proc/{pid}/exe")),
        unit=_unit(root, pid),
    )


def listening_addresses(server: Postmaster, root: str = "/") -> list[str]:
    """Return the addresses on which a server listens for TCP, as numbers, IPv4 before IPv6.

    Where its open files may not be seen they are the first of listen_addresses, as postmaster.pid names it.
    """
    sockets = _open_sockets(root, server.pid)
    if sockets is None:
        return [server.listen_addresses] if server.listen_addresses else []
    found: set[tuple[int, bytes]] = set()  # the kernel lists them in no order
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in read_lines(below(root, f"/proc/{server.pid}/net/{table}"))[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == _LISTENING and words[9] in sockets:
                found.add((family, _packed_address(words[1].partition(":")[0])))
    return [socket.inet_ntop(family, packed) for family, packed in sorted(found)]


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
    lines = read_lines(below(root, f"/proc/{pid}/cmdline"))
    return lines[0].rstrip("\0").split("\0") if lines else []


def _open_sockets(root: str, pid: int) -> set[str] | None:
    """The inodes of the sockets that a process holds open; None when it may not be looked at."""
    directory = below(root, f"/proc/{pid}/fd")
    try:
        links = [_link(os.path.join(directory, name)) or "" for name in os.listdir(directory)]
    except OSError:
        return None
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def _packed_address(digits: str) -> bytes:
    """An address of /proc/net/tcp in network order: there it is 32-bit words in the byte order of the machine."""
    words = [bytes.fromhex(digits[start : start + 8]) for start in range(0, len(digits), 8)]
    return b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)


def _link(path: str) -> str | None:
    try:
        return os.readlink(path).removesuffix(" (deleted)")
    except OSError:
        return None


def _unit(root: str, pid: int) -> str | None:
    """The systemd unit in whose control group a process runs."""
    for line in read_lines(below(root, f"/proc/{pid}/cgroup")):
        found = _UNIT.search(line)
        if found:
            return found.group(1)
    return None
