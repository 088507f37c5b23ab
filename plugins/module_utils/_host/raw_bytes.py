# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""Bytes of files that are not UTF-8, such as a comment in Latin-1: kept in the file, and shown as ``\xfc`` in results.

Inside the modules such a byte is a surrogate (PEP 383), so that it is written back as it was; Ansible refuses results
with surrogates. An option that holds what a result showed means those bytes again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import ModuleError

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN = re.compile(r"\\x[89a-f][0-9a-f]")
_FIRST_OF_BYTES = 0xDC00


def show_bytes(text: str) -> str:
    """Return the text with what is not UTF-8 escaped by backslashes; the very same text where all of it is."""
    return text if text.isascii() else _SURROGATE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    number = ord(found.group())
    is_byte = _FIRST_OF_BYTES + 0x80 <= number <= _FIRST_OF_BYTES + 0xFF
    return f"\\x{number - _FIRST_OF_BYTES:02x}" if is_byte else f"\\u{number:04x}"


def readable(value: Any) -> Any:
    """Return a result in which each string, however deep, is valid text; the very same result where all of them are."""
    return value if all(map(str.isascii, _strings(value))) else _made_readable(value)


def _made_readable(value: Any) -> Any:
    if isinstance(value, str):
        return show_bytes(value)
    if isinstance(value, Mapping):
        return {_made_readable(key): _made_readable(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_made_readable(element) for element in value]
    return value


def recall_bytes(
    params: Mapping[str, Any], warn: Callable[[str], None], describe: Callable[[], Any], *options: str
) -> dict[str, Any]:
    """Return the parameters in which these options mean the bytes of the file where they hold what a result shows of them.

    describe: returns what results say of the file, before it is made readable; asked only where an option may mean bytes.

    :raises ModuleError: when an option may mean two things that the file holds.
    """
    given = {name: params[name] for name in options if params.get(name)}
    if not any(map(_SHOWN.search, _strings(given))):
        return dict(params)
    known: dict[str, set[str]] = {}
    for text in _strings(describe()):
        if _SURROGATE.search(text) or _SHOWN.search(text):
            known.setdefault(show_bytes(text), set()).add(text)
    for option, value in given.items():
        unknown = [found for found in map(_SHOWN.search, _strings(value)) if found and found.string not in known]
        for shown in {found.group(): None for found in unknown if not found.string.startswith("/")}:
            warn(
                f"{option}: {shown} is written as these four characters, because the file holds nothing that is shown like that; "
                "where a byte of another file is meant, copy its line with the tools of that encoding"
            )
    return {**params, **{option: _recalled(value, option, known) for option, value in given.items()}}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings([*value, *value.values()])
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _strings(element)


def _recalled(value: Any, option: str, known: Mapping[str, set[str]]) -> Any:
    if isinstance(value, str):
        meant = known.get(value, {value})
        if len(meant) > 1:
            shown = _SHOWN.findall(value)[0]
            raise ModuleError(
                f"{option}: {shown} is in the file as these four characters, and also for a byte that is not UTF-8; "
                "which of the two is meant is ambiguous, so change one of them in the file by hand"
            )
        return next(iter(meant))
    if isinstance(value, Mapping):
        return {_recalled(key, option, known): _recalled(element, option, known) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_recalled(element, option, known) for element in value]
    return value
