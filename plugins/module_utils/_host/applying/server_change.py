# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying a plan to a server, in the order that leaves no gap: at no moment is there a rule whose certificate, role or
map is missing, and nothing is used that the server has not judged."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..._pgconf.settings.postgresql_conf import AUTO_CONF
from ..._pgconf.vocabulary import NEWEST_VERSION
from ..certificates.installation import Installation
from ..editing.server_validation import validating_server, write_validated
from ..files.writer import DesiredFile, Writer, merge_written, write_files, writing_alone
from ..server.clusters import Cluster
from ..server.database import Login, session
from ..server.login_roles import describe_roles, ensure_roles, lock_roles
from ..server.reload import ReloadReason, login_at
from ..server.served_certificates import Listener
from .desired_server import DesiredServer
from .planned_files import PlannedFile
from .reload_steps import LiveServer, Reloaded, ReloadOptions, bring_up_to_date
from .server_plan import ServerPlan


@dataclass
class Applied:
    """What was done to a server; in check mode, what would be.

    live: the server as the plan was made for it, as long as nothing was done to it. may_be_restarted: it is about to be,
    or was. listeners: what is served where.
    """

    live: LiveServer | None
    cluster: Cluster
    changed: bool = False
    diff: list[dict[str, str]] = field(default_factory=list)
    backup_files: list[str] = field(default_factory=list)
    reasons: list[ReloadReason] = field(default_factory=list)
    may_be_restarted: bool = False
    restarted: bool = False
    pending_restart: Sequence[str] = ()
    evidence: str | None = None
    listeners: list[Listener] | None = None
    roles_created: Sequence[str] = ()
    roles_altered: Sequence[str] = ()
    roles_locked: Sequence[str] = ()

    def add(self, report: dict[str, Any]) -> bool:
        """Take in what became of files; returns whether any of them changed."""
        found = report.get("diff") or []
        found = found if isinstance(found, list) else [found]
        self.diff += found
        self.changed = self.changed or report["changed"]
        if report.get("backup_file"):
            self.backup_files.append(report["backup_file"])
        return bool(report["changed"])


@dataclass(frozen=True)
class ServerChange:
    """One plan for one server."""

    writer: Writer
    live: LiveServer
    login: Login
    desired: DesiredServer
    installation: Installation
    plan: ServerPlan

    def apply(self) -> Applied:
        """Write, load and prove, or leave the server as it was.

        :raises ModuleError: the first thing that went wrong, and what became of the server.
        """
        applied = Applied(self.live, self.live.cluster)
        if not self._writes():
            self._carry_out(applied)
            return applied
        from .server_transaction import ServerTransaction  # where nothing is written, nothing can be undone

        self.live.connection.close()
        applied.live = None
        transaction = ServerTransaction(
            self.writer,
            self.live.cluster,
            self.login,
            self.desired.params["timeout_seconds"],
            lambda: self.desired.may_restart and applied.may_be_restarted,
        )
        own_files = [file.path for file in self.installation.files]
        own_files += [place.next_private_key for place in self.desired.places]
        own_files += [file.path for file in self._files_to_remove()]
        if self.plan.primary is not None:
            own_files.append(os.path.join(self.live.cluster.data_directory, AUTO_CONF))
        with transaction.whole_or_undone(own_files):
            self._carry_out(applied)
        return applied

    def _carry_out(self, applied: Applied) -> None:
        changed = applied.add(self.installation.outcome(write_files(self.writer, self.installation.files)))
        changed = self._write(self.plan.conf, applied) or changed
        changed = self._write(self.plan.names.file, applied) or changed
        applied.may_be_restarted = True
        self._use_certificates_and_settings(changed, applied)
        applied.add(merge_written(write_files(self.writer, self._files_to_remove())))
        self._follow_primary(applied)
        self._make_roles(applied)
        changed = self._write(self.plan.ident, applied)
        changed = self._write(self.plan.hba, applied) or changed
        self._use_maps_and_rules(changed, applied)
        self._lock_roles(applied)

    def _writes(self) -> bool:
        """Whether there is a file to write; without one nothing has to be remembered."""
        if self.writer.check_mode:
            return False
        rehearsed = write_files(self.writer.rehearsing(), self.installation.files)
        return any(one.changed for one in rehearsed) or self.plan.changes or bool(self._files_to_remove())

    def _files_to_remove(self) -> list[DesiredFile]:
        """The files of certificates that no name has any more; they go when the server shows them to nobody."""
        return [file for one in self.plan.names.removed for file in one.desired()]

    def _write(self, planned: PlannedFile | None, applied: Applied) -> bool:
        if planned is None or not planned.changes:
            return False
        if planned.kind is None:
            with writing_alone(self.writer, planned.edit.path):
                before = None if planned.edit.create else planned.before
                return applied.add(write_validated(self.writer, planned.edit, None, before, planned.after))
        # a restart may have moved it to another port or socket
        edit = replace(planned.edit, login=login_at(applied.cluster, planned.edit.login))
        with validating_server(self.writer, edit, planned.kind, NEWEST_VERSION) as judge:
            return applied.add(write_validated(self.writer, edit, judge, planned.before, planned.after))

    def _use_certificates_and_settings(self, changed: bool, applied: Applied) -> None:
        """Reload, restart where it is due and allowed, and see the new certificate and settings in use."""
        restart = self.desired.params["restart"] if self.desired.may_restart else "never"
        done = self._reload(changed, restart, self.desired.expected, applied)
        applied.restarted = done.restarted
        if self.writer.check_mode and self.desired.may_restart and self.plan.restart_settings:
            applied.restarted = applied.changed = True

    def _follow_primary(self, applied: Applied) -> None:
        """Try the new way to the primary, take it, and see the stream begin anew."""
        primary = self.plan.primary
        if primary is None:
            return
        applied.diff.append(primary.diff())
        applied.changed = True
        if self.writer.check_mode:
            return
        primary.try_it()
        login = login_at(applied.cluster, self.login)
        with session(login) as connection:
            primary.write(connection)
        self._reload(True, "never", {}, applied)
        primary.see_streaming(login, self.desired.params["timeout_seconds"])

    def _use_maps_and_rules(self, changed: bool, applied: Applied) -> None:
        if not changed:
            return
        is_always = self.desired.params["restart"] == "always" and not applied.restarted
        done = self._reload(changed, "always" if is_always else "never", {}, applied)
        applied.restarted = applied.restarted or done.restarted

    def _reload(self, changed: bool, restart: str, expected: Mapping[str, str | None], applied: Applied) -> Reloaded:
        timeout_seconds = self.desired.params["timeout_seconds"]
        directory = self.live.cluster.data_directory
        options = ReloadOptions(directory, self.login, changed, restart, expected, timeout_seconds)
        done = bring_up_to_date(self.writer, options, applied.live)
        if (done.reasons or done.restarted) and not self.writer.check_mode:
            applied.live = None
        applied.cluster, applied.listeners = done.cluster, done.listeners
        applied.pending_restart, applied.evidence = done.pending_restart, done.evidence
        applied.reasons += [reason for reason in done.reasons if reason not in applied.reasons]
        applied.changed = applied.changed or bool(done.reasons) or done.restarted
        return done

    def _lock_roles(self, applied: Applied) -> None:
        """The last step: a role is locked by nothing that could be undone."""
        names = self.plan.locked_roles
        if not names:
            return
        if not self.writer.check_mode:
            connection = applied.live.connection if applied.live is not None else None
            lock_roles(login_at(applied.cluster, self.login), names, connection)
        applied.roles_locked, applied.changed = names, True
        applied.diff.append(self._role_diff(applied, dict.fromkeys(names, ["LOGIN"]), dict.fromkeys(names, ())))

    def _role_diff(
        self, applied: Applied, before: Mapping[str, Collection[str]], after: Mapping[str, Collection[str]]
    ) -> dict[str, str]:
        header = f"login roles of {applied.cluster.data_directory}"
        texts = {"before": describe_roles(before), "after": describe_roles(after)}
        return {"before_header": header, "after_header": header, **texts}

    def _make_roles(self, applied: Applied) -> None:
        names = self.desired.login_roles
        if not names:
            return
        login = login_at(applied.cluster, self.login)
        connection = applied.live.connection if applied.live is not None else None
        done = ensure_roles(login, names, self.writer.check_mode, connection, self.desired.replication_roles)
        for warning in done.warnings():
            self.writer.warn(warning)
        applied.roles_created, applied.roles_altered = done.created, done.altered
        if done.created or done.altered:
            applied.changed = True
            applied.diff.append(self._role_diff(applied, done.before, done.after))
