# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules by which the name in a certificate alone chooses the role."""

from __future__ import annotations

from ..text.tokens import Name
from .addresses import is_everybody
from .hba import Rule
from .methods import normal_options
from .wording import show_rule


def is_any_role_by_certificate(rule: Rule) -> bool:
    """Whether a rule lets the name in a certificate choose among roles that it does not name, with nothing else asked."""
    options = dict(normal_options(rule.method, rule.options, rule.version))
    by_name_alone = rule.method == "cert" or (rule.method == "trust" and options.get("clientcert") == "verify-full")
    is_general = any(name.kind != "name" for name in rule.users)
    return by_name_alone and is_general and not options.get("map") and rule.address is not None


def any_role_by_certificate(rule: Rule) -> str | None:
    """What a rule says that lets the name in a certificate choose the role, with nothing else asked; None for others.

    A rule with a map is none of them, nor is one that names its roles: there the CA decides about those roles only.
    """
    if not is_any_role_by_certificate(rule):
        return None
    options = dict(normal_options(rule.method, rule.options, rule.version))
    general = [_whom(name) for name in rule.users if name.kind != "name"]
    noun = "distinguished name" if options.get("clientname") == "DN" else "common name"
    return (
        f"{show_rule(rule)} lets whoever has a certificate of the CA in from {from_where(rule)} as the role that has the {noun} of "
        f"the certificate ({', '.join(general)}); name the roles in the rule, or name a map (map=) that lists who is whom"
    )


def from_where(rule: Rule) -> str:
    """The addresses of a rule in words; the socket has none."""
    address = rule.address
    if address is None:
        return "the socket"
    if is_everybody(address):
        return "any address"
    return address.text if address.netmask is None else f"{address.text} {address.netmask}"


def whose_roles(rule: Rule) -> str:
    """The roles of a rule in words."""
    return ", ".join(_whom(name) for name in rule.users)


def _whom(name: Name) -> str:
    if name.kind == "name":
        return name.text
    if name.kind == "group":
        return f"any member of {name.text}"
    if name.kind == "regex":
        return f"any role that matches {name.text}"
    return f"any role in the file {name.text}" if name.kind == "file" else "any role, superusers included"
