# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that a task asks for: a server takes nearly any of them for a name, and people mean something else."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from ..vocabulary import REGEX_SINCE
from .regex_checker import regex_problem
from .tokens import keyword_meant


def check_word(noun: str, word: str, keywords: frozenset[str], version: int) -> None:
    """Raise ConfigError for a database or role of the option ``noun`` that is hardly meant as a server takes it."""
    check_one_line(noun, word)
    meant = keyword_meant(word, keywords)
    if meant is not None:
        kind = "database" if noun == "database" else "role"
        raise ConfigError(
            f'{noun} "{word}" is the {kind} of that name; write {meant}, or put it in double quotes if that name is meant'
        )
    if word == "+" and noun != "database":
        raise ConfigError(f'{noun} "+" names no role; write the name of the group after the plus sign')
    if version >= REGEX_SINCE:
        check_expression(noun, word, version)


def check_expression(noun: str, word: str, version: int) -> None:
    """Raise ConfigError for a regular expression of the option ``noun`` that PostgreSQL cannot read."""
    problem = regex_problem(word[1:], version) if word.startswith("/") else None
    if problem:
        raise ConfigError(f'{noun} "{word}": {problem}')


def check_one_line(what: str, text: str) -> None:
    """Raise ConfigError for a text that would break out of its line."""
    if "\n" in text:
        raise ConfigError(f"{what} holds a line break; write it on one line")


def check_elements(what: str, value: Any) -> None:
    """Raise ConfigError for a dict, or a list with more than words in it."""
    if isinstance(value, dict):
        raise ConfigError(f"{what} is a dict; give it one value")
    for element in value if isinstance(value, (list, tuple)) else ():
        if isinstance(element, (list, tuple, dict)):
            kind = "dict" if isinstance(element, dict) else "list"
            raise ConfigError(f"{what} holds a {kind} in a list; give it one value or one list")
