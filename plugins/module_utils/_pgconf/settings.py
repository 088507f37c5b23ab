# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of postgresql.conf: when two texts mean the same, and how a value is written safely.

Without the server's own table of settings (``kinds``) the kind of a setting is told by its name, conservatively: what is
not known is compared as text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .errors import ConfigError

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
# Settings whose value is text to the letter although it may look like something else.
_TEXT_SETTING = re.compile(
    r"(_file|_command|_directory|_directories|_dir|_libraries|_prefix|_path|_name|_names|_ciphers|_suites|_groups"
    r"|_curve|_addresses|_tablespace|_tablespaces|_template|_conninfo|_group|_provider|_library)\Z"
    r"|\A(search_path|timezone|datestyle|lc_.*|default_text_search_config)\Z"
)
_ENUM_SETTING = re.compile(
    r"_protocol_version\Z|\A(wal_level|log_statement|password_encryption|synchronous_commit|wal_sync_method"
    r"|client_min_messages|log_min_messages|log_min_error_statement|log_error_verbosity|huge_pages|bytea_output"
    r"|default_transaction_isolation|backslash_quote|constraint_exclusion|force_parallel_mode|plan_cache_mode"
    r"|intervalstyle|session_replication_role|shared_memory_type|dynamic_shared_memory_type|ssl_library"
    r"|track_functions|wal_compression|xmlbinary|xmloption|archive_mode|io_method|recovery_target_action)\Z"
)
_BOOLEAN_SETTING = re.compile(
    r"\A(ssl|ssl_prefer_server_ciphers|ssl_sni|ssl_passphrase_command_supports_reload|fsync|full_page_writes|autovacuum"
    r"|log_disconnections|log_hostname|log_checkpoints|log_duration|log_lock_waits|logging_collector|hot_standby|jit"
    r"|krb_caseins_users|gss_accept_delegation|md5_password_warnings|data_checksums|row_security|track_.*|enable_.*)\Z"
)
# Settings that only a restart of the server changes (context "postmaster"), for when no server can be asked.
RESTART_SETTINGS = frozenset(
    [
        "archive_mode",
        "autovacuum_freeze_max_age",
        "autovacuum_max_workers",
        "bonjour",
        "bonjour_name",
        "cluster_name",
        "config_file",
        "data_directory",
        "dynamic_shared_memory_type",
        "event_source",
        "external_pid_file",
        "hba_file",
        "hosts_file",
        "hot_standby",
        "huge_page_size",
        "huge_pages",
        "ident_file",
        "io_method",
        "jit_provider",
        "listen_addresses",
        "logging_collector",
        "max_connections",
        "max_files_per_process",
        "max_locks_per_transaction",
        "max_logical_replication_workers",
        "max_pred_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "min_dynamic_shared_memory",
        "old_snapshot_threshold",
        "port",
        "recovery_target",
        "recovery_target_action",
        "recovery_target_name",
        "recovery_target_time",
        "reserved_connections",
        "shared_buffers",
        "shared_memory_type",
        "shared_preload_libraries",
        "superuser_reserved_connections",
        "trace_connection_negotiation",
        "track_activity_query_size",
        "track_commit_timestamp",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
        "wal_buffers",
        "wal_decode_buffer_size",
        "wal_level",
        "wal_log_hints",
    ]
)
# Base units of settings that people write with and without a unit.
_BASE_UNITS = {
    **dict.fromkeys(("shared_buffers", "effective_cache_size", "temp_buffers", "wal_buffers"), ("memory", 8192)),
    **dict.fromkeys(("work_mem", "maintenance_work_mem", "autovacuum_work_mem", "temp_file_limit"), ("memory", 1024)),
    **dict.fromkeys(("max_wal_size", "min_wal_size", "wal_keep_size", "max_slot_wal_keep_size"), ("memory", 1024**2)),
    **dict.fromkeys(("checkpoint_timeout", "authentication_timeout", "archive_timeout"), ("time", 1000)),
    **dict.fromkeys(("tcp_keepalives_idle", "tcp_keepalives_interval", "autovacuum_naptime"), ("time", 1000)),
    **dict.fromkeys(("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"), ("time", 1)),
    **dict.fromkeys(("deadlock_timeout", "log_min_duration_statement", "wal_sender_timeout"), ("time", 1)),
}
_BARE_VALUE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z|[+-]?[0-9]+(?:[A-Za-z]+)?\Z|[+-]?[0-9]+\.[0-9]+\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*", re.ASCII)


@dataclass(frozen=True)
class Kind:
    """What pg_settings says of a setting: vartype (bool, integer, real, enum, string), unit (kB, 8kB, s, ...), context."""

    vartype: str
    unit: str | None = None
    context: str | None = None


def read_kinds(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Kind]:
    """The server's table of settings: rows of pg_settings (vartype, unit, context) by lower-case name."""
    return {name: Kind(row["vartype"], row["unit"], row["context"]) for name, row in rows.items()}


def canonical_name(name: str, version: int) -> str:
    """The name that counts: lower case, and the new name of an alias."""
    name = name.lower()
    name = ALIASES.get(name, name)
    return ALIASES_18.get(name, name) if version >= 18 else name


def check_name(name: str) -> None:
    """Raise ConfigError for a name that the file cannot hold."""
    parts = name.split(".")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(f'"{name}" is no name of a setting; write it as in the manual, such as ssl_cert_file')
    if name.lower() in ("include", "include_if_exists", "include_dir"):
        raise ConfigError(f'"{name}" is a directive and no setting')


def read_value(name: str, value: Any) -> str | None:
    """The text of a value as a task gives it: bool, number, text, list (joined), or None for "not set"."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(element) for element in value)
    if isinstance(value, dict):
        raise ConfigError(f'setting "{name}" is a dict; give one value, a list, or null')
    text = str(value)
    if "\0" in text:
        raise ConfigError(f'setting "{name}" holds a NUL, which the file format cannot express')
    return text


def same_value(name: str, one: str, other: str, kind: Kind | None = None) -> bool:
    """Whether the server makes the same of both texts: on/yes/true, 1GB/1024MB, upper and lower case of enums."""
    if one == other:
        return True
    name = name.lower()
    return _canonical(name, one, kind) == _canonical(name, other, kind)


def _canonical(name: str, text: str, kind: Kind | None) -> Hashable:
    vartype = kind.vartype if kind else _guess(name)
    if vartype == "string":
        return text
    if vartype in ("integer", "real", "number"):
        unit = kind.unit if kind else None
        number = _quantity(text, _base_unit(unit) if kind else _BASE_UNITS.get(name))
        if number is not None:
            return number
    if vartype in ("bool", "enum", "number"):
        boolean = parse_boolean(text, bare_numbers=vartype == "bool")
        if boolean is not None:
            return boolean
    return text.lower() if vartype in ("enum", "bool") else text


def _guess(name: str) -> str:
    if _TEXT_SETTING.search(name) or "." in name:
        return "string"
    if _BOOLEAN_SETTING.search(name):
        return "bool"
    return "enum" if _ENUM_SETTING.search(name) else "number"


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
    return kind.context == "postmaster" if kind and kind.context else name.lower() in RESTART_SETTINGS
