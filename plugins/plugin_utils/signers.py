# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the CAs below the root signs a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def intermediate_for(usages: Iterable[str], intermediates: Sequence[Mapping[str, Any]]) -> str:
    """The name of the first one that signs for all of these usages; empty where the root itself signs."""
    wanted = set(usages)
    return next((str(one["name"]) for one in intermediates if wanted <= set(one["usages"])), "")
