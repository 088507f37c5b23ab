# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of postgresql.conf: when two texts mean the same, and how a value is written safely.

Without the server's own table of settings (``kinds``) the built-in one tells the kind; what is not known is text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from ..errors import ConfigError
from ..setting_kind import Kind
from ..text.asked_words import check_elements
from ..vocabulary import NEWEST_VERSION
from .builtin_table import known_settings

# Old names that the server still takes; the new name counts. The second table holds since 18.
ALIASES = {"sort_mem": "work_mem", "vacuum_mem": "maintenance_work_mem"}
ALIASES_18 = {"ssl_ecdh_curve": "ssl_groups"}

_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")
_NUMBER = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+))\s*([A-Za-z]*)\s*\Z")
_MEMORY = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_TIME = {
    "us": Fraction(1, 1000),
    "ms": Fraction(1),
    "s": Fraction(1000),
    "min": Fraction(60_000),
    "h": Fraction(3_600_000),
    "d": Fraction(86_400_000),
}
_BARE_VALUE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z|[+-]?[0-9]+(?:[A-Za-z]+)?\Z|[+-]?[0-9]+\.[0-9]+\Z", re.ASCII)
# Classes of the server's scanner, by the ASCII that is not in them: every byte from 0x80 on is a letter.
LETTER, WORD = r"[^\x00-@\[-^`{-\x7f]", r"[^\x00-/:-@\[-^`{-\x7f]"
_RAW_BYTES = re.compile("[\udc80-\udcff]+")  # those that are characters together are read back from a file as such
_IN_QUOTES = re.compile(r"'[^']*'\Z")
_NAME = re.compile(rf"{LETTER}{WORD}*", re.ASCII)


def read_kinds(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Kind]:
    """The server's table of settings: rows of pg_settings by lower-case name.

    A row has vartype, unit and context, and may have min_val, max_val and enumvals.
    """
    return {
        name: Kind(
            row["vartype"],
            row["unit"],
            row["context"],
            row.get("min_val"),
            row.get("max_val"),
            tuple(row["enumvals"]) if row.get("enumvals") is not None else None,
        )
        for name, row in rows.items()
    }


def canonical_name(name: str, version: int) -> str:
    """The name that counts: lower case, and the new name of an alias."""
    name = name.lower()
    name = ALIASES.get(name, name)
    return ALIASES_18.get(name, name) if version >= 18 else name


def check_name(name: str) -> None:
    """Raise ConfigError for a name that the file cannot hold."""
    parts = name.split(".")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        near = get_close_matches(
            re.sub(r"[- ]", "_", name.strip().lower()), known_settings(NEWEST_VERSION), n=1, cutoff=0.8
        )
        meant = f"is {near[0]} meant?" if near else "write it as in the manual, such as ssl_cert_file"
        raise ConfigError(f'settings: "{name}" is not a known setting; {meant}')
    if name.lower() in ("include", "include_if_exists", "include_dir"):
        raise ConfigError(f'"{name}" is a directive, not a setting; write its line by hand')


def read_value(name: str, value: Any) -> str | None:
    """The text of a value as a task gives it: bool, number, text, list (joined), or None for "not set"."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        raise ConfigError(f'setting "{name}" is a dict; give one value, a list, or null')
    check_elements(f'setting "{name}"', value)
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    if _IN_QUOTES.match(text) and not name.lower().endswith("_command"):
        raise ConfigError(
            f'setting "{name}" has quotes of its own ("{text}"); leave them out, the file gets those it needs'
        )
    if "\0" in text:
        raise ConfigError(f'setting "{name}" holds a NUL, which the file format cannot express')
    return _RAW_BYTES.sub(
        lambda found: found[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"), text
    )


def same_value(name: str, one: str, other: str, kind: Kind | None = None) -> bool:
    """Whether the server makes the same of both texts: on/yes/true, 1GB/1024MB, upper and lower case of enums."""
    if one == other:
        return True
    name = name.lower()
    return _canonical(name, one, kind) == _canonical(name, other, kind)


def _canonical(name: str, text: str, kind: Kind | None) -> Hashable:
    kind = kind or known_settings(NEWEST_VERSION).get(name) or Kind("string")
    if kind.vartype in ("integer", "real"):
        number = _quantity(text, _base_unit(kind.unit))
        return text if number is None else number
    if kind.vartype in ("bool", "enum"):
        boolean = parse_boolean(text, bare_numbers=kind.vartype == "bool")
        return text.lower() if boolean is None else boolean
    return text


def parse_boolean(text: str, bare_numbers: bool = True) -> bool | None:
    """A boolean as parse_bool() of the server reads it: unique prefixes, any case; 1 and 0 only where asked for."""
    word = text.lower()
    if bare_numbers and word in ("1", "0"):
        return word == "1"
    for words, result in ((_TRUE, True), (_FALSE, False)):
        if any(full.startswith(word) and len(word) >= (2 if full[0] == "o" else 1) for full in words):
            return result
    return None


def _base_unit(unit: str | None) -> tuple[str, Fraction | int] | None:
    """The dimension and size of a base unit of pg_settings, such as 8kB or min."""
    found = re.match(r"([0-9]*)([A-Za-z]+)\Z", unit or "")
    if found is None:
        return None
    factor = int(found.group(1) or 1)
    if found.group(2) in _MEMORY:
        return "memory", factor * _MEMORY[found.group(2)]
    return ("time", factor * _TIME[found.group(2)]) if found.group(2) in _TIME else None


def _quantity(text: str, base: tuple[str, Fraction | int] | None) -> Hashable | None:
    """(dimension, exact size) of a number with its unit; None for what is no such number. Units are case-sensitive."""
    found = _NUMBER.match(text)
    if found is None:
        return None
    digits, unit = found.groups()
    number = _number(digits)
    if not unit:
        return (base[0], number * base[1]) if base else ("number", number)
    for dimension, units in (("memory", _MEMORY), ("time", _TIME)):
        if unit in units:
            return (dimension, number * Fraction(units[unit]))
    return None


def _number(digits: str) -> Fraction:
    """Integers as strtol base 0 reads them (010 is eight), everything else as a decimal fraction."""
    body = digits.lstrip("+-")
    sign = -1 if digits.startswith("-") else 1
    if body.lower().startswith("0x"):
        return Fraction(sign * int(body, 16))
    if re.fullmatch(r"0[0-7]+", body):
        return Fraction(sign * int(body, 8))
    return sign * Fraction(body.rstrip(".") if body.endswith(".") else body)


def quote_value(text: str) -> str:
    """The value as the file holds it: bare words and numbers as they are, everything else in single quotes."""
    if _BARE_VALUE.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    for character, escape in (("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"), ("\b", r"\b"), ("\f", r"\f")):
        escaped = escaped.replace(character, escape)
    return f"'{escaped}'"


def needs_restart(name: str, kind: Kind | None = None) -> bool:
    """Whether only a restart makes the server use a new value; ``kind`` is the server's own word, where it could be asked."""
    known = kind if kind and kind.context else known_settings(NEWEST_VERSION).get(name.lower())
    return known is not None and known.context == "postmaster"
