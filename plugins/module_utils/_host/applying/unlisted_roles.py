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
from ..._pgconf.text.edit_plan import Wishes
from ..server.database import fetch, raw, read_raw

_MOST_NAMES = 20
# Whoever may become a superuser (SET ROLE) has superuser rights too.
_ROLES = (
    f"SELECT {raw('role.rolname::text')} AS name, role.rolreplication AS replication, EXISTS (SELECT FROM"
    " pg_catalog.pg_roles AS superuser WHERE superuser.rolsuper AND pg_catalog.pg_has_role(role.oid, superuser.oid,"
    " 'MEMBER')) AS superuser FROM pg_catalog.pg_roles AS role WHERE role.rolcanlogin ORDER BY role.rolname"
)


@dataclass(frozen=True)
class ShieldedRules:
    """Rules in which superusers are rejected first, and a warning for each rule that opens roles."""

    rules: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]


def opens_roles(wishes: Wishes) -> bool:
    """Whether the name in a certificate chooses any role by one of the wanted rules."""
    return any(isinstance(record, Rule) and is_any_role_by_certificate(record) for record in wishes.present)


def shield_superusers(
    connection: Any, rules: Sequence[Mapping[str, Any]], version: int, superusers_too: bool
) -> ShieldedRules:
    """Put a rejection of the superusers that there are now before each rule by which a certificate's name is any role.

    rules: those of a block in the words of the option. superusers_too: they are let in as well, and only named.
    """
    roles = [{**row, "name": read_raw(row["name"])} for row in fetch(connection, _ROLES)]
    shielded: list[Mapping[str, Any]] = []
    warnings = []
    for fields in rules:
        wishes = read_wishes({"rules": [fields], "exclusive": False}, version)
        if opens_roles(wishes):
            warnings += [_warning(rule, roles, superusers_too) for rule in wishes.present if isinstance(rule, Rule)]
            shielded += [] if superusers_too else [_rejection(fields, roles)]
        shielded.append(fields)
    return ShieldedRules(shielded, warnings)


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
