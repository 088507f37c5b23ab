# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the PostgreSQL clusters of a host: running ones, Debian's layout, that of Red Hat and PGDG, a named one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from grp import getgrgid
from pwd import getpwuid
from typing import Any

from ..._pgconf.errors import ConfigError
from ..errors import ModuleError
from .configuration_files import check_own_settings
from .other_writers import CLOUDNATIVE_PG, sign_of_operator
from .patroni import PATRONI, sign_of_patroni
from .peers import SERVER_ACCOUNT, name_of
from .processes import below
from .running_servers import (
    Ignored,
    Postmaster,
    StartCommand,
    find_postmasters,
    read_lines,
    read_start_command,
    running_postmaster,
)
from .service_managers import find_manager
from .settings_on_disk import read_settings

DEBIAN_CONFIGURATION = "/etc/postgresql"
DATA_DIRECTORIES = ("/var/lib/pgsql/data", "/var/lib/pgsql/*/data", "/var/lib/postgres/data")
DEFAULT_PORT = 5432
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
# Settings that roles and modules ask for, with the server's own defaults.
SETTINGS = {
    "ssl": "off",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
    "ssl_ca_file": "",
    "ssl_crl_file": "",
    "ssl_crl_dir": "",
    "ssl_min_protocol_version": "TLSv1.2",
    "ssl_max_protocol_version": "",
    "ssl_passphrase_command": "",
    "password_encryption": "scram-sha-256",
    "listen_addresses": "localhost",
    "port": str(DEFAULT_PORT),
}


@dataclass(frozen=True)
class Cluster:
    """A database cluster on this host; settings are those of its files as they are now, not those in force."""

    version: int
    name: str | None
    data_directory: str
    config_file: str
    hba_file: str
    ident_file: str
    owner: str
    group: str
    port: int
    socket_directory: str
    listen_addresses: str
    running: bool
    pid: int | None
    manager: str
    unit: str | None
    bin_directory: str | None
    managed_by: str | None = None
    in_usual_place: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return the cluster as modules report it."""
        return asdict(self)

    @property
    def is_expected(self) -> bool:
        """Whether it may be chosen by its port: any user can run a PostgreSQL of his own on whatever port is free.

        One in a place of the distribution, which root made, or one of the user postgres or of whoever asks.
        """
        return self.in_usual_place or self.owner in (SERVER_ACCOUNT, _name(getpwuid, os.geteuid()))

    def __str__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"{self.data_directory} (version {self.version}, port {self.port}, {state})"

    def path(self, setting: str) -> str | None:
        """Return a file setting as an absolute path (relative ones are below the data directory), None when empty."""
        value = self.settings.get(setting, "")
        return os.path.join(self.data_directory, value) if value else None


@dataclass(frozen=True)
class _Found:
    """A place that may hold a cluster; name and config_file where Debian's layout tells them."""

    data_directory: str
    name: str | None = None
    config_file: str | None = None
    is_usual: bool = False


@dataclass(frozen=True)
class Survey:
    """The clusters of a host, ordered by data directory, and what only looks like one."""

    clusters: list[Cluster]
    ignored: list[Ignored]


def find_clusters(data_directory: str | None = None, root: str = "/") -> list[Cluster]:
    """Return the clusters of this host, ordered by data directory; `data_directory` adds one at any other place."""
    return survey(data_directory, root).clusters


def survey(data_directory: str | None = None, root: str = "/") -> Survey:
    """Return the clusters of this host, and why something that looks like one is not among them.

    :raises ModuleError: when the cluster of `data_directory` itself cannot be understood.
    """
    servers, ignored = find_postmasters(root)
    running = [_Found(server.data_directory) for server in servers]
    places = _by_place(root, [*_debian_clusters(root), *_usual_places(root), *running, *_explicit(data_directory)])
    wanted = data_directory and os.path.realpath(below(root, data_directory))
    clusters = []
    for place, found in places.items():
        try:
            clusters.append(_describe(found, root))
        except (ModuleError, ConfigError, OSError, ValueError) as error:
            if place == wanted:
                raise
            ignored.append(Ignored(found.data_directory, None, str(error)))
    return Survey(sorted(clusters, key=lambda cluster: cluster.data_directory), ignored)


def find_cluster(data_directory: str) -> Cluster:
    """Return the cluster of a data directory as its files and processes are now.

    :raises ModuleError: when there is none.
    """
    server = running_postmaster(os.path.abspath(data_directory))
    running = [_Found(server.data_directory)] if server is not None else []
    places = _by_place("/", [*_debian_clusters("/"), *_usual_places("/"), *running, *_explicit(data_directory)])
    found = places.get(os.path.realpath(data_directory))
    return choose_cluster([] if found is None else [_describe(found, "/")], data_directory, None)


def _by_place(root: str, candidates: Iterable[_Found]) -> dict[str, _Found]:
    """Those that hold a cluster, each place once, as the first of them knows it."""
    places: dict[str, _Found] = {}
    for found in candidates:
        if os.path.isfile(below(root, os.path.join(found.data_directory, "PG_VERSION"))):
            places.setdefault(os.path.realpath(below(root, found.data_directory)), found)
    return places


def choose_cluster(clusters: Iterable[Cluster], data_directory: str | None, port: int | None) -> Cluster:
    """Return the one cluster that is meant; `port` chooses among several, a host's only one is taken whatever its port.

    One that nobody could expect (see Cluster) has to be named by its data directory.

    :raises ModuleError: when there is none, or more than one.
    """
    known = list(clusters)
    if data_directory is not None:
        wanted = os.path.realpath(data_directory)
        for cluster in known:
            if os.path.realpath(cluster.data_directory) == wanted:
                return cluster
        raise ModuleError(
            f"data_directory: there is no cluster in {data_directory} (no PG_VERSION that can be read); "
            f"make one with initdb or name another directory{_blindness()}"
        )
    strangers = "".join(f"; {one} of the user {one.owner} does not count" for one in known if not one.is_expected)
    known = [one for one in known if one.is_expected]
    if not known:
        raise ModuleError(
            "no PostgreSQL cluster was found on this host (running servers, /etc/postgresql, /var/lib/pgsql); "
            f"create one, or set data_directory{strangers}{_blindness()}"
        )
    matching = [cluster for cluster in known if port is None or cluster.port == port] if len(known) > 1 else known
    if len(matching) == 1:
        return matching[0]
    names = "; ".join(str(cluster) for cluster in known)
    wish = (
        "set port or data_directory" if port is None else f"{len(matching)} of them use port {port}, set data_directory"
    )
    raise ModuleError(f"{len(known)} PostgreSQL clusters were found: {names}; {wish}{strangers}")


def _blindness() -> str:
    """Data directories are their owners' alone."""
    if os.geteuid() == 0:
        return ""
    account = name_of(os.geteuid()) or f"uid {os.geteuid()}"
    return f"; this task runs as {account}, who may not see all of them, so set become to true"


def _debian_clusters(root: str) -> list[_Found]:
    found = []
    for version, name in _two_levels(below(root, DEBIAN_CONFIGURATION)):
        config_file = f"{DEBIAN_CONFIGURATION}/{version}/{name}/postgresql.conf"
        if os.path.isfile(below(root, config_file)):
            usual = f"/var/lib/postgresql/{version}/{name}"
            directory = read_settings(config_file, None, root).get("data_directory") or usual
            found.append(_Found(directory, name, config_file, is_usual=True))
    return found


def _two_levels(directory: str) -> list[tuple[str, str]]:
    try:
        return [
            (first, second)
            for first in sorted(os.listdir(directory))
            if os.path.isdir(os.path.join(directory, first))
            for second in sorted(os.listdir(os.path.join(directory, first)))
        ]
    except OSError:
        return []


def _usual_places(root: str) -> list[_Found]:
    versions = {version for version, _data in _two_levels(below(root, "/var/lib/pgsql"))}
    places = [place.replace("*", version) for place in DATA_DIRECTORIES for version in sorted(versions) or [""]]
    return [_Found(place, is_usual=True) for place in dict.fromkeys(places)]


def _explicit(data_directory: str | None) -> list[_Found]:
    return [_Found(os.path.abspath(data_directory))] if data_directory else []


def _describe(found: _Found, root: str) -> Cluster:
    directory = found.data_directory
    version = _version(directory, root)
    server, started = running_postmaster(directory, root), read_start_command(directory, root)
    base = started.settings.get("data_directory") or directory  # what -D named is where the files default to
    config_file = _first_file(
        root, started.settings.get("config_file"), found.config_file, os.path.join(base, "postgresql.conf")
    )
    check_own_settings(below(root, directory))
    in_files = read_settings(config_file, directory, root)
    settings = {**SETTINGS, **in_files}
    names = {**in_files, **started.settings}
    hba_file = os.path.join(base, names.get("hba_file") or "pg_hba.conf")
    ident_file = os.path.join(base, names.get("ident_file") or "pg_ident.conf")
    own_files = [below(root, path) for path in (config_file, hba_file, ident_file)]
    status = os.stat(below(root, directory))
    manager, unit = find_manager(directory, version, found.name, server, root)
    for setting, path in (("config_file", config_file), ("hba_file", hba_file), ("ident_file", ident_file)):
        check_named(setting, path, directory, status.st_uid, root)
    return Cluster(
        version=version,
        name=found.name,
        data_directory=directory,
        config_file=config_file,
        hba_file=hba_file,
        ident_file=ident_file,
        owner=_name(getpwuid, status.st_uid),
        group=_name(getgrgid, status.st_gid),
        # the setting may be broken, which is no reason not to find the cluster and mend it
        port=(server and server.port) or (int(settings["port"]) if settings["port"].isdigit() else DEFAULT_PORT),
        socket_directory=(server and server.socket_directory) or _socket_directory(settings, root),
        listen_addresses=names.get("listen_addresses", SETTINGS["listen_addresses"]),
        running=server is not None,
        pid=server.pid if server else None,
        manager=manager,
        unit=unit,
        bin_directory=_bin_directory(version, server, started, root),
        managed_by=_manager_of_files(below(root, directory), own_files),
        in_usual_place=found.is_usual,
        settings={name: settings[name] for name in SETTINGS},
    )


def _manager_of_files(directory: str, own_files: list[str]) -> str | None:
    """The tool that writes the configuration files by itself; the first of them is the file of settings."""
    if sign_of_patroni(directory, own_files):
        return PATRONI
    return CLOUDNATIVE_PG if sign_of_operator(own_files[0]) else None


def check_named(setting: str, path: str, directory: str, owner: int, root: str) -> None:
    """See that a file that the owner of the cluster names could be his: root is going to edit it.

    What stands in the data directory, or in Debian's place, nobody has to name.

    :raises ModuleError: when it belongs to somebody else.
    """
    if os.path.dirname(path) == directory or os.path.normpath(path).startswith(f"{DEBIAN_CONFIGURATION}/"):
        return
    try:
        uid = os.stat(below(root, path)).st_uid
    except (OSError, ValueError):  # it is missing, or no path at all
        return
    if uid != owner:
        raise ModuleError(
            f"{setting} of the cluster in {directory} is {path}, which belongs to uid {uid} and not to uid {owner}, the owner "
            "of the cluster; make him its owner, or correct the setting"
        )


def _version(directory: str, root: str) -> int:
    path = os.path.join(directory, "PG_VERSION")
    lines = read_lines(below(root, path))
    if not lines or not _VERSION.fullmatch(lines[0]):
        raise ModuleError(f"{path} holds no version of PostgreSQL; name the data directory of a cluster")
    return int(lines[0].partition(".")[0])


def _first_file(root: str, *candidates: str | None) -> str:
    named = [path for path in candidates if path]
    return next((path for path in named if os.path.isfile(below(root, path))), named[-1])


def _name(find: Any, number: int) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def _socket_directory(settings: dict[str, str], root: str) -> str:
    """The first socket directory of a stopped server; distributions build in one of two defaults."""
    named = settings.get("unix_socket_directories", "").split(",")[0].strip().strip('"')
    return named or next((path for path in ("/var/run/postgresql",) if os.path.isdir(below(root, path))), "/tmp")


def _bin_directory(version: int, server: Postmaster | None, started: StartCommand, root: str) -> str | None:
    programs = [server.executable if server else None, started.program]
    places = [os.path.dirname(program) for program in programs if program]
    places += [f"/usr/lib/postgresql/{version}/bin", f"/usr/pgsql-{version}/bin", "/usr/bin", "/usr/local/bin"]
    return next((place for place in places if os.path.isfile(below(root, os.path.join(place, "pg_ctl")))), None)
