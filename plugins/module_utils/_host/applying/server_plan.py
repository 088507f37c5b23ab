# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three configuration files of a server as they shall be, worked out and judged together before any is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from ..._pgconf.access.comparison import compare_access
from ..._pgconf.access.map_comparison import compare_maps
from ..._pgconf.access.wording import describe_access, describe_map_access
from ..._pgconf.login.authentication import ServerContext
from ..._pgconf.login.lockout import read_rules, situation_of
from ..._pgconf.login.verdict import Located, judge_ident
from ..._pgconf.maps import ident
from ..._pgconf.rules import hba, hba_edit
from ..._pgconf.rules.included_rules import find_dead_rules, rules_of_include
from ..._pgconf.settings.postgresql_conf import effective_settings, parse_conf
from ..._pgconf.settings.values import parse_boolean
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..editing.guarded_connections import find_guarded, read_server, refuse_circles, refuse_lockouts, rules_of
from ..editing.server_validation import (
    Edit,
    ServerValidator,
    read_original,
    validating_server,
)
from ..editing.settings_edit import edit_settings
from ..errors import ModuleError
from ..files.writer import Writer
from ..server.clusters import Cluster
from ..server.configuration_files import files_around, files_with
from ..server.database import Login
from ..server.views import CONF, HBA, IDENT, FileKind
from .desired_server import DesiredServer

_Rules = Sequence[Located]


@dataclass(frozen=True)
class PlannedFile:
    """A configuration file as it is, and as it shall be."""

    kind: FileKind
    edit: Edit
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


@dataclass(frozen=True)
class ServerPlan:
    """What becomes of the three files, and what comes of it.

    restart_settings: those that only a restart of the server puts to use. reports: parts of the module's results.
    """

    conf: PlannedFile
    ident: PlannedFile
    hba: PlannedFile
    restart_settings: Sequence[str] = ()
    warnings: Sequence[str] = ()
    reports: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """One file, and what there is to say about it."""

    file: PlannedFile
    warnings: Sequence[str]
    reports: dict[str, Any] = field(default_factory=dict)
    restart_settings: Sequence[str] = ()
    effective: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def plan_server(writer: Writer, cluster: Cluster, login: Login, desired: DesiredServer) -> ServerPlan:
    """Work out the files and judge them; nothing is written.

    :raises ConfigError: for a setting, mapping or rule that cannot be, and for a guarded connection that would be shut out.
    :raises ModuleError: when a file is missing, or no login works.
    """
    kinds = ((CONF, cluster.config_file), (IDENT, cluster.ident_file), (HBA, cluster.hba_file))
    edits = [Edit(path, login, backup=desired.params["backup"], version=None) for _kind, path in kinds]
    with ExitStack() as stack:
        conf, maps, rules = (
            stack.enter_context(validating_server(writer, edit, kind, NEWEST_VERSION))
            for edit, (kind, _path) in zip(edits, kinds)
        )
        if rules.connection is None:
            raise ModuleError(f"{rules.doubt}; nothing was written")
        settings = _plan_conf(edits[0], conf, desired)
        mappings = _plan_ident(edits[1], maps, desired)
        access_rules = _plan_hba(edits[2], rules, desired)
        plan = ServerPlan(
            settings.file,
            mappings.file,
            access_rules.file,
            settings.restart_settings,
            [*settings.warnings, *mappings.warnings, *access_rules.warnings],
            {**settings.reports, **access_rules.reports},
        )
        access = _check_access(writer, plan, settings.effective, maps, rules, desired)
    return replace(plan, reports={**plan.reports, **access})


def _plan_conf(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    done = edit_settings(edit, judge, parse_conf(text, judge.version), desired.settings)
    planned = PlannedFile(CONF, edit, text, done.after.render())
    return _Part(planned, done.doubts, {"overridden": done.overridden}, done.restarts, effective_settings(done.after))


def _plan_ident(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    document = ident.parse_ident(text, judge.version)
    for block in desired.mapping_blocks:
        document = ident.ensure_mappings(document, ident.read_wishes({"exclusive": False, **block}, judge.version))
    return _Part(PlannedFile(IDENT, edit, text, document.render()), ident.describe_doubts(document))


def _plan_hba(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    before = after = hba.parse_hba(text, judge.version)
    behind = rules_of_include(judge.version, files_around(edit.path))
    wishes = []
    for block in desired.rule_blocks:
        wishes.append(hba_edit.read_wishes({"exclusive": False, **block}, judge.version))
        after = hba_edit.ensure_rules(after, wishes[-1], hba_edit.read_placement(block, judge.version), behind)
    hba_edit.check_loadable(before, after)
    dead = find_dead_rules(after, behind)
    doubts = [doubt for one in wishes for doubt in hba_edit.describe_doubts(after, one, dead)]
    reports = {"unreachable_rules": hba_edit.describe_unreachable(dead)}
    return _Part(PlannedFile(HBA, edit, text, after.render()), list(dict.fromkeys(doubts)), reports)


def _check_access(
    writer: Writer,
    plan: ServerPlan,
    effective: Mapping[str, tuple[int, str]],
    maps: ServerValidator,
    rules: ServerValidator,
    desired: DesiredServer,
) -> dict[str, Any]:
    """Compare who gets in now and who would, with the maps and the settings of then; refuse lockouts."""
    for judge, planned in ((maps, plan.ident), (rules, plan.hba)):
        refuse_circles(judge, planned.edit.path, planned.edit.path, planned.after)
    old_rules, new_rules = _read_twice(plan.hba, lambda text, files: read_rules(text, rules.version, files))
    old_maps, new_maps = _read_twice(plan.ident, lambda text, files: judge_ident(text, maps.version, files).entries)
    now = replace(read_server(rules), mappings=old_maps)
    then = _planned_context(now, effective, new_maps)
    locked: list[str] = []
    if (old_rules, old_maps, now) != (new_rules, new_maps, then) or desired.guard.wished:
        guarded = find_guarded(desired.guard, rules, now)
        locked = refuse_lockouts(
            writer, desired.guard, situation_of(old_rules, now), situation_of(new_rules, then), guarded
        )
    by_rule = compare_access(rules_of(old_rules), rules_of(new_rules))
    by_map = compare_maps([one.entry for one in old_maps], [one.entry for one in new_maps])
    return {
        "access_changes": [*describe_access(by_rule), *describe_map_access(by_map)],
        "locked_out": locked,
    }


def _read_twice(planned: PlannedFile, read: Callable[[str, Any], _Rules]) -> tuple[_Rules, _Rules]:
    path = planned.edit.path
    old = read(*files_with(path, path, planned.before))
    return old, read(*files_with(path, path, planned.after)) if planned.changes else old


def _planned_context(now: ServerContext, effective: Mapping[str, tuple[int, str]], maps: _Rules) -> ServerContext:
    """What of the server will count for a login; the settings in the files decide, as the proof after the reload sees."""
    said = {name.lower(): value for name, (_line, value) in effective.items()}
    ssl_on = parse_boolean(said["ssl"]) if "ssl" in said else None
    return replace(
        now,
        ssl_on=now.ssl_on if ssl_on is None else ssl_on,
        has_ca_file=bool(said["ssl_ca_file"]) if "ssl_ca_file" in said else now.has_ca_file,
        mappings=maps,
    )
