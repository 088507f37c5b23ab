# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away PostgreSQL clusters and sites, as fixtures for several folders of tests; each test run stops exactly those it started."""

from __future__ import annotations

import csv
import getpass
import glob
import io
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

import pytest
from demo_site import ConvergedSites, Site, demo_site, with_programs_of
from kept_state import forget_state


def identity_of(owner: str) -> dict[str, object]:
    """Return the arguments of subprocess.run that make a child run as this user (nothing for an ordinary user)."""
    if os.geteuid() != 0:
        return {}
    entry = getpwnam(owner)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(owner, entry.pw_gid)}


def as_owner(owner: str) -> list[str]:
    """Words before a command of root, which then runs as this user."""
    return ["setpriv", f"--reuid={owner}", f"--regid={getpwnam(owner).pw_gid}", "--init-groups", "--"]


@dataclass(frozen=True)
class Cluster:
    """A running throw-away cluster. root: where its programs and their libraries are, empty for those of this machine."""

    data_directory: str
    port: int
    socket_directory: str
    owner: str
    bin_directory: str
    log: str
    root: str = ""

    def run(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run one of the server's own programs as the owner of the cluster."""
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        program = os.path.join(self.bin_directory, command[0])
        enter = [*with_programs_of(self.root), *as_owner(self.owner)] if self.root else []
        return subprocess.run(
            [*enter, program, *command[1:]],
            check=True,
            capture_output=True,
            text=True,
            cwd="/",
            env=environment,
            **({} if self.root else identity_of(self.owner)),
            **options,
        )

    def sql(self, text: str, database: str = "postgres") -> list[tuple[str, ...]]:
        """Return the rows of a query as psql (not our own code) prints them; NULL is an empty string."""
        where = ["-h", self.socket_directory, "-p", str(self.port), "-U", self.owner, "-d", database]
        done = self.run("psql", "-X", "--csv", "-t", "-v", "ON_ERROR_STOP=1", *where, "-c", text)
        return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))]

    def start(self) -> None:
        """Start the server and wait until it answers. Its output goes to its log, never to a pipe of ours."""
        self.run("pg_ctl", "-D", self.data_directory, "-l", self.log, "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stop the server when it runs."""
        if os.path.exists(os.path.join(self.data_directory, "postmaster.pid")):
            self.run("pg_ctl", "-D", self.data_directory, "-m", "immediate", "-w", "stop")

    def reload(self) -> None:
        """Tell the server to read its files again, without any proof."""
        self.run("pg_ctl", "-D", self.data_directory, "reload")

    def configure(self, text: str) -> None:
        """Append lines to postgresql.conf."""
        with open(os.path.join(self.data_directory, "postgresql.conf"), "a", encoding="utf-8") as stream:
            stream.write(text)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> str:
        """Write a file of the data directory, owned by the owner, and return its path."""
        path = os.path.join(self.data_directory, name)
        Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        if os.geteuid() == 0:
            shutil.chown(path, self.owner, getpwnam(self.owner).pw_gid)
        return path

    @property
    def login(self) -> dict[str, object]:
        """The login options of the modules for this cluster."""
        return {"login_port": self.port, "login_unix_socket": self.socket_directory}


def find_bin_directory() -> str:
    """Return the directory of the newest server on this machine."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb") + glob.glob("/usr/pgsql-*/bin/initdb")
    newest = max(found, key=lambda path: [int(part) for part in path.replace("-", "/").split("/") if part.isdigit()])
    return os.path.dirname(newest)


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def lasting_port() -> int:
    """Return a TCP port that nobody listens on and that no outgoing connection takes while nobody does."""
    for port in range(20000 + os.getpid() % 10000, 32000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port below 32000 is free")


def create_cluster(directory: str, owner: str, root: str = "") -> Cluster:
    """Make and start a cluster below a directory that its owner can reach.

    root: where a server of another version is (scripts/fetch-server.sh); it is named after the version.
    """
    on_path = shutil.which("initdb")
    bin_directory = os.path.dirname(os.path.realpath(on_path)) if on_path else find_bin_directory()
    if root:
        bin_directory = f"/usr/lib/postgresql/{os.path.basename(root)}/bin"
    data, sockets = os.path.join(directory, "data"), os.path.join(directory, "sockets")
    for path in (data, sockets):
        os.mkdir(path, 0o700 if path == data else 0o755)
        if os.geteuid() == 0:
            shutil.chown(path, owner, getpwnam(owner).pw_gid)
    if os.geteuid() == 0:
        shutil.chown(directory, owner, getpwnam(owner).pw_gid)
    cluster = Cluster(data, free_port(), sockets, owner, bin_directory, os.path.join(directory, "server.log"), root)
    authentication = ["--auth-local=peer", "--auth-host=scram-sha-256"]
    cluster.run("initdb", "-D", data, "-U", owner, "--no-sync", "-E", "UTF8", "--locale=C", *authentication)
    cluster.configure(
        f"port = {cluster.port}\nunix_socket_directories = '{sockets}'\nlisten_addresses = '127.0.0.1'\n"
        "fsync = off\nlog_connections = on\nshared_buffers = '16MB'\n"
    )
    cluster.start()
    return cluster


@pytest.fixture(scope="session")
def make_cluster() -> Iterator[Callable[[], Cluster]]:
    """Return a function that makes one more cluster, of another version when given a root; all are removed at the end."""
    owner = "postgres" if os.geteuid() == 0 else getpass.getuser()
    with _kept_until_the_end() as keep:
        yield lambda root="": keep(lambda directory: create_cluster(directory, owner, root))


@contextmanager
def _kept_until_the_end() -> Iterator[Callable[[Callable[[str], Cluster]], Cluster]]:
    """A function that has a cluster made in a directory of its own; all are stopped and removed at the end."""
    made: list[tuple[str, Cluster]] = []

    def keep(create: Callable[[str], Cluster]) -> Cluster:
        directory = tempfile.mkdtemp(prefix="pgtls-")
        os.chmod(directory, 0o755)
        made.append((directory, create(directory)))
        return made[-1][1]

    try:
        yield keep
    finally:
        for directory, cluster in made:
            cluster.stop()
            forget_state(cluster.data_directory)
            shutil.rmtree(directory)


def create_standby(directory: str, primary: Cluster) -> Cluster:
    """Make and start a hot standby of a cluster below a directory of its own, fed through the primary's socket."""
    data, sockets = os.path.join(directory, "data"), os.path.join(directory, "sockets")
    os.mkdir(sockets, 0o755)
    for path in (directory, sockets):
        if os.geteuid() == 0:
            shutil.chown(path, primary.owner, getpwnam(primary.owner).pw_gid)
    where = ["-h", primary.socket_directory, "-p", str(primary.port)]
    primary.run("pg_basebackup", "-D", data, *where, "-U", primary.owner, "-R", "-X", "stream", "--checkpoint=fast")
    log = os.path.join(directory, "server.log")
    standby = Cluster(data, free_port(), sockets, primary.owner, primary.bin_directory, log)
    standby.configure(f"port = {standby.port}\nunix_socket_directories = '{sockets}'\n")
    standby.start()
    return standby


@pytest.fixture
def standby_of() -> Iterator[Callable[[Cluster], Cluster]]:
    """Return a function that makes a standby of a cluster; all are stopped and removed at the end of the test."""
    with _kept_until_the_end() as keep:
        yield lambda primary: keep(lambda directory: create_standby(directory, primary))


@pytest.fixture(scope="session")
def cluster(make_cluster: Callable[[], Cluster]) -> Cluster:
    """Return a cluster that all tests share; they leave its settings as they found them."""
    return make_cluster()


@pytest.fixture
def fresh_cluster(make_cluster: Callable[[], Cluster]) -> Iterator[Cluster]:
    """Return a cluster that one test may change as it likes."""
    made = make_cluster()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Return a site of the module's own."""
    with demo_site(free_port()) as made:
        yield made


@pytest.fixture(scope="session")
def converged_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConvergedSites]:
    """Return the maker of converged sites, which keeps its copy as long as this process runs."""
    folder = tmp_path_factory.mktemp("converged")
    folder.chmod(0o700)
    sites = ConvergedSites(folder, lasting_port())
    yield sites
    sites.forget()


@pytest.fixture(scope="module")
def converged(converged_sites: ConvergedSites) -> Iterator[Site]:
    """Return a site of the module's own after its first run of site.yml."""
    with converged_sites.site() as made:
        yield made
