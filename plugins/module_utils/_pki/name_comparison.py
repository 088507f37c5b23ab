# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distinguished names as they are compared (RFC 5280 section 7.1): without case, with single blanks, whatever the type of string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compat import x509

FoldedName = tuple[frozenset[tuple[str, str]], ...]


def folded(name: x509.Name) -> FoldedName:
    """The parts of a name; two names that are the same have the same parts."""
    return tuple(frozenset((one.oid.dotted_string, _folded_value(one.value)) for one in part) for part in name.rdns)


def is_same_name(one: x509.Name, other: x509.Name) -> bool:
    """Whether two names are the same."""
    return one == other or folded(one) == folded(other)


def _folded_value(value: Any) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return re.sub(r"[ \t\n\v\f\r]+", " ", text).strip(" ").encode().lower().decode()
