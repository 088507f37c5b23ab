# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restart would read, judged while the server still runs: one that finds a fault in these files stays down."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..._pgconf.environment import Files
from ..._pgconf.errors import ConfigError
from ..._pgconf.login.verdict import FileVerdict, judge_hba, judge_ident
from ..._pgconf.vocabulary import HOSTS_SINCE, NEWEST_VERSION
from ..errors import ModuleError
from .clusters import Cluster
from .configuration_files import read_configuration
from .running_servers import read_start_command
from .settings_on_disk import read_settings
from .tls_files import acting_as_owner, check_tls_files, hosts_file

_Judge = Callable[[str, int, Files], FileVerdict]


def check_restart(cluster: Cluster) -> None:
    """Find what would keep a server from coming up again, or its clients from getting in.

    :raises ModuleError: that names the setting and the file.
    """
    try:
        settings = read_settings(cluster.config_file, cluster.data_directory)
        _check_data_directory(cluster, settings)
        named = {**settings, **read_start_command(cluster.data_directory).settings}
        _check_absolute(named, "hba_file", "ident_file")
        _check_file(cluster, "hba_file", cluster.hba_file, judge_hba)
        # A server starts without it, and then has no map and refuses to tell anything about it at the next reload.
        _check_file(cluster, "ident_file", cluster.ident_file, judge_ident)
        _check_hosts_file(cluster, settings)
        _check_socket_directories(cluster, named)
        check_tls_files(cluster)
    except (ModuleError, ConfigError) as error:
        raise ModuleError(
            f"the cluster {cluster.data_directory} was not restarted, because it would not come up as it should: {error}"
        ) from error


def _check_data_directory(cluster: Cluster, settings: dict[str, str]) -> None:
    named = settings.get("data_directory")
    if named and os.path.realpath(named) != os.path.realpath(cluster.data_directory):
        raise ModuleError(f"data_directory {named} is not the one that the server uses now; correct the setting")


def _check_absolute(settings: dict[str, str], *names: str) -> None:
    """A relative path of these leads to where the server is started (manual, section 20.2), which is nobody's choice."""
    for name in names:
        value = settings.get(name)
        if value is not None and not os.path.isabs(value):
            raise ModuleError(
                f"{name} is {value!r}, which the server looks for in the directory where it is started; write an absolute "
                "path, or remove the setting"
            )


def _check_file(cluster: Cluster, setting: str, path: str, judge: _Judge) -> None:
    """Judge a file of rules or maps, read as the server's own user."""
    with acting_as_owner(cluster):
        if not os.path.isfile(path) or not os.access(path, os.R_OK, effective_ids=True):
            fault = "cannot be read by" if os.path.exists(path) else "is not there for"
            raise ModuleError(f"{setting} {path} {fault} {cluster.owner}; correct the setting or install the file")
        text, files = read_configuration(path)
        verdict = judge(text, min(cluster.version, NEWEST_VERSION), files)
    for one in verdict.errors:
        where = f" line {one.line_number}" if one.line_number else ""
        raise ModuleError(f"{setting} {one.file}{where}: {one.problem}")


def _check_hosts_file(cluster: Cluster, settings: dict[str, str]) -> None:
    """A server with ssl_sni and no file of names would serve another certificate than it was told to."""
    path = hosts_file(cluster)
    if cluster.version >= HOSTS_SINCE and settings.get("hosts_file") and path and not os.path.isfile(path):
        raise ModuleError(f"hosts_file {path} does not exist; correct the setting or install the file")


def _check_socket_directories(cluster: Cluster, settings: dict[str, str]) -> None:
    for named in settings.get("unix_socket_directories", "").split(","):
        path = named.strip().strip('"')
        if not os.path.isabs(path):  # an abstract socket begins with @; another path is one below the data directory
            continue
        with acting_as_owner(cluster):
            is_usable = os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK, effective_ids=True)
        if not is_usable:
            raise ModuleError(
                f"unix_socket_directories names {path}, where {cluster.owner} cannot make a socket; create the directory, "
                "correct its owner and mode, or correct the setting"
            )
