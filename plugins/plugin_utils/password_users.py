# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pgtls_password_users says: one kind of user, or a list of kinds of which the first that fits a connection decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleFilterError

PASSWORD_USERS = "pgtls_password_users"
_EVERYBODY = "all"
_KEYS = ("users", "databases", "addresses", "method", "options")
# They ask for what such a user has. The others let in, or refuse, whoever comes.
_BY_PASSWORD = frozenset({"scram-sha-256", "md5", "password", "ldap", "pam", "radius"})


@dataclass(frozen=True)
class PasswordUsers:
    """One kind of user; names and addresses are as pg_hba.conf writes them."""

    users: tuple[str, ...]
    databases: tuple[str, ...]
    addresses: tuple[str, ...]
    method: str
    options: Mapping[str, Any]

    @property
    def where(self) -> str | list[str]:
        """The databases as a variable says them: one alone is a string."""
        return self.databases[0] if len(self.databases) == 1 else list(self.databases)

    @property
    def is_everybody(self) -> bool:
        """Whether every connection is of this kind."""
        return all(_EVERYBODY in words for words in (self.users, self.databases, self.addresses))


def read_password_users(value: Any) -> list[PasswordUsers]:
    """Return the kinds in their order; a mapping is one, and nothing is none.

    :raises AnsibleFilterError: naming the entry and the key.
    """
    if not value:
        return []
    if isinstance(value, Mapping):
        return [_read(PASSWORD_USERS, value)]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise AnsibleFilterError(f"{PASSWORD_USERS} is neither a dictionary nor a list of dictionaries; write one")
    return [_read(f"{PASSWORD_USERS}[{number}]", entry) for number, entry in enumerate(value)]


def password_databases(kinds: Sequence[PasswordUsers], role: str) -> str | list[str]:
    """Return the databases to which a role may connect by password: those of its first kind that has passwords."""
    for kind in kinds:
        if kind.method in _BY_PASSWORD and {_EVERYBODY, role}.intersection(kind.users):
            return kind.where
    return _EVERYBODY


def _read(name: str, entry: Any) -> PasswordUsers:
    if not isinstance(entry, Mapping):
        raise AnsibleFilterError(f"{name} is no dictionary; write one with any of {', '.join(_KEYS)}")
    for key in entry:
        if key not in _KEYS:
            raise AnsibleFilterError(f"{name} has the unknown key {key}; it may have {', '.join(_KEYS)}")
    options = entry.get("options") or {}
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(f"{name}.options is no dictionary; write each option as name: value")
    users, databases, addresses = (_words(f"{name}.{key}", entry.get(key, _EVERYBODY)) for key in _KEYS[:3])
    return PasswordUsers(users, databases, addresses, str(entry.get("method", "scram-sha-256")), options)


def _words(name: str, value: Any) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else ()
    if not words or not all(isinstance(word, str) and word for word in words):
        raise AnsibleFilterError(
            f"{name} must be a string or a list of strings, and not empty; leave it out for {_EVERYBODY}"
        )
    return words
