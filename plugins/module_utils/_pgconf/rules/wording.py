# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule of pg_hba.conf in words: what it demands, and the line itself for messages."""

from __future__ import annotations

from ..vocabulary import SECRET_OPTIONS
from .hba import Rule, describe_rule
from .methods import normal_method, normal_options

REFUSED = "refused"


def describe_outcome(rule: Rule) -> str:
    """What whoever meets the rule must show: "refused", or the method with the options that count."""
    method = normal_method(rule.type, rule.method)
    if method == "reject":
        return REFUSED
    options = dict(normal_options(rule.method, rule.options, rule.version))
    words = [f"map {options.pop('map')}"] if "map" in options else []
    name = "certificate" if method == "cert" else method
    demand = options.pop("clientcert", None)
    if demand is not None:
        name += " with a certificate" + (" of that name" if demand == "verify-full" else " of the CA")
    words += [_describe_option(name, options[name]) for name in sorted(options)]
    return name + (f" ({', '.join(words)})" if words else "")


def _describe_option(name: str, value: str) -> str:
    return f"{name} (not shown)" if name in SECRET_OPTIONS else f"{name}={value}"


def show_rule(rule: Rule) -> str:
    """The rule in one line without its padding, for messages."""
    fields = describe_rule(rule)
    words = [rule.type, ",".join(fields["database"]), ",".join(fields["user"]), fields["address"], fields["netmask"]]
    return f'"{" ".join([word for word in words if word] + [rule.method])}"'
