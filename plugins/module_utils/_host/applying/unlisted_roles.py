# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that let the name in a certificate choose any role: which roles of the server they open, and superusers before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._pgconf.rules.any_role import is_any_role_by_certificate
from ..._pgconf.rules.hba import Rule
from ..._pgconf.rules.hba_edit import read_wishes
from ..._pgconf.rules.wording import show_rule
from ..server.database import fetch, raw, read_raw

_MOST_NAMES = 20
# Whoever may become a superuser (SET ROLE) has superuser rights too.
_ROLES = (
    f"SELECT {raw('role.rolname::text')} AS name, role.rolreplication AS replication, EXISTS (SELECT FROM"
    " pg_catalog.pg_roles AS superuser WHERE superuser.rolsuper AND pg_catalog.pg_has_role(role.oid, superuser.oid,"
    " 'MEMBER')) AS superuser FROM pg_catalog.pg_roles AS role WHERE role.rolcanlogin ORDER BY role.rolname"
)


@dataclass(frozen=True)
class ShieldedBlocks:
    """Blocks of rules in which superusers are rejected first, and a warning for each rule that opens roles."""

    blocks: Sequence[Mapping[str, Any]]
    warnings: Sequence[str] = ()


def shield_superusers(
    connection: Any, blocks: Sequence[Mapping[str, Any]], version: int, superusers_too: bool
) -> ShieldedBlocks:
    """Put a rejection of the superusers that there are now before each rule by which a certificate's name is any role.

    blocks: the option rule_blocks. superusers_too: they are let in as well, and only named.

    :raises ConfigError: for a rule that cannot be.
    """
    roles: list[dict[str, Any]] | None = None
    shielded, warnings = [], []
    for block in blocks:
        read_wishes({"exclusive": False, **block}, version)  # whose errors count the rules of the block
        rules: list[Mapping[str, Any]] = []
        for fields in block["rules"]:
            found = read_wishes({"rules": [fields], "exclusive": False}, version).present
            if found and isinstance(found[0], Rule) and is_any_role_by_certificate(found[0]):
                roles = _read_roles(connection) if roles is None else roles
                warnings.append(_warning(found[0], roles, superusers_too))
                if not superusers_too:
                    rules.append(_rejection(fields, roles))
            rules.append(fields)
        shielded.append({**block, "rules": rules})
    return ShieldedBlocks(shielded, warnings)


def _read_roles(connection: Any) -> list[dict[str, Any]]:
    return [{**row, "name": read_raw(row["name"])} for row in fetch(connection, _ROLES)]


def _rejection(fields: Mapping[str, Any], roles: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ['"' + one["name"].replace('"', '""') + '"' for one in roles if one["superuser"]]
    return {**fields, "user": names, "method": "reject", "options": {}, "comment": "superusers"}


def _warning(rule: Rule, roles: Sequence[Mapping[str, Any]], superusers_too: bool) -> str:
    superusers = _named([one["name"] for one in roles if one["superuser"]])
    others = [one["name"] + " (replication)" * one["replication"] for one in roles if not one["superuser"]]
    about = (
        f"superusers included: {superusers}" if superusers_too else f"superusers are rejected before it: {superusers}"
    )
    return (
        f"{show_rule(rule)} lets whoever has a certificate of the CA in as the role that has its name, listed or not: "
        f"{_named(others)}; {about}"
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "nobody") + more
