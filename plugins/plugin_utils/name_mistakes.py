# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pgtls_server_hosts says that cannot be: found before anything is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.names import parse_dns_name
from .server_names import NameEntry, absent_names, dns_names_of, present_names


def mistakes_of_server_names(
    host: str, groups: Mapping[str, Sequence[str]], server: Mapping[str, Any]
) -> Iterator[str]:
    """One sentence for each mistake in the names of a server.

    server: its hosts and dns_names, as far as they are set.
    """
    if host not in groups.get("postgres_servers", ()):
        return
    entries = server.get("hosts") or []
    try:
        present, gone = present_names(entries), absent_names(entries)
    except AnsibleFilterError as error:
        yield f"{host}: {error}."
        return
    for entry in present:
        yield from _wrong_entry(host, entry)
    for name, count in Counter(str(entry["name"]) for entry in (*present, *gone)).items():
        if count > 1:
            yield f"pgtls_server_hosts of {host} has {count} entries with the name {name}; give each its own."
    own = [str(name).lower() for name in server.get("dns_names") or () if present]
    for name, count in Counter(
        [*own, *(name for entry in present for name in dict.fromkeys(dns_names_of(entry)))]
    ).items():
        if count > 1 and name not in own:
            yield f"pgtls_server_hosts of {host} lists {name} in two entries, and a server has one certificate for a name; keep one."
        elif count > 1 and Counter(own)[name] < count:
            yield (
                f"{name} is in pgtls_server_hosts of {host} and in its pgtls_server_dns_names, and a server has one certificate for a name; "
                "take it out of one of them."
            )


def _wrong_entry(host: str, entry: NameEntry) -> Iterator[str]:
    whose = f"{entry['name']} in pgtls_server_hosts of {host}"
    if not dns_names_of(entry):
        yield f"{whose} has no dns_names; list the names by which clients connect."
    for name in dns_names_of(entry):
        try:
            parse_dns_name(name, whose)
        except PkiError as error:
            yield f"{error}."
            continue
        if name.startswith("*."):
            yield f"{whose} lists {name}, but PostgreSQL knows no wildcards there; list the names one by one."
