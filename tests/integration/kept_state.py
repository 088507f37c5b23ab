# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run keeps about a cluster outside its data directory, so that tests can look at it and leave nothing behind."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256


def state_of(data_directory: str) -> str:
    """Return where pg_server keeps its journal: for root below /var/lib/pgtls, else in the data directory."""
    real = os.path.realpath(data_directory)
    if os.geteuid() != 0:
        return real
    return os.path.join("/var/lib/pgtls", sha256(real.encode()).hexdigest()[:32])


def forget_state(data_directory: str) -> None:
    """Remove what root keeps of a cluster, and the place of all of them when it was the last."""
    if os.geteuid() == 0:
        shutil.rmtree(state_of(data_directory), ignore_errors=True)
        with suppress(OSError):
            os.rmdir("/var/lib/pgtls")
