# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict on a file, and what the file says, as the info modules return it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..environment import Build
from ..errors import ConfigError
from ..maps.ident import describe_mapping
from ..rules.hba import Rule
from ..settings.values import canonical_name, parse_boolean
from .authentication import LoginAttempt, ServerContext
from .explain import describe_explanation, describe_located, explain, explain_unloaded
from .findings import describe_findings, describe_unreachable, find_risky_rules, rejected_maps
from .verdict import FileVerdict, LineVerdict, Located


def read_build(params: Mapping[str, Any]) -> Build:
    """The server as the options ssl and build of a task describe it."""
    flags = params.get("build") or {}
    validators = flags.get("oauth_validator_libraries")
    return Build(
        ssl_on=params["ssl"],
        gss=flags.get("gss", True),
        ldap=flags.get("ldap", True),
        pam=flags.get("pam", True),
        oauth_validators=None if validators is None else tuple(validators),
    )


def read_server(params: Mapping[str, Any], build: Build, maps: FileVerdict | None) -> ServerContext:
    """What of the server counts for a login; ``maps`` is the verdict on pg_ident.conf, None when it is not given."""
    mappings = maps.entries if maps is not None and maps.accepted else None
    return ServerContext(build.ssl_on, build.gss, _read_ca_file(params["ssl_ca_file"]), mappings)


def _read_ca_file(value: Any) -> bool | None:
    """Whether ssl_ca_file is set: a boolean, or the value of the setting itself, of which an empty text is "not set"."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"ssl_ca_file {value!r} is neither a boolean nor a path")
    return bool(value) and parse_boolean(value) is not False


def describe_verdict(verdict: FileVerdict) -> dict[str, Any]:
    """accepted, errors and line_warnings."""
    return {
        "accepted": verdict.accepted,
        "errors": _describe_lines(verdict.errors),
        "line_warnings": _describe_lines(verdict.warnings),
    }


def _describe_lines(lines: Iterable[LineVerdict]) -> list[dict[str, Any]]:
    return [
        {"file": one.file, "line": one.line_number or None, "column": one.column or None, "problem": one.problem}
        for one in lines
    ]


def describe_hba(
    verdict: FileVerdict, server: ServerContext, attempts: Sequence[LoginAttempt], maps: FileVerdict | None = None
) -> dict[str, Any]:
    """All that pg_hba_info returns of a file."""
    rules = [one for one in verdict.entries if isinstance(one.entry, Rule)]
    findings = [*find_risky_rules(rules, server), *(rejected_maps(maps) if maps is not None else ())]
    explained = [explain(rules, one, server) if verdict.accepted else explain_unloaded(one) for one in attempts]
    return {
        **describe_verdict(verdict),
        "ident_accepted": None if maps is None else maps.accepted,
        "rules": [describe_located(one) for one in rules],
        "unreachable_rules": describe_unreachable(rules),
        "findings": describe_findings(findings),
        "explain": [describe_explanation(one) for one in explained],
    }


def describe_ident(verdict: FileVerdict) -> dict[str, Any]:
    """All that pg_ident_info returns of a file."""
    mappings = [{"file": one.file, "line": one.line_number, **describe_mapping(one.entry)} for one in verdict.entries]
    return {**describe_verdict(verdict), "mappings": mappings}


def describe_conf(verdict: FileVerdict, version: int) -> dict[str, Any]:
    """All that pg_conf_info returns of a file: the last assignment of a setting is in effect."""
    effective: dict[str, Located] = {}
    overridden: list[tuple[str, Located]] = []
    for one in verdict.entries:
        name = canonical_name(one.entry.name, version)
        if name in effective:
            overridden.append((name, effective[name]))
        effective[name] = one
    return {
        **describe_verdict(verdict),
        "settings": {name: _describe_assignment(one) for name, one in effective.items()},
        "overridden": [
            {
                "name": name,
                **_describe_assignment(one),
                "by_file": effective[name].file,
                "by_line": effective[name].line_number,
            }
            for name, one in overridden
        ],
    }


def _describe_assignment(one: Located) -> dict[str, Any]:
    return {"value": one.entry.value, "file": one.file, "line": one.line_number}
