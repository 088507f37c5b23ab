# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets in now and who would after a plan, with the maps and the settings of then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._pgconf.access.comparison import compare_access
from ..._pgconf.access.map_comparison import compare_maps
from ..._pgconf.access.wording import describe_access, describe_map_access
from ..._pgconf.environment import Files
from ..._pgconf.login.authentication import ServerContext
from ..._pgconf.login.lockout import read_rules, situation_of
from ..._pgconf.login.verdict import Located, judge_ident
from ..._pgconf.rules.hba import rules_by_line
from ..editing.guarded_connections import Guard, find_guarded, refuse_circles, refuse_lockouts, rules_of
from ..editing.server_validation import ServerValidator, TlsUse
from ..files.writer import Writer
from ..server.configuration_files import files_with
from .planned_files import PlannedFile
from .server_plan import ServerPlan

_Rules = Sequence[Located]


def check_access(
    writer: Writer,
    plan: ServerPlan,
    tls_use: tuple[TlsUse, TlsUse],
    maps: ServerValidator,
    rules: ServerValidator,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """Return access_changes and locked_out.

    tls_use: what of TLS counts for a login, now and then. params: those of GUARD and LOGIN.

    :raises ConfigError: for a guarded connection that cannot be, or would be locked out.
    """
    guard = Guard.of(params)
    for judge, planned in ((maps, plan.ident), (rules, plan.hba)):
        refuse_circles(judge, planned.edit.path, planned.edit.path, planned.after)
    old_rules, new_rules = _read_twice(
        plan.hba,
        lambda text, files, old: read_rules(
            text, rules.version, files, rules_by_line((one.text, one.entry) for one in old)
        ),
    )
    old_maps, new_maps = _read_twice(
        plan.ident, lambda text, files, _old: judge_ident(text, maps.version, files).entries
    )
    now, then = (
        ServerContext(ssl_on=tls.ssl_on, has_ca_file=tls.has_ca_file, mappings=mappings)
        for tls, mappings in zip(tls_use, (old_maps, new_maps))
    )
    locked: list[str] = []
    if (old_rules, old_maps, now) != (new_rules, new_maps, then) or guard.wished:
        guarded = find_guarded(guard, rules, now)
        locked = refuse_lockouts(writer, guard, situation_of(old_rules, now), situation_of(new_rules, then), guarded)
    by_rule = compare_access(rules_of(old_rules), rules_of(new_rules))
    by_map = compare_maps([one.entry for one in old_maps], [one.entry for one in new_maps])
    return {
        "access_changes": [*describe_access(by_rule), *describe_map_access(by_map)],
        "locked_out": locked,
    }


def _read_twice(planned: PlannedFile, read: Callable[[str, Files, _Rules], _Rules]) -> tuple[_Rules, _Rules]:
    """What a file and those around it say now and then; to read the second one helps to know the first."""
    path = planned.edit.path
    old = read(*files_with(path, path, planned.before), ())
    return old, read(*files_with(path, path, planned.after), old) if planned.changes else old
