# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the state of a cluster lies that a run acts on: for root a directory that root alone can write.

Another user keeps it in the data directory itself: whoever can change it there can do no more than that user.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from stat import S_IMODE, S_ISDIR

from ..errors import ModuleError

STATE_DIRECTORY = "/var/lib/pgtls"


def state_directory(data_directory: str) -> str:
    """Return the directory of a cluster's state; root has one per data directory, named by a digest of its real path."""
    real = os.path.realpath(data_directory)
    if os.geteuid() != 0:
        return real
    return os.path.join(STATE_DIRECTORY, sha256(real.encode("utf-8", "surrogateescape")).hexdigest()[:32])


def check_state_directory(directory: str) -> bool:
    """Return whether a state directory exists.

    :raises ModuleError: when somebody else than root could write it.
    """
    if os.geteuid() != 0:
        return True
    for path in (STATE_DIRECTORY, directory):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return False
        if not S_ISDIR(status.st_mode) or status.st_uid != 0 or S_IMODE(status.st_mode) & 0o022:
            raise ModuleError(
                f"{path} is not a directory that root alone can write, so nothing in it is trusted; find out who made it, "
                "then remove it"
            )
    return True


def make_state_directory(directory: str) -> None:
    """Make a state directory where it is missing: 0700, and root's.

    :raises ModuleError: when it cannot be made, or somebody else than root could write it.
    """
    if os.geteuid() != 0:
        return
    for path in (STATE_DIRECTORY, directory):
        try:
            with suppress(FileExistsError):
                os.mkdir(path, 0o700)
        except OSError as error:
            raise ModuleError(
                f"the directory {path} cannot be created ({error.strerror}); create it as root with mode 0700"
            ) from error
    check_state_directory(directory)
