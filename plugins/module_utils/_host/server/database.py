# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in to PostgreSQL with psycopg 3, or with psycopg2 where a host has only that.

Modules run as root. A socket that asks for peer authentication lets in whoever the kernel says is there, so the
module takes the identity of the socket's owner for the connect alone.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Timer
from typing import Any

from ..errors import DatabaseError, LoginRefused, ServerUnreachable
from ..requirements import import_driver
from .peers import name_of, why_stranger

SOCKET_DIRECTORIES = ("/run/postgresql", "/var/run/postgresql", "/tmp")
CONNECT_TIMEOUT_SECONDS = 10
ANSWER_TIMEOUT_SECONDS = 60
_STARTING = re.compile(r"the database system is (starting up|shutting down|in recovery|not yet accepting)")


@dataclass(frozen=True)
class Login:
    """Where and as whom to log in; a Unix socket when host is None. unix_socket is a directory.

    require_peer: the account that its server must run as, by name or uid. meant_peer: the one that it should run as, as far
    as the files show that it reads.
    """

    host: str | None = None
    port: int = 5432
    user: str | None = None
    database: str = "postgres"
    password: str | None = field(default=None, repr=False)
    unix_socket: str | None = None
    ssl_mode: str = "prefer"
    ca_cert: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    require_peer: str | None = None
    meant_peer: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Login:
        """Read the LOGIN arguments from module parameters."""
        host = params.get("login_host") or None
        socket = params.get("login_unix_socket") or None
        if host is not None and host.startswith("/"):
            host, socket = None, socket or host
        return cls(
            host=host,
            port=params["login_port"],
            user=params.get("login_user") or None,
            database=params["login_db"],
            password=params.get("login_password"),
            unix_socket=socket,
            ssl_mode=params["ssl_mode"],
            ca_cert=params.get("ca_cert"),
            ssl_cert=params.get("ssl_cert"),
            ssl_key=params.get("ssl_key"),
            require_peer=params.get("login_require_peer") or None,
        )

    def at(self, port: int, unix_socket: str | None, owner: str) -> Login:
        """Return this login for the cluster of this owner, port and socket directory, unless it names a host of its own."""
        if self.host is not None:
            return self
        peer = self.require_peer or owner
        return replace(self, port=port, unix_socket=unix_socket or self.unix_socket, require_peer=peer)


def connect(login: Login) -> Any:
    """Return an autocommit connection of psycopg 3 or psycopg2.

    :raises ServerUnreachable: when there is no server. :raises LoginRefused: when it does not let us in.
    :raises DatabaseError: without a driver.
    """
    driver = load_driver()
    if login.host is not None:
        where = f"{login.host}:{login.port}"
        return _open(driver, _keywords(login, login.host, login.user or "postgres"), where)
    directory, owner = _find_socket(login)
    user = login.user or owner.name or "postgres"
    where = f"the socket {_socket_path(directory, login.port)}"
    with owner.assumed():
        # libpq asks again once it is connected, for the socket may have been exchanged; it knows accounts by name only
        peer = {} if owner.name is None else {"requirepeer": owner.name}
        return _open(driver, {**_keywords(login, directory, user), **peer}, where)


@contextmanager
def session(login: Login, connection: Any = None) -> Iterator[Any]:
    """Yield a connection: the one that is there already, or a new one that ends with the context.

    :raises DatabaseError: when no login works.
    """
    if connection is not None:
        yield connection
        return
    made = connect(login)
    try:
        yield made
    finally:
        made.close()


def fetch(connection: Any, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run one query and return its rows, as dicts by column name.

    :raises DatabaseError: with the server's words.
    """
    with _sql_errors(), _answering(connection), connection.cursor() as cursor:
        cursor.execute(sql, tuple(params) or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def raw(expression: str) -> str:
    """Return the SQL for a text as the server keeps it, for read_raw: names and lines of files may be in any encoding.

    The server converts, or refuses to convert, all other texts for its client.
    """
    escaped = f"pg_catalog.replace({expression}, E'\\\\', E'\\\\\\\\')"
    return f"pg_catalog.encode(pg_catalog.decode({escaped}, 'escape'), 'hex')"


def read_raw(value: str | None) -> str | None:
    """Return a text that was asked for by raw, as files are read (utf-8, surrogateescape)."""
    return None if value is None else bytes.fromhex(value).decode("utf-8", "surrogateescape")


def execute(connection: Any, sql: str, params: Sequence[Any] = ()) -> None:
    """Run one statement that returns nothing.

    :raises DatabaseError: with the server's words.
    """
    with _sql_errors(), _answering(connection), connection.cursor() as cursor:
        cursor.execute(sql, tuple(params) or None)


def quote_identifier(name: str) -> str:
    """Return a name as SQL writes it: quoted, with quotes doubled (manual, section 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'


def load_driver() -> Any:
    """Return the module psycopg, or psycopg2 where only that exists.

    :raises DatabaseError: when there is neither.
    """
    driver = import_driver()
    if driver is None:
        raise DatabaseError(
            "neither psycopg nor psycopg2 can be imported; install the package python3-psycopg, or python3-psycopg2, "
            "or with pip psycopg[binary], for the Python that runs the modules of this host"
        )
    return driver


def in_one_line(error: BaseException) -> str:
    """Return the text of a driver's error as one line."""
    return " ".join(str(error).split())


@contextmanager
def quiet_environment() -> Iterator[None]:
    """Hide the PG* variables, which libpq would read behind the task's back."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(hidden)


@dataclass(frozen=True)
class ServerAccount:
    """The account that a server runs as, which owns its socket and its files."""

    uid: int
    gid: int
    name: str | None

    @classmethod
    def of(cls, status: os.stat_result) -> ServerAccount:
        """The owner of a file of the server."""
        return cls(status.st_uid, status.st_gid, name_of(status.st_uid))

    @contextmanager
    def assumed(self) -> Iterator[None]:
        """Act as this owner where the process may, and always return to what it was."""
        uid, gid = os.geteuid(), os.getegid()
        if uid != 0 or self.uid == 0:
            yield
            return
        os.setegid(self.gid)
        try:
            os.seteuid(self.uid)
            yield
        finally:
            os.seteuid(uid)
            os.setegid(gid)


def _find_socket(login: Login) -> tuple[str, ServerAccount]:
    """Return the directory that holds the socket, and its owner."""
    directories = (login.unix_socket,) if login.unix_socket else SOCKET_DIRECTORIES
    strangers = []
    for directory in directories:
        try:
            status = os.stat(_socket_path(directory, login.port))
        except OSError:
            continue
        problem = why_stranger(directory, status.st_uid, login.require_peer, login.meant_peer)
        if problem is None:
            return directory, ServerAccount.of(status)
        strangers.append(f"{_socket_path(directory, login.port)} {problem}")
    if strangers:
        raise ServerUnreachable(f"the socket {strangers[0]}")
    raise ServerUnreachable(
        f"there is no socket .s.PGSQL.{login.port} in {' or '.join(directories)}; start the server, "
        "or set login_port and login_unix_socket (or login_host) to where it listens"
    )


def _socket_path(directory: str, port: int) -> str:
    return os.path.join(directory, f".s.PGSQL.{port}")


def _keywords(login: Login, host: str, user: str) -> dict[str, Any]:
    """The libpq keywords of a login. UTF8 lest psycopg returns bytes from a SQL_ASCII database."""
    given = {
        "host": host,
        "port": login.port,
        "user": user,
        "dbname": login.database,
        "password": login.password,
        "sslmode": login.ssl_mode,
        "sslrootcert": login.ca_cert,
        "sslcert": login.ssl_cert,
        "sslkey": login.ssl_key,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "client_encoding": "UTF8",
        "application_name": "pgtls.postgresql",
    }
    return {keyword: value for keyword, value in given.items() if value is not None}


def _open(driver: Any, keywords: dict[str, Any], where: str) -> Any:
    try:
        with quiet_environment():
            connection = driver.connect(**keywords)
    except driver.Error as error:
        raise _login_error(in_one_line(error), keywords, where) from error
    except (ValueError, OverflowError) as error:  # what can be neither a name nor a port, for psycopg's own look-up
        raise _login_error(" ".join(str(error).split()), keywords, where) from error
    connection.autocommit = True
    return connection


def _login_error(words: str, keywords: dict[str, Any], where: str) -> DatabaseError:
    """Tell a server that is not there from one that refuses: the latter's words begin with a severity."""
    fatal = re.search(r"FATAL:\s*(.*)$", words)
    if fatal and not _STARTING.search(words):
        return LoginRefused(
            f"the server at {where} refused role {keywords['user']!r} for database {keywords['dbname']!r} "
            f"({fatal.group(1)}); set login_user and login_password, or allow it by a line of pg_hba.conf"
        )
    return ServerUnreachable(
        f"PostgreSQL cannot be reached at {where} ({words}); start it or correct the login options"
    )


@contextmanager
def _answering(connection: Any) -> Iterator[None]:
    """Hang up on a server that does not answer in time, such as one whose owner put a pipe in the place of its files.

    Neither driver has a time limit of its own, and no signal wakes psycopg2 or a server that opens a pipe.

    :raises DatabaseError: when the time is over.
    """
    is_late = False

    def hang_up() -> None:
        nonlocal is_late
        is_late = True
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = Timer(ANSWER_TIMEOUT_SECONDS, hang_up)
    timer.start()
    try:
        yield
    except Exception as error:
        if is_late:
            raise DatabaseError(
                f"the server did not answer a statement within {ANSWER_TIMEOUT_SECONDS} seconds; find out what it waits for "
                "(pg_stat_activity, a lock, a configuration file that is a pipe), and run again"
            ) from error
        raise
    finally:
        timer.cancel()


@contextmanager
def _sql_errors() -> Iterator[None]:
    driver = load_driver()
    try:
        yield
    except driver.Error as error:
        raise DatabaseError(f"the server refused a statement: {in_one_line(error)}") from error
    except UnicodeDecodeError as error:
        raise DatabaseError(f"the server answered in an encoding that cannot be read: {error}") from error
