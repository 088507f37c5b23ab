# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server knows a setting and takes a value for it, given its own table of settings.

It follows parse_bool(), parse_int(), parse_real() and config_enum_lookup_by_name() of the server's guc.c. Texts are not
judged: what the server checks of them (time zones, search paths, ...) only the server knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches

from ..setting_kind import Kind
from ..text.tokens import mark_problem
from ..vocabulary import NEWEST_VERSION
from .values import canonical_name, parse_boolean

_BLANKS = " \t\n\v\f\r"
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)", re.ASCII)
_OCTAL = re.compile(r"0[0-7]*")
_HEX_REAL = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
_REAL = re.compile(
    rf"[ \t\n\v\f\r]*([+-]?(?:{_HEX_REAL}|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?))",
    re.ASCII | re.IGNORECASE,
)
_UNIT = re.compile(r"([^ \t\n\v\f\r]{1,3})[ \t\n\v\f\r]*\Z")
_BASE = re.compile(r"([0-9]*)([A-Za-z]+)\Z")
# A value with what stands around it in a file: "= '4MB'; # a comment".
_ALONE = re.compile(r"""\A[ =]*["']?(.*?)["']?[ ;]*(?:[ ;]#.*)?\Z""", re.DOTALL)
_INT_MAX = (1 << 31) - 1
_LONG_MAX = (1 << 63) - 1
_MEMORY = {"B": 1.0, "kB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3, "TB": 1024.0**4}
_TIME = {"us": 0.001, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
# Words of enums that the server takes and its table does not tell.
_HIDDEN_BOOLEANS = frozenset({"true", "false", "yes", "no", "1", "0"})
_ENUMS_WITH_BOOLEANS = frozenset(
    [
        "archive_mode",
        "backslash_quote",
        "compute_query_id",
        "constraint_exclusion",
        "debug_parallel_query",
        "force_parallel_mode",
        "huge_pages",
        "recovery_prefetch",
        "synchronous_commit",
        "wal_compression",
    ]
)
_HIDDEN_WORDS = {
    "client_min_messages": frozenset({"debug", "info"}),
    "log_min_messages": frozenset({"debug"}),
    "log_min_error_statement": frozenset({"debug"}),
    "icu_validation_level": frozenset({"debug"}),
    "trace_recovery_messages": frozenset({"debug"}),
    "wal_level": frozenset({"archive", "hot_standby"}),
}
# Settings that the server keeps out of its table.
_HIDDEN_KINDS = {
    "default_with_oids": Kind("bool"),
    "is_superuser": Kind("bool", None, "internal"),
    "role": Kind("enum", enum_values=("none",)),
    "seed": Kind("real", None, None, "-1", "1"),
    "session_authorization": Kind("string", None, "internal"),
    "ssl_renegotiation_limit": Kind("integer", "kB", None, "0", "0"),
}
# Settings of a transaction; a file cannot change them.
_OF_A_TRANSACTION = frozenset({"transaction_deferrable", "transaction_isolation"})
_STRINGS_CONFORM_SINCE = 19
_PASSWORDS_NAMED_SINCE = 14
_PASSWORDS_ON = frozenset({"on", "true", "yes", "1"})


def setting_problem(name: str, value: str, version: int, settings: Mapping[str, Kind]) -> str | None:
    """Why a server with this table of settings refuses the assignment, or None."""
    canonical = canonical_name(name, version)
    kind = settings.get(canonical) or _HIDDEN_KINDS.get(canonical)
    if kind is None:
        return _unknown_name(name, version, settings)
    if kind.context == "internal" or canonical in _OF_A_TRANSACTION:
        return f'setting "{name}" cannot be changed; remove the line'
    reason = value_problem(canonical, value, kind, version) or _rule_of_its_own(canonical, value, version)
    if reason and value != value.strip() and setting_problem(name, value.strip(), version, settings) is None:
        reason = "remove the blanks around it"
    elif reason:
        alone = _ALONE.sub(r"\1", value)
        if alone not in (value, "") and setting_problem(name, alone, version, settings) is None:
            reason = f"write {alone} alone"
    return f'setting "{name}" cannot be "{value}": {reason}' if reason else None


def _unknown_name(name: str, version: int, settings: Mapping[str, Kind]) -> str | None:
    if "." in name:  # a placeholder for an extension
        return None
    mark = mark_problem(name)
    if mark:
        return mark
    near = get_close_matches(name.lower(), settings, n=1, cutoff=0.8)
    meant = f"; is {near[0]} meant?" if near else "; correct its name or remove the line"
    return f'PostgreSQL {version} has no setting "{name}"{meant}'


def _rule_of_its_own(name: str, value: str, version: int) -> str | None:
    """What the server checks of single settings beyond their kind."""
    if name == "vacuum_buffer_usage_limit":
        found = _read_number(value, integer=True)
        number = _in_base_unit(found[0], found[1].lstrip(_BLANKS) or "kB", "kB") if found else None
        return "write 0 or at least 128kB" if number is not None and 0 < round(number) < 128 else None
    if name == "default_with_oids":
        return "it can only be off" if parse_boolean(value) else None
    if name == "standard_conforming_strings" and version >= _STRINGS_CONFORM_SINCE:
        return None if parse_boolean(value) else "it can only be on"
    return None


def value_problem(name: str, value: str, kind: Kind, version: int = NEWEST_VERSION) -> str | None:
    """Why a setting of this kind does not take the value, or None."""
    if kind.vartype == "bool":
        return None if parse_boolean(value) is not None else "write on or off"
    if kind.vartype == "enum":
        return _enum_problem(name, value, kind, version)
    if kind.vartype in ("integer", "real"):
        return _number_problem(value, kind)
    return None


def _enum_problem(name: str, value: str, kind: Kind, version: int) -> str | None:
    if kind.enum_values is None:
        return None
    word = value.lower()
    if name == "password_encryption" and version < _PASSWORDS_NAMED_SINCE and word in _PASSWORDS_ON:
        return None
    hidden = _HIDDEN_WORDS.get(name, frozenset()) | (_HIDDEN_BOOLEANS if name in _ENUMS_WITH_BOOLEANS else frozenset())
    if word in hidden or word in (one.lower() for one in kind.enum_values):
        return None
    return f"write one of {', '.join(one or chr(39) * 2 for one in kind.enum_values)}"


def _number_problem(text: str, kind: Kind) -> str | None:
    integer = kind.vartype == "integer"
    found = _read_number(text, integer)
    if found is None or math.isinf(found[0]) and integer:
        return "write a number"
    number, rest = found
    unit = rest.lstrip(_BLANKS)
    if unit:
        converted = _in_base_unit(number, unit, kind.unit)
        if converted is None:
            return "write a number" + (f" with a unit of {_units(kind.unit)}" if kind.unit else " without a unit")
        number = converted
    number = float(round(number)) if integer else number
    least = float(kind.min_value) if kind.min_value else -math.inf
    most = float(kind.max_value) if kind.max_value else math.inf
    if (integer and abs(number) > _INT_MAX + 1) or not least <= number <= most:
        return f"it is outside {kind.min_value} to {kind.max_value}" + (f" {kind.unit}" if kind.unit else "")
    return None


def _units(base: str) -> str:
    """The units that a setting takes, as the server spells them."""
    return ", ".join(_MEMORY if base.lstrip("0123456789") in _MEMORY else _TIME)


def _read_number(text: str, integer: bool) -> tuple[float, str] | None:
    """The number at the start as C's strtol (base 0) and strtod read it, and what follows it."""
    found = _INTEGER.match(text) if integer else None
    if found is not None:
        digits = found.group(2)
        end = found.end()
        if digits[0] == "0" and digits[1:2] not in ("x", "X"):
            octal = _OCTAL.match(digits)
            end -= len(digits) - len(octal.group(0) if octal else "")
            value = int(octal.group(0), 8) if octal else 0
        else:
            value = int(digits, 16 if digits[:2] in ("0x", "0X") else 10)
        if text[end : end + 1] not in (".", "e", "E") and value <= _LONG_MAX:
            return (-1.0 if found.group(1) == "-" else 1.0) * value, text[end:]
    elif integer and not text.startswith("."):
        return None  # strtol, having found no digits, stays at the start, and only a point there leads on to strtod
    real = _REAL.match(text)
    if real is None:
        return None
    digits = real.group(1)
    try:
        number = float.fromhex(digits) if "x" in digits.lower() else float(digits)
    except OverflowError:
        return None
    if math.isinf(number) and "inf" not in digits.lower():
        return None
    return number, text[real.end() :]


def _in_base_unit(number: float, unit: str, base: str | None) -> float | None:
    found, base_found = _UNIT.match(unit), _BASE.match(base or "")
    if found is None or base_found is None:
        return None
    for units in (_MEMORY, _TIME):
        if base_found.group(2) in units and found.group(1) in units:
            return number * units[found.group(1)] / (units[base_found.group(2)] * int(base_found.group(1) or 1))
    return None
