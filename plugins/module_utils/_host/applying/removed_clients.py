# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of clients that are gone: which of them lose LOGIN, and which are left as they are, with a warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..._pgconf.maps.ident import describe_mappings
from ..._pgconf.text.document import Document
from ..server.login_roles import find_roles_to_lock
from .desired_server import DesiredServer


@dataclass(frozen=True)
class RemovedClients:
    """What becomes of their roles."""

    locked_roles: Sequence[str]
    warnings: Sequence[str]


def unmapped_roles(before: Document[Any], after: Document[Any]) -> list[str]:
    """The roles that mappings led to, and none leads to any more."""
    then = {mapping["database_user"] for mapping in describe_mappings(after)}
    return list(
        dict.fromkeys(
            mapping["database_user"] for mapping in describe_mappings(before) if mapping["database_user"] not in then
        )
    )


def plan_removed_clients(connection: Any, unmapped: Sequence[str], desired: DesiredServer) -> RemovedClients:
    """Find the roles to lock, and those that only lose their mapping and can log in all the same.

    :raises DatabaseError: when the server refuses.
    """
    asked = find_roles_to_lock(connection, desired.nologin_roles)
    warnings = [
        f"the role {name} keeps LOGIN, because it is a superuser or the one that this run logs in as; take it away by hand if it is to go"
        for name in asked.kept
    ]
    others = [name for name in unmapped if name not in (*desired.login_roles, *desired.nologin_roles)]
    left = find_roles_to_lock(connection, others)
    warnings += [
        f"the role {name} has lost its mapping in pg_ident.conf, and keeps LOGIN: other rules of pg_hba.conf may let it in; "
        "take LOGIN from it, or list its client with the state absent"
        for name in (*left.names, *left.kept)
    ]
    return RemovedClients(asked.names, warnings)
