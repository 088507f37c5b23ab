# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that a managed host must have, or one clear sentence."""

from __future__ import annotations

import re
import sys

from .._pki.compat import CRYPTOGRAPHY_ERROR, CRYPTOGRAPHY_VERSION
from .errors import ModuleError

OLDEST_CRYPTOGRAPHY = (3, 3)  # Debian 11


def require_cryptography() -> None:
    """Stop where cryptography is missing or too old.

    :raises ModuleError: that names the packages.
    """
    if CRYPTOGRAPHY_ERROR is None and _version(CRYPTOGRAPHY_VERSION) >= OLDEST_CRYPTOGRAPHY:
        return
    found = CRYPTOGRAPHY_VERSION or "none"
    raise ModuleError(
        f"the Python library cryptography 3.3 or newer is needed for {sys.executable} (found: {found}); "
        "install the package python3-cryptography (Debian, Ubuntu, SUSE and the RHEL family call it so)"
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
