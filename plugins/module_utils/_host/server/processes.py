# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel says about a process that calls itself a PostgreSQL server, against what its files say about it.

Any user can start a program under the name postgres and write a postmaster.pid. So a server is the program of a PostgreSQL
that runs as the owner of its data directory, and one that was found by its process alone must answer where it says.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from stat import S_IMODE, S_ISREG, S_ISSOCK
from typing import TYPE_CHECKING

from .peers import credentials_of

if TYPE_CHECKING:
    from .running_servers import Postmaster

PROGRAMS = ("postgres", "postmaster")
_LISTENING = "0A"  # TCP_LISTEN of the kernel's tcp_states.h
_EFFECTIVE_UID = re.compile(r"^Uid:\s+\d+\s+(\d+)", re.MULTILINE)
_CONNECT_SECONDS = 2.0


def below(root: str, path: str) -> str:
    """Return where a path of the machine lies when the machine is built under `root`."""
    return path if root == "/" else os.path.join(root, path.lstrip("/"))


def read_proc(path: str) -> str:
    """Return a file of /proc as text; empty when it is gone or closed to us."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""


def link_of(path: str) -> str | None:
    """Return where a link of /proc leads, None when it is gone or closed to us."""
    try:
        return os.readlink(path).removesuffix(" (deleted)")
    except OSError:
        return None


def why_no_server(pid: int, owner: int, root: str) -> str | None:
    """Return why a process is not the server of a data directory with this owner; None when it is one."""
    uid = _effective_uid(root, pid)
    if uid != owner:
        return f"process {pid} runs as uid {uid} and not as uid {owner}, who owns the data directory"
    executable = below(root, f"/proc/{pid}/exe")
    program = link_of(executable)
    if program is None:
        # only root, and the user itself, may look
        return None if os.geteuid() not in (0, uid) else f"the program of process {pid} cannot be seen"
    try:
        status = os.stat(executable)
    except OSError:
        return f"the program {program} of process {pid} cannot be seen"
    if os.path.basename(program) not in PROGRAMS or not S_ISREG(status.st_mode):
        return f"process {pid} runs {program}, which is not the program postgres"
    if status.st_uid not in (0, uid) or S_IMODE(status.st_mode) & 0o022:
        return f"the program {program} of process {pid} can be written by others than root and uid {uid}"
    return None


def why_claims_are_false(server: Postmaster, root: str) -> str | None:
    """Return why a server does not answer where its postmaster.pid says; None when it does."""
    if server.port is None:
        return f"process {server.pid} has not opened a port"
    problem = _problem_of_socket(server, root)
    if problem is None:
        return None
    ports = {port for _family, _address, port in listening_sockets(root, server.pid) or ()}
    missing = problem.startswith("there is no socket")  # a cleaner of /tmp takes sockets away
    return None if missing and server.port in ports else problem


def listening_sockets(root: str, pid: int) -> list[tuple[int, bytes, int]] | None:
    """Return family, packed address and port of each TCP socket on which a process listens; None when that is closed to us."""
    sockets = _open_sockets(root, pid)
    if sockets is None:
        return None
    found: set[tuple[int, bytes, int]] = set()  # the kernel lists them in no order
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in read_proc(below(root, f"/proc/{pid}/net/{table}")).splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == _LISTENING and words[9] in sockets:
                address, _colon, port = words[1].partition(":")
                found.add((int(family), _packed_address(address), int(port, 16)))
    return sorted(found)


def _effective_uid(root: str, pid: int) -> int | None:
    found = _EFFECTIVE_UID.search(read_proc(below(root, f"/proc/{pid}/status")))
    if found:
        return int(found.group(1))
    try:
        return os.stat(below(root, f"/proc/{pid}")).st_uid
    except OSError:
        return None


def _problem_of_socket(server: Postmaster, root: str) -> str | None:
    """Why its Unix socket is not one that this very process opened."""
    directory = server.socket_directory or ""
    name = os.path.join(server.data_directory, directory, f".s.PGSQL.{server.port}")
    uid = _effective_uid(root, server.pid)
    if not directory:
        return f"there is no socket of process {server.pid}"
    if directory.startswith("@"):  # an abstract one (PostgreSQL 14)
        return _problem_of_peer(f"\0{directory[1:]}/.s.PGSQL.{server.port}", name, server.pid, uid)
    try:
        status = os.lstat(below(root, name))
    except OSError:
        return f"there is no socket {name}"
    if not S_ISSOCK(status.st_mode) or status.st_uid != uid:
        return f"{name} is not a socket of uid {uid}, who runs process {server.pid}"
    return _problem_of_peer(below(root, name), name, server.pid, uid)


def _problem_of_peer(address: str, name: str, pid: int, uid: int | None) -> str | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_CONNECT_SECONDS)
        try:
            client.connect(address)
            peer_pid, peer_uid = credentials_of(client)
        except BlockingIOError:
            return None  # a busy server: its queue is full
        except OSError as error:
            return f"nobody answers at {name} ({error.strerror or error})"
    if peer_uid != uid or peer_pid not in (0, pid):
        return f"not process {pid} but process {peer_pid} of uid {peer_uid} answers at {name}"
    return None


def _open_sockets(root: str, pid: int) -> set[str] | None:
    """The inodes of the sockets that a process holds open; None when it may not be looked at."""
    directory = below(root, f"/proc/{pid}/fd")
    try:
        links = [link_of(os.path.join(directory, name)) or "" for name in os.listdir(directory)]
    except OSError:
        return None
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def _packed_address(digits: str) -> bytes:
    """An address of /proc/net/tcp in network order: there it is 32-bit words in the byte order of the machine."""
    words = [bytes.fromhex(digits[start : start + 8]) for start in range(0, len(digits), 8)]
    return b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
