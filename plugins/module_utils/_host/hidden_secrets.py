# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets that PostgreSQL keeps in its files: no result, diff, warning, failure or invocation shows them.

They are the options of pg_hba.conf that hold passwords (PostgreSQL manual, 20.10 and 20.12), and the word ``password`` of
a connection string in postgresql.conf or of a connection service file (34.1 and 34.17).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._pgconf.vocabulary import SECRET_OPTIONS

MASK = "********"
_WORDS = ("password", "://", *SECRET_OPTIONS)
_RULE_OPTION = re.compile(rf"\b(?:{'|'.join(sorted(SECRET_OPTIONS))})=")
_ENDS_TOKEN = " \t\r\n,#"
# In a connection string a value ends at a blank, unless it is in quotes (which postgresql.conf doubles).
_PASSWORD = re.compile(r"(\b(?:ssl)?password\s*=\s*)('{1,2}(?:[^'\\\n]|\\.)+'{1,2}|[^\s'\"]+)")
_URI = re.compile(r"(\bpostgres(?:ql)?://[^\s:/@']*:)[^\s@']+(?=@)")
# In a service file it goes to the end of the line.
_PASSWORD_LINE = re.compile(r"^(\s*(?:ssl)?password\s*=)(.+)$", re.MULTILINE)


def without_secrets(value: Any) -> Any:
    """Return a result, or the parameters of a task, with the mask in place of each secret, however deep it stands.

    What holds none is returned as it is, without a copy.
    """
    if isinstance(value, str):
        return _masked(value) if any(word in value for word in _WORDS) else value
    if isinstance(value, Mapping):
        shown = {
            key: MASK if key in SECRET_OPTIONS and element else without_secrets(element)
            for key, element in value.items()
        }
        return shown if any(shown[key] is not value[key] for key in shown) else value
    if isinstance(value, (list, tuple)):
        elements = [without_secrets(element) for element in value]
        return elements if any(new is not old for new, old in zip(elements, value)) else value
    return value


def _masked(text: str) -> str:
    for pattern in (_PASSWORD_LINE, _PASSWORD, _URI):
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """The text with the options of rules masked."""
    position = 0
    for found in _RULE_OPTION.finditer(text):
        if found.start() < position:  # inside the value of another one
            continue
        yield text[position : found.end()]
        position = _end_of_token(text, found.end(), is_quoted=text[found.start() - 1 : found.start()] == '"')
        yield MASK if position > found.end() else ""
        yield '"' * (text.count('"', found.end(), position) % 2)
    yield text[position:]


def _end_of_token(text: str, position: int, is_quoted: bool) -> int:
    """Where a word of pg_hba.conf ends: at a blank or a comma outside of quotes, or at the end of the (joined) line."""
    while position < len(text):
        character = text[position]
        if character == "\n" and not text[max(0, position - 2) : position].rstrip("\r").endswith("\\"):
            break
        if character in _ENDS_TOKEN and character != "\n" and not is_quoted:
            break
        is_quoted = is_quoted != (character == '"')
        position += 1
    return position
