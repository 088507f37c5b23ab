# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that no option can use, whatever it is for: refused once for all modules, before any of them looks at its options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NOT_UNICODE = re.compile("[\ud800-\udfff]")
_LARGEST = 2**31 - 1  # more than PostgreSQL, clocks and file systems count
# By the end of an option's name: what clocks and calendars still take.
_LIMITS = {"_days": 1_000_000, "timeout_seconds": 86_400}


def unusable_values(params: Mapping[str, Any], spec: Mapping[str, Any], outer: str = "") -> Iterator[str]:
    """A sentence for each such value; it names the option, and shows no value that may be a secret."""
    for name, value in params.items():
        option, where = spec.get(name) or {}, f"{outer}{name}"
        limit = next((_LIMITS[end] for end in _LIMITS if name.endswith(end)), _LARGEST)
        if isinstance(value, int) and option.get("type") == "int" and abs(value) > limit:
            yield f"{where} is {_number(value)}, but must be between {-limit} and {limit}"
        elif name.endswith("mode") and option.get("type") == "raw" and not _is_mode(value):
            yield f'{where} is {value!r}, but must be an octal number such as "0640"'
        elif "options" in option:
            for each in value if isinstance(value, list) else [value]:
                yield from unusable_values(each or {}, option["options"], f"{where}.")
        else:
            yield from _unusable_texts(where, value)


def _is_mode(value: Any) -> bool:
    return value is None or (isinstance(value, (str, int)) and not isinstance(value, bool))


def _number(value: int) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"a number of {len(text)} digits"


def _unusable_texts(where: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _unusable_texts(where, each)
    elif isinstance(value, str) and "\x00" in value:
        yield f"{where} holds a NUL character, which neither files nor PostgreSQL can hold; remove it"
    elif isinstance(value, str) and not value.isascii() and _NOT_UNICODE.search(value):
        yield f"{where} holds a character that is not Unicode (half of a surrogate pair); write it in UTF-8"
