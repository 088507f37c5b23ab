# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away servers of several major versions, as judges: files go in from outside, the views' rows come out.

A version that this machine has installed runs as it is; the others run in a root of their own (scripts/fetch-server.sh).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam
from typing import Any

import psycopg
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import Build, DirectoryError, Files
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.values import read_kinds

VERSIONS = (13, 14, 15, 16, 17, 18, 19)
STRIPPED_BUILDS = (14, 16)  # no GSSAPI, LDAP, PAM
CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pgtls-postgresql/servers"
_ROOT_USER = 5432  # the user "postgres" inside a fetched root
_PATIENCE = 60.0
_COMMON = "fsync = off\nautovacuum = off\nlog_connections = on\n"


def is_installed(version: int) -> bool:
    """Whether this machine has the server's own package."""
    return os.path.exists(f"/usr/lib/postgresql/{version}/bin/postgres")


def available_versions() -> list[int]:
    """The versions that can start without anything being fetched."""
    in_roots = os.geteuid() == 0
    return [version for version in VERSIONS if is_installed(version) or (in_roots and (CACHE / str(version)).exists())]


def root_of(version: int) -> str:
    """The folder to chroot into; empty for an installed server."""
    if is_installed(version):
        return ""
    if os.geteuid() != 0:
        raise RuntimeError(
            f"PostgreSQL {version} is not installed here, and only root can run it in a root of its own."
        )
    fetch = [str(CHECKOUT / "scripts/fetch-server.sh"), str(version)]
    return subprocess.run(fetch, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@dataclass
class Server:
    """A running server. Its files lie in ``directory`` (seen from outside), which it calls ``inside``."""

    version: int
    root: str
    directory: Path
    owner: tuple[int, int] | None  # user and group id of the server, None when it is our own
    settings: dict[str, str] = field(default_factory=dict)
    listen: str = ""  # addresses; without any the port only names the socket
    port: int = 5432
    process: subprocess.Popen[bytes] | None = None
    _connection: psycopg.Connection[Any] | None = None
    _log_read: int = 0

    @property
    def inside(self) -> str:
        """The server's own name of the directory."""
        return str(self.directory)[len(self.root) :]

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The one open session of a superuser."""
        assert self._connection is not None
        return self._connection

    def path(self, name: str) -> str:
        """The server's own name of a file in its directory."""
        return f"{self.inside}/conf/{name}"

    @property
    def build(self) -> Build:
        """What our parser has to know of this server."""
        full = self.version not in STRIPPED_BUILDS or is_installed(self.version)
        libraries = self.settings.get("oauth_validator_libraries", "")
        rows = self.query("SELECT lower(name), vartype, unit, context, min_val, max_val, enumvals FROM pg_settings")
        columns = ("vartype", "unit", "context", "min_val", "max_val", "enumvals")
        return Build(
            ssl_on=self.settings.get("ssl") == "on",
            gss=full,
            ldap=full,
            pam=full,
            oauth_validators=tuple(name for name in libraries.split(",") if name) if self.version >= 18 else None,
            settings=read_kinds({row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}),
        )

    def files(self, main: str) -> Files:
        """How our parser reaches what the server reads."""
        return Files(self.path(main), self._read, self._list)

    def _read(self, path: str) -> str | None:
        try:
            return Path(self.root + path).read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise DirectoryError(f"{path} is a directory") from error
        except (OSError, ValueError) as error:
            raise ConfigError(str(error)) from error

    def _list(self, path: str) -> list[str] | None:
        try:
            return [entry.name for entry in os.scandir(self.root + path) if not entry.is_dir()]
        except OSError:
            return None

    def write(self, name: str, content: str) -> None:
        """Write a file into the directory."""
        Path(self.directory, "conf", name).write_bytes(content.encode("utf-8", "surrogateescape"))

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a query; the server's bytes become text without loss."""
        rows = self.connection.execute(text).fetchall()
        return [tuple(_decoded(value) for value in row) for row in rows]

    def configure(self, **settings: str) -> None:
        """Give the server these settings, and wait until the session has them."""
        self.settings.update(settings)
        self.write("postgresql.conf", self._configuration())
        self.reload()
        for name, value in settings.items():
            end = time.monotonic() + _PATIENCE
            while self.query(f"SELECT current_setting('{name}')") != [(value,)]:
                if time.monotonic() > end:
                    raise RuntimeError(
                        f"PostgreSQL {self.version} does not take {name} = {value}:\n{self.log()[-2000:]}"
                    )
                time.sleep(0.01)

    def _configuration(self) -> str:
        settings = {
            "ssl_cert_file": self.path("server.crt"),
            "ssl_key_file": self.path("server.key"),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        return _COMMON + "".join(f"{name} = '{value}'\n" for name, value in settings.items())

    def _fixed(self) -> list[str]:
        """Settings for the command line: a file that lacks them is no change that only a restart could bring."""
        settings = {
            "config_file": self.path("postgresql.conf"),
            "hba_file": self.path("pg_hba.conf"),
            "ident_file": self.path("pg_ident.conf"),
            "unix_socket_directories": self.inside,
            "listen_addresses": self.listen,
            "port": str(self.port),
            "dynamic_shared_memory_type": "mmap",
            "shared_buffers": "16MB",
        }
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def reload(self) -> None:
        """Make the server read its files, and wait until it has."""
        self.query("SELECT pg_reload_conf()")
        self.connect().close()  # the main process takes nobody before it is through

    def connect(self, **keywords: Any) -> psycopg.Connection[Any]:
        """A new session of the superuser, by the socket unless told otherwise."""
        where = {"host": str(self.directory), "port": self.port, "user": "postgres", "dbname": "postgres"}
        options = {"client_encoding": "SQL_ASCII", "connect_timeout": 10, "gssencmode": "disable"}
        return psycopg.connect(**{**where, **options, **keywords}, autocommit=True)

    def log(self) -> str:
        """The whole log."""
        return (self.directory / "log").read_text("utf-8", "surrogateescape")

    def new_log(self) -> str:
        """What was logged since the last call."""
        with open(self.directory / "log", "rb") as stream:
            stream.seek(self._log_read)
            text = stream.read()
        self._log_read += len(text)
        return text.decode("utf-8", "surrogateescape")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs to its end."""
        command = self._command(program, *arguments)
        done = subprocess.run(command, **self._identity(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} of PostgreSQL {self.version} failed:\n{done.stdout}{done.stderr}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        folder = f"/usr/lib/postgresql/{self.version}"
        enter = ["chroot", f"--userspec={_ROOT_USER}:{_ROOT_USER}", self.root] if self.root else []
        return [*enter, f"{folder}/bin/{program}", *arguments]

    def _identity(self) -> dict[str, Any]:
        folder = f"/usr/lib/postgresql/{self.version}/lib"
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        if self.root:
            return {"env": {**environment, "LD_LIBRARY_PATH": folder}, "cwd": "/"}
        if self.owner is None:
            return {"env": environment, "cwd": "/"}
        return {"env": environment, "cwd": "/", "user": self.owner[0], "group": self.owner[1], "extra_groups": []}

    def start(self) -> None:
        """Make the cluster and start it."""
        data = f"{self.inside}/data"
        self.run("initdb", "-D", data, "-U", "postgres", "-E", "SQL_ASCII", "--locale=C", "--no-sync", "-A", "trust")
        self.write("pg_hba.conf", "local all all trust\n")
        self.write("pg_ident.conf", "")
        self.write("postgresql.conf", self._configuration())
        with open(self.directory / "log", "wb") as log:
            command = self._command("postgres", "-D", data, *self._fixed())
            self.process = subprocess.Popen(
                command, **self._identity(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.reconnect()

    def reconnect(self) -> None:
        """Open the session, as soon as the server lets it in."""
        assert self.process is not None
        self._connection = None
        end = time.monotonic() + _PATIENCE
        while self._connection is None:
            try:
                self._connection = self.connect()
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL {self.version} does not start: {error}\n{self.log()}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop what was started."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth keeping
            self.process.wait(timeout=30)


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return [_decoded(one) for one in value] if isinstance(value, list) else value


def _make_certificate(directory: Path) -> None:
    """A key and a certificate for the server."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", str(directory / "server.key"), "-out", str(directory / "server.crt")],
        check=True,
        capture_output=True,
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(version: int, listen: str = "", **settings: str) -> Iterator[Server]:
    """A server of this major version with these settings, stopped and removed at the end."""
    root = root_of(version)
    above = f"{root}/tmp" if root else tempfile.gettempdir()
    directory = Path(tempfile.mkdtemp(prefix="pgtls-", dir=above))
    owner: tuple[int, int] | None = None
    if root:
        owner = (_ROOT_USER, _ROOT_USER)
    elif os.geteuid() == 0:
        owner = getpwnam("postgres")[2:4]
    server = Server(version, root, directory, owner, dict(settings), listen, _free_port() if listen else 5432)
    try:
        os.chmod(directory, 0o755)
        (directory / "conf").mkdir()
        _make_certificate(directory / "conf")
        for path in (directory, directory / "conf", *(directory / "conf").iterdir()):
            if owner is not None:
                os.chown(path, *owner)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
