# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways in which a task's own role can log in: by the Unix socket, and over TCP. What worked shall go on working."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import DatabaseError, ModuleError
from .clusters import Cluster
from .database import Login, connect
from .running_servers import listening_addresses, running_postmaster

_REACHED_AT = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def find_ways_in(cluster: Cluster, login: Login) -> list[Login]:
    """Return a login by the socket and one over TCP, those of them that work now."""
    user = login.user or ("postgres" if cluster.owner.isdigit() else cluster.owner)  # digits: an owner without a name
    server = running_postmaster(cluster.data_directory)
    known = []
    if server is not None and server.socket_directory is not None:
        port = server.port or cluster.port
        known.append(replace(login, host=None).at(port, server.socket_directory, cluster.owner))
    if login.host is not None:
        known.append(login)
    elif server is not None and server.listen_addresses is not None:
        address = next(iter(listening_addresses(server)), None)
        if address is not None:
            host = _REACHED_AT.get(address, address)
            known.append(replace(login, host=host, port=server.port or cluster.port, user=user))
    return [way for way in known if _problem(way) is None]


def check_ways_in(ways: Sequence[Login], cause: str) -> None:
    """See that each login still works.

    cause: what may have closed it, such as "the reload".

    :raises ModuleError: with the server's words for the first that does not.
    """
    for way in ways:
        problem = _problem(way)
        if problem is not None:
            name = "the Unix socket" if way.host is None else f"TCP to {way.host}"
            raise ModuleError(f"the login over {name} worked before {cause} and does not any more: {problem}")


def after_restart(ways: Sequence[Login], cluster: Cluster, login: Login) -> list[Login]:
    """Return the same logins where a restarted server listens now; one that the task gave a host stays as it is."""
    server = running_postmaster(cluster.data_directory)
    if server is None:
        return []
    port = server.port or cluster.port
    addresses = [_REACHED_AT.get(address, address) for address in listening_addresses(server)]
    found = []
    for way in ways:
        if way == login and way.host is not None:
            found.append(way)
        elif way.host is None:
            found.append(replace(way, port=port, unix_socket=server.socket_directory))
        elif addresses:
            host = way.host if way.host in addresses else addresses[0]
            found.append(replace(way, host=host, port=port))
    return found


def _problem(login: Login) -> str | None:
    try:
        connect(login).close()
    except DatabaseError as error:
        return str(error)
    return None
