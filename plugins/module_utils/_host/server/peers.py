# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account at the other end of a login: which one is meant, and which one it is."""

from __future__ import annotations

import os
import socket
import struct
from pwd import getpwuid
from stat import S_IWOTH
from typing import Any

from ..files.links import owner_of_place

SERVER_ACCOUNT = "postgres"
_NOBODY = 65534
_CREDENTIALS = struct.Struct("3i")


def account_of(connection: Any, data_directory: str) -> int:
    """Return the uid that a server runs as, on whose word the files are read that it names.

    The kernel knows it for a Unix socket. Over TCP it is the owner of the data directory that the server names, and nobody
    where that is not here, or is root's.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        if end.family == socket.AF_UNIX:
            return credentials_of(end)[1] or _NOBODY
    try:
        return os.stat(data_directory).st_uid or _NOBODY
    except (OSError, ValueError):
        return _NOBODY


def credentials_of(end: socket.socket) -> tuple[int, int]:
    """Return pid and uid of whoever listens at the other end of a Unix socket; the pid is 0 in another namespace (unix(7))."""
    pid, uid, _gid = _CREDENTIALS.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(pid), int(uid)


def why_stranger(directory: str, uid: int, required: str | None, meant: str | None) -> str | None:
    """Return why a socket of this uid is not that of the server of a login, as the end of a sentence; None when it is.

    In a directory where everybody may make files, anybody may have made it. required: the name or uid of the account that the
    task demands. meant: that of the files which the server should read; without both, the account of PostgreSQL's packages
    and our own are believed.
    """
    owner = name_of(uid) or str(uid)
    account = required or meant
    believed = [SERVER_ACCOUNT, name_of(os.geteuid())] if account is None else [account]
    is_open = bool(os.stat(directory).st_mode & S_IWOTH)
    if owner in believed or str(uid) in believed or (required is None and not is_open):
        return None
    where = f", and everybody may put one into {directory}" if is_open else ""
    return f"belongs to {owner} and not to {believed[0]}{where}; start the server, or set login_require_peer to its account"


def account_beside(path: str) -> str | None:
    """Return who owns the place of a file, and so the account of the server that reads it; None when it is root's or ours."""
    owner = owner_of_place(os.path.dirname(os.path.realpath(path)))
    return None if owner is None else name_of(owner) or str(owner)


def name_of(uid: int) -> str | None:
    """Return the name of a user, None where there is none."""
    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return None
