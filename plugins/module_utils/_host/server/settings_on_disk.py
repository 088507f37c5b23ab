# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings that a server would read from its files now: postgresql.conf, what it includes, postgresql.auto.conf.

The last assignment in reading order wins (manual, section 20.1).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..._pgconf.environment import Files
from ..._pgconf.settings.included_settings import read_conf
from ..._pgconf.settings.postgresql_conf import AUTO_CONF, Assignment
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..files.links import acting_as
from .configuration_files import files_around
from .processes import below
from .running_servers import read_lines


def read_settings(config_file: str, data_directory: str | None, root: str = "/") -> dict[str, str]:
    """Return value by lower-case name; what cannot be read or parsed is left out, the server will complain about it."""
    around = files_around(below(root, config_file))

    def read(path: str) -> str:
        with acting_as(_reader(data_directory, root)):
            return "\n".join(read_lines(below(root, path)))

    def list_directory(path: str) -> Sequence[str] | None:
        with acting_as(_reader(data_directory, root)):
            return around.list_directory(below(root, path))

    files = Files(config_file, read, list_directory)
    auto_conf = None if data_directory is None else os.path.join(data_directory, AUTO_CONF)
    lines = read_conf(read(config_file), NEWEST_VERSION, files, auto_conf)
    return {line.entry.name.lower(): line.entry.value for line in lines if isinstance(line.entry, Assignment)}


def _reader(data_directory: str | None, root: str) -> int:
    """As whom the files are read: the server reads them as the owner of its data directory, who may name any file."""
    try:
        return os.geteuid() if data_directory is None else os.stat(below(root, data_directory)).st_uid
    except OSError:
        return os.geteuid()
