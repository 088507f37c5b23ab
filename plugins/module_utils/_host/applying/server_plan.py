# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration files of a server as they shall be, worked out and judged together before any is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from ..._pgconf.maps import ident
from ..._pgconf.rules import hba, hba_edit
from ..._pgconf.rules.included_rules import find_dead_rules, rules_of_include
from ..._pgconf.settings.postgresql_conf import effective_settings, parse_conf
from ..._pgconf.settings.values import parse_boolean
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..editing.server_validation import (
    Edit,
    ServerValidator,
    TlsUse,
    read_original,
    read_tls_use,
    validating_server,
)
from ..editing.settings_edit import edit_settings
from ..editing.standing_faults import describe_faults
from ..files.writer import Writer
from ..server.configuration_files import files_around
from ..server.database import Login
from ..server.views import CONF, HBA, IDENT
from .desired_server import DesiredServer
from .planned_files import PlannedFile
from .planned_names import PlannedNames, plan_names
from .primary_connection import PrimaryConnection, plan_primary_connection
from .reload_steps import LiveServer
from .removed_clients import plan_removed_clients, unmapped_roles
from .unlisted_roles import opens_roles, shield_superusers


@dataclass(frozen=True)
class ServerPlan:
    """What becomes of the files, and what comes of it.

    names: what becomes of the certificates by name. restart_settings: those that only a restart of the server puts to use.
    locked_roles: those that lose LOGIN. reports: parts of the module's results. primary: how a standby reaches its primary from now on.
    """

    conf: PlannedFile
    ident: PlannedFile
    hba: PlannedFile
    names: PlannedNames
    restart_settings: Sequence[str] = ()
    warnings: Sequence[str] = ()
    reports: dict[str, Any] = field(default_factory=dict)
    locked_roles: Sequence[str] = ()
    primary: PrimaryConnection | None = None

    @property
    def changes(self) -> bool:
        """Whether any file changes."""
        files = (self.conf, self.ident, self.hba, self.names.file)
        return any(file is not None and file.changes for file in files) or self.primary is not None


@dataclass(frozen=True)
class _Part:
    """One file, and what there is to say about it."""

    file: PlannedFile
    warnings: Sequence[str]
    reports: dict[str, Any] = field(default_factory=dict)
    restart_settings: Sequence[str] = ()
    effective: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    unmapped: Sequence[str] = ()


def plan_server(writer: Writer, live: LiveServer, login: Login, desired: DesiredServer) -> ServerPlan:
    """Work out the files and judge them; nothing is written.

    :raises ConfigError: for a setting, mapping or rule that cannot be, and for a guarded connection that would be shut out.
    :raises ModuleError: when a file is missing.
    """
    cluster = live.cluster
    names = plan_names(cluster, login, desired)
    kinds = ((CONF, cluster.config_file), (IDENT, cluster.ident_file), (HBA, cluster.hba_file))
    edits = [Edit(path, login, backup=desired.params["backup"], version=None) for _kind, path in kinds]
    with ExitStack() as stack:
        conf, maps, rules = (
            stack.enter_context(validating_server(writer, edit, kind, NEWEST_VERSION, live.connection))
            for edit, (kind, _path) in zip(edits, kinds)
        )
        settings = _plan_conf(edits[0], conf, desired)
        mappings = _plan_ident(edits[1], maps, desired)
        access_rules = _plan_hba(edits[2], rules, desired)
        plan = ServerPlan(
            settings.file,
            mappings.file,
            access_rules.file,
            names,
            settings.restart_settings,
            [*settings.warnings, *names.warnings, *mappings.warnings, *access_rules.warnings],
            {**settings.reports, **access_rules.reports},
        )
        removed = plan_removed_clients(live.connection, mappings.unmapped, desired)
        primary, doubts = plan_primary_connection(cluster, live.connection, desired.params["primary_conninfo"])
        doubts = [*plan.warnings, *removed.warnings, *doubts]
        plan = replace(plan, warnings=doubts, locked_roles=removed.locked_roles, primary=primary)
        now = read_tls_use(live.connection)
        then = _planned_tls_use(now, settings.effective)
        if plan.changes or now != then or desired.params["guard"]:
            from .access_check import check_access  # a run that finds all as it should be does without

            access = check_access(writer, plan, (now, then), maps, rules, desired.params)
            warnings = [*plan.warnings, *hba_edit.check_hidden(access_rules.hidden, desired.params["force"])]
            return replace(plan, warnings=warnings, reports={**plan.reports, **access})
    return replace(plan, reports={**plan.reports, "access_changes": [], "locked_out": []})


def _plan_conf(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    done = edit_settings(edit, judge, parse_conf(text, judge.version), desired.settings)
    planned = PlannedFile(CONF, edit, text, done.after.render())
    return _Part(planned, done.doubts, {"overridden": done.overridden}, done.restarts, effective_settings(done.after))


def _plan_ident(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    before = document = ident.parse_ident(text, judge.version)
    wishes = [ident.read_wishes({"exclusive": False, **block}, judge.version) for block in desired.mapping_blocks]
    for one in wishes:
        document = ident.ensure_mappings(document, one)
    planned = PlannedFile(IDENT, edit, text, document.render())
    doubts = [*ident.describe_doubts(document, wishes), *describe_faults(edit, judge, document)]
    return _Part(planned, doubts, unmapped=unmapped_roles(before, document) if planned.changes else ())


def _plan_hba(edit: Edit, judge: ServerValidator, desired: DesiredServer) -> _Part:
    text = read_original(edit) or ""
    before = after = hba.parse_hba(text, judge.version)
    behind = rules_of_include(judge.version, files_around(edit.path))
    opened: list[str] = []
    wishes = []
    for block in desired.rule_blocks:
        wish = hba_edit.read_wishes({"exclusive": False, **block}, judge.version)
        if opens_roles(wish):
            shielded = shield_superusers(
                judge.connection, block["rules"], judge.version, desired.params["superusers_by_certificate"]
            )
            opened += shielded.warnings
            wish = hba_edit.read_wishes({"exclusive": False, **block, "rules": shielded.rules}, judge.version)
        wishes.append(wish)
        after = hba_edit.ensure_rules(after, wish, hba_edit.read_placement(block, judge.version), behind)
    hba_edit.check_loadable(before, after)
    dead = find_dead_rules(after, behind)
    doubts = [doubt for one in wishes for doubt in hba_edit.describe_doubts(one, dead)]
    doubts += opened
    doubts += hba_edit.describe_met_first(before, after, dead, wishes, edit.path, behind)
    reports = {"unreachable_rules": hba_edit.describe_unreachable(dead)}
    hidden = hba_edit.find_hidden(before, after, dead, wishes, edit.path, behind)
    planned = PlannedFile(HBA, edit, text, after.render())
    doubts += describe_faults(edit, judge, after)
    return _Part(planned, list(dict.fromkeys(doubts)), reports, hidden=hidden)


def _planned_tls_use(now: TlsUse, effective: Mapping[str, tuple[int, str]]) -> TlsUse:
    """What of TLS will count for a login; the settings in the files decide, as the proof after the reload sees."""
    said = {name.lower(): value for name, (_line, value) in effective.items()}
    ssl_on = parse_boolean(said["ssl"]) if "ssl" in said else None
    has_ca_file = bool(said["ssl_ca_file"]) if "ssl_ca_file" in said else now.has_ca_file
    return TlsUse(now.ssl_on if ssl_on is None else ssl_on, has_ca_file)
