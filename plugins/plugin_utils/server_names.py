# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the list pgtls_server_hosts says: the names of a server that have certificates of their own, and their files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

NameEntry = Mapping[str, Any]
PRESENT, ABSENT = "present", "absent"
# What may be part of the name of a certificate, and of a file.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def present_names(entries: Any) -> list[NameEntry]:
    """The entries whose names have certificates.

    :raises AnsibleFilterError: for what is no list of entries with names.
    """
    return [entry for entry in _checked(entries) if entry.get("state", PRESENT) != ABSENT]


def absent_names(entries: Any) -> list[NameEntry]:
    """The entries whose certificates are to go; errors as those of present_names."""
    return [entry for entry in _checked(entries) if entry.get("state", PRESENT) == ABSENT]


def dns_names_of(entry: NameEntry) -> list[str]:
    """The names of an entry as its certificate has them."""
    return [str(name).lower() for name in entry.get("dns_names") or ()]


def own_certificate(host: str) -> str:
    """The name of the certificate of a server itself."""
    return f"server-{re.sub('[^A-Za-z0-9._-]', '-', host)}"


def certificate_name(server: str, entry: NameEntry) -> str:
    """The name of the certificate of an entry; server: that of the server's own."""
    return f"{server}-{entry['name']}"


def beside(path: str, name: str) -> str:
    """The file of an entry beside one of the server's own: postgres_server.crt, postgres_server-shop.crt."""
    directory, slash, file = path.rpartition("/")
    stem, dot, ending = file.partition(".")
    return f"{directory}{slash}{stem}-{name}{dot}{ending}"


def _checked(entries: Any) -> Sequence[NameEntry]:
    if isinstance(entries, (str, Mapping)) or not isinstance(entries, Sequence):
        raise AnsibleFilterError("pgtls_server_hosts is no list; write one, of entries with name and dns_names")
    for entry in entries:
        if not isinstance(entry, Mapping) or not _NAME.fullmatch(str(entry.get("name") or "")):
            raise AnsibleFilterError(
                "pgtls_server_hosts has an entry without a name, or with one that is no part of a file name; give each a name of "
                "letters, digits, dots, hyphens and underscores"
            )
    return entries
