# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who starts and stops a cluster: systemd, Debian's pg_ctlcluster, or plain pg_ctl."""

from __future__ import annotations

import os

from .processes import below
from .running_servers import Postmaster, read_lines

SYSTEMD = "systemd"
PG_CTLCLUSTER = "pg_ctlcluster"
PG_CTL = "pg_ctl"
_UNIT_DIRECTORIES = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")


def find_manager(
    data_directory: str, version: int, debian_name: str | None, server: Postmaster | None, root: str = "/"
) -> tuple[str, str | None]:
    """Return the manager of a cluster and its unit (None without systemd).

    A running server belongs to systemd only when it runs in the control group of a unit; a stopped one when a unit
    is made for its data directory.
    """
    if os.path.isdir(below(root, "/run/systemd/system")):
        unit = server.unit if server else _unit_for(data_directory, version, debian_name, root)
        if unit is not None:
            return SYSTEMD, unit
    if debian_name is not None and os.path.exists(below(root, "/usr/bin/pg_ctlcluster")):
        return PG_CTLCLUSTER, None
    return PG_CTL, None


def _unit_for(data_directory: str, version: int, debian_name: str | None, root: str) -> str | None:
    """The unit that would start a stopped cluster: Debian's template, or one whose PGDATA is the data directory."""
    if debian_name is not None:
        template = "postgresql@.service"
        present = any(os.path.exists(below(root, f"{place}/{template}")) for place in _UNIT_DIRECTORIES)
        return f"postgresql@{version}-{debian_name}.service" if present else None
    found = None
    for place in _UNIT_DIRECTORIES:  # a later directory overrides an earlier one
        for path in _unit_files(below(root, place)):
            if any(_pgdata(line) == data_directory.rstrip("/") for line in read_lines(path)):
                found = os.path.relpath(path, below(root, place)).split("/", 1)[0].removesuffix(".d")
    return found


def _unit_files(directory: str) -> list[str]:
    """The units of PostgreSQL in a directory, and their drop-in files."""
    try:
        names = [name for name in sorted(os.listdir(directory)) if name.startswith("postgres")]
    except OSError:
        return []
    files = [os.path.join(directory, name) for name in names if name.endswith(".service")]
    for folder in (os.path.join(directory, name) for name in names if name.endswith(".service.d")):
        files += [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".conf")]
    return files


def _pgdata(line: str) -> str | None:
    words = line.strip().removeprefix("Environment=").strip("\"'")
    return words.removeprefix("PGDATA=").rstrip("/") if words.startswith("PGDATA=") else None
