# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a map of pg_ident.conf lets an identity in as a database role.

It follows check_usermap() and check_ident_usermap() of the server's hba.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..maps.ident import UserMapping
from ..text.regex_matching import search
from ..text.tokens import Name
from .rule_matching import Answer, Unknown, role_matches
from .verdict import Located

_REFERENCE = r"\1"


@dataclass(frozen=True)
class Mapped:
    """Whether the identity may log in as the role, and why, as the end of a sentence."""

    answer: Answer
    reason: str


@dataclass(frozen=True)
class MappingRequest:
    """An identity (a name in a certificate, an operating system user, ...) that asks for a role.

    ``roles`` are all memberships of that role, None when unknown.
    """

    identity: str
    role: str
    roles: frozenset[str] | None = None

    def __str__(self) -> str:
        return f'"{self.identity}"'


def map_user(map_name: str, mappings: Sequence[Located] | None, login: MappingRequest) -> Mapped:
    """Whether the map (an empty name: none) lets the identity in; ``mappings`` None when they are unknown."""
    if not map_name:
        if login.identity == login.role:
            return Mapped(True, f"{login} is the name of the role")
        return Mapped(False, f"{login} is not the name of the role, and no map is named")
    if mappings is None:
        return Mapped(Unknown(f"what the map {map_name} says about {login}"), "")
    return _search_map(map_name, mappings, login)


def _search_map(map_name: str, mappings: Sequence[Located], login: MappingRequest) -> Mapped:
    """The first line that fits decides; a line whose \\1 cannot be filled ends the search with a refusal."""
    doubt: Mapped | None = None
    for located in mappings:
        if located.entry.map != map_name:
            continue
        place = f"line {located.line_number} of {located.file or 'the map file'}"
        answer = _line_matches(located.entry, login)
        if answer is None:
            reason = rf"{place} refuses {login}: its expression has no parentheses that would fill \1"
            return doubt or Mapped(False, reason)
        if isinstance(answer, Unknown):
            doubt = doubt or Mapped(answer, "")
        elif answer:
            return _agreeing(doubt, Mapped(True, f"{place} lets {login} in as {login.role}"))
    known = any(located.entry.map == map_name for located in mappings)
    reason = (
        f"no line of the map {map_name} lets {login} in as {login.role}" if known else f"there is no map {map_name}"
    )
    return doubt or Mapped(False, reason)


def _agreeing(doubt: Mapped | None, found: Mapped) -> Mapped:
    """A line that may fit changes nothing when a later one lets the identity in anyway, unless it may end the search."""
    return found if doubt is None or not (isinstance(doubt.answer, Unknown) and doubt.answer.is_final) else doubt


def _line_matches(mapping: UserMapping, login: MappingRequest) -> Answer | None:
    """None when the line ends the search."""
    user = mapping.database_user
    if not mapping.system_user.startswith("/"):
        return mapping.system_user == login.identity and role_matches(user, login.role, login.roles)
    found = search(mapping.system_user[1:], login.identity)
    is_reference = user.kind == "name" and _REFERENCE in user.text
    if found is None or (is_reference and not found.is_group_certain):
        words = f"what PostgreSQL makes of the regular expression {mapping.system_user}"
        return Unknown(words, is_final=is_reference)
    if not found.matches:
        return False
    if not is_reference:
        return role_matches(user, login.role, login.roles)
    if found.group is None:
        return None
    return role_matches(Name("name", user.text.replace(_REFERENCE, found.group, 1)), login.role, login.roles)
