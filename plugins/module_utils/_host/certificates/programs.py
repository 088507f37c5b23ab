# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a program that was run for the inventory, and how it is ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any


def why_not_started(error: Exception) -> str:
    """The words of Popen's error."""
    return getattr(error, "strerror", None) or str(error)


def how_it_ended(number: int) -> str:
    """A return code of Popen in words."""
    return f"exit status {number}" if number > 0 else f"signal {-number}"


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a program that leads a session of its own, and what it started there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
