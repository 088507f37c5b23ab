# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client libraries: how each is given its files, and a program of each that connects.

A program reads one connection per line, and answers it with ``connected<tab>ANSWER`` or ``refused<tab>REASON``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "clients"
# Who the server says that we are: the role, subject and serial number of the certificate, and the version of TLS.
QUERY = (
    "SELECT concat_ws(' ', current_user, client_dn, client_serial, version) "
    "FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
)


@dataclass(frozen=True)
class Presented:
    """What a client is given: the server by its name, and files; without a certificate the root alone."""

    host: str
    port: int
    user: str
    root: str
    certificate: str | None = None
    private_key: str | None = None
    passphrase: str | None = None

    def parameters(self) -> dict[str, object]:
        """What is given, by the names that libpq, pgjdbc, lib/pq and pgx share."""
        known = {
            "host": self.host,
            "port": self.port,
            "dbname": "postgres",
            "user": self.user,
            "sslmode": "verify-full",
            "sslrootcert": self.root,
            "sslcert": self.certificate,
            "sslkey": self.private_key,
            "sslpassword": self.passphrase,
        }
        return {name: value for name, value in known.items() if value is not None}


def conninfo(presented: Presented) -> str:
    """A connection string of libpq, lib/pq and pgx."""
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in presented.parameters().items())


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" if set(value) & set("' \\") else value


def jdbc_url(presented: Presented) -> str:
    """A URL of pgjdbc."""
    given = presented.parameters()
    host, port, database = (given.pop(name) for name in ("host", "port", "dbname"))
    return f"jdbc:postgresql://{host}:{port}/{database}?{urlencode(given, safe='/')}"


def node_configuration(presented: Presented) -> str:
    """A configuration of node-postgres, which leaves the reading of files to the application."""
    files = {"ca": presented.root, "cert": presented.certificate, "key": presented.private_key}
    if (presented.private_key or "").endswith(".p12"):
        files = {"ca": presented.root, "pfx": presented.private_key}
    tls = [f'{name}: readFileSync("{path}")' for name, path in files.items() if path]
    tls += [f'passphrase: "{presented.passphrase}"'] if presented.passphrase else []
    return (
        f'{{ host: "{presented.host}", port: {presented.port}, database: "postgres", user: "{presented.user}", '
        f"ssl: {{ {', '.join(tls)} }} }}"
    )


@dataclass(frozen=True)
class Talk:
    """A running program."""

    process: subprocess.Popen[str]
    connection: Callable[[Presented], str]

    def connect(self, presented: Presented) -> tuple[str, str]:
        """The outcome, and the answer or the reason."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{self.connection(presented)}\n")
        self.process.stdin.flush()
        outcome, said = self.process.stdout.readline().rstrip("\n").split("\t")
        return outcome, said


@dataclass(frozen=True)
class Client:
    """A client library of the page, and the program that connects with it."""

    title: str
    command: Callable[[], Sequence[str]]
    connection: Callable[[Presented], str] = conninfo

    @contextmanager
    def running(self) -> Iterator[Talk]:
        """Start the program, and end it."""
        home = CACHE / "home"  # of nobody's certificates
        home.mkdir(parents=True, exist_ok=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "20"}
        environment["NODE_PATH"] = "/usr/share/nodejs:/usr/lib/node_modules"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(self.command(), **pipes, text=True, env=environment) as process:
            try:
                yield Talk(process, self.connection)
            finally:
                process.kill()


@cache
def go_program() -> str:
    """The program of lib/pq and pgx; Go compiles it when it changed."""
    program = CACHE / "connect"
    environment = {"PATH": os.environ["PATH"], "GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    command = ["go", "build", "-o", str(program), str(HERE / "connect.go")]
    subprocess.run(command, check=True, timeout=900, env={**environment, "GOCACHE": str(CACHE / "go")})
    return str(program)


@cache
def java_command() -> tuple[str, ...]:
    """The program of pgjdbc."""
    classes = "/usr/share/java/postgresql.jar"
    subprocess.run(["javac", "-cp", classes, "-d", CACHE, HERE / "Connect.java"], check=True, timeout=300)
    return "java", "-cp", f"{classes}:{CACHE}", "Connect", QUERY


def python_command(python: str, library: str) -> list[str]:
    """The libraries of some Python."""
    return [python, str(HERE / "connect.py"), library, QUERY]


PSQL = Client("psql", lambda: ["sh", str(HERE / "connect.sh"), QUERY])
PSYCOPG = Client("psycopg 3", lambda: python_command("/usr/bin/python3", "psycopg"))
PSYCOPG2 = Client("psycopg2", lambda: python_command("/usr/bin/python3", "psycopg2"))
PGJDBC = Client("pgjdbc", java_command, jdbc_url)
NODE = Client("node-postgres", lambda: ["node", str(HERE / "connect.js"), QUERY], node_configuration)
LIB_PQ = Client("lib/pq", lambda: [go_program(), "postgres", QUERY])
PGX = Client("pgx", lambda: [go_program(), "pgx", QUERY])
PGXPOOL = Client("pgxpool", lambda: [go_program(), "pgxpool", QUERY])
CLIENTS = (PSQL, PSYCOPG, PSYCOPG2, PGJDBC, NODE, LIB_PQ, PGX)
