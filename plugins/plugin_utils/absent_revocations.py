# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The revocation of what the inventory says is absent, whoever holds it."""

from __future__ import annotations

from typing import Any


def revocation_of_absent(name: str, host: str) -> dict[str, Any]:
    """The certificates of this name of a host, as an entry of the option revocations; what has expired is left alone."""
    return {"name": name, "host": host, "reason": "cessationOfOperation", "only_if_valid": True}
