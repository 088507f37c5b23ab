# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that a managed host must have, or one clear sentence."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from .._pki.compat import CRYPTOGRAPHY_ERROR, CRYPTOGRAPHY_VERSION
from .errors import ModuleError
from .packages import CRYPTOGRAPHY, PSYCOPG, HostPython, MissingLibrary

OLDEST_CRYPTOGRAPHY = (3, 3)  # Debian 11
_DRIVERS = ("psycopg", "psycopg2")
# What a process must be able to do once a library is installed.
TRIALS = {
    CRYPTOGRAPHY: "from cryptography import x509; from cryptography.hazmat.primitives.asymmetric import ec",
    PSYCOPG: "try:\n    import psycopg\nexcept ImportError:\n    import psycopg2",
}
_DISTRIBUTIONS_OWN = ("/usr/bin/", "/usr/libexec/")
_DEFAULT_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


def python_of_host() -> HostPython:
    """The Python that runs this process."""
    real = os.path.realpath(sys.executable)
    is_default = real in [os.path.realpath(path) for path in _DEFAULT_PYTHONS]
    is_foreign = sys.prefix != sys.base_prefix or not real.startswith(_DISTRIBUTIONS_OWN)
    return HostPython(sys.executable, sys.version_info[:2], is_default, is_foreign)


def import_driver() -> Any:
    """The module psycopg, or psycopg2 where only that works; None where neither does."""
    for name in _DRIVERS:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def missing_libraries(names: Sequence[str]) -> list[MissingLibrary]:
    """Which of the libraries this process cannot use."""
    missing = []
    if CRYPTOGRAPHY in names and not _has_cryptography():
        missing.append(MissingLibrary(CRYPTOGRAPHY, CRYPTOGRAPHY_VERSION or "none"))
    if PSYCOPG in names and import_driver() is None:
        missing.append(MissingLibrary(PSYCOPG, "none"))
    return missing


def require_cryptography() -> None:
    """Stop where cryptography is missing or too old.

    :raises ModuleError: that names the packages.
    """
    if _has_cryptography():
        return
    found = CRYPTOGRAPHY_VERSION or "none"
    raise ModuleError(
        f"the Python library cryptography 3.3 or newer is needed for {sys.executable} (found: {found}); "
        "install the package python3-cryptography (Debian, Ubuntu, SUSE and the RHEL family call it so)"
    )


def _has_cryptography() -> bool:
    return CRYPTOGRAPHY_ERROR is None and _version(CRYPTOGRAPHY_VERSION) >= OLDEST_CRYPTOGRAPHY


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
