# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A postgresql.conf with other values, and what these come to: what overrides them, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._pgconf.settings.builtin_table import known_settings
from ..._pgconf.settings.included_settings import ConfLine, describe_overrides, read_conf
from ..._pgconf.settings.postgresql_conf import (
    Assignment,
    ConfEntry,
    check_values,
    describe_overridden,
    describe_restarts,
    ensure_settings,
)
from ..._pgconf.settings.values import canonical_name, needs_restart, read_kinds
from ..._pgconf.text.document import Document
from ..errors import ModuleError
from ..server.configuration_files import same_file
from ..server.database import execute, quote_identifier
from .server_validation import Edit, ServerValidator, find_settings_files, read_setting_kinds
from .standing_faults import describe_faults


@dataclass(frozen=True)
class SettingsEdit:
    """The file as it shall be. overridden, restarts: as the module pg_conf returns them. doubts: warnings.

    resets: settings whose value of ALTER SYSTEM is to be taken back, as the task asks.
    """

    after: Document[ConfEntry]
    overridden: list[dict[str, Any]]
    restarts: list[str]
    doubts: list[str]
    resets: list[str]


def edit_settings(
    edit: Edit,
    judge: ServerValidator,
    before: Document[ConfEntry],
    wanted: Mapping[str, str | None],
    auto_conf: str | None = None,
    takes_back: bool = False,
) -> SettingsEdit:
    """Give settings their values; nothing is written.

    takes_back: what ALTER SYSTEM says of them otherwise shall go.

    :raises ConfigError: for a value that the server would refuse.
    :raises ModuleError: when something shall go and no server can be told.
    """
    kinds = read_kinds(read_setting_kinds(judge))
    check_values(wanted, judge.version, kinds)
    after = ensure_settings(before, wanted, kinds)
    main_file, last_file = find_settings_files(edit.path, auto_conf, judge)
    main_text, files = judge.files_after(main_file, edit.path, after.render())
    lines = read_conf(main_text, judge.version, files, last_file)

    def overrides(lines: Sequence[ConfLine]) -> list[dict[str, Any]]:
        return describe_overrides(wanted, lines, judge.version, lambda file: same_file(file, edit.path), kinds)

    overridden, resets = overrides(lines), []
    if takes_back and last_file is not None:
        resets = [one["name"] for one in overridden if same_file(one["path"], last_file)]
        gone = {canonical_name(name, judge.version) for name in resets}
        overridden = overrides([line for line in lines if not _assigns(line, last_file, gone, judge.version)])
    if resets and not judge.is_judging:
        raise ModuleError(
            f"reset_auto_conf is true, but no server can be told to forget {', '.join(resets)}: {judge.doubt}; nothing was "
            "written, correct the login"
        )
    doubts = [*describe_overridden(overridden), *describe_faults(edit, judge, after, auto_conf)]
    restarts = describe_restarts(before, after, kinds)
    table = kinds or known_settings(judge.version)
    reset_names = (canonical_name(name, judge.version) for name in resets)
    restarts += [name for name in reset_names if needs_restart(name, table.get(name)) and name not in restarts]
    return SettingsEdit(after, overridden, sorted(restarts), doubts, resets)


def reset_auto_conf(judge: ServerValidator, names: Sequence[str]) -> None:
    """Take back what ALTER SYSTEM says of settings.

    :raises DatabaseError: when the login may not do that.
    """
    for name in names:
        parts = ".".join(quote_identifier(part) for part in canonical_name(name, judge.version).split("."))
        execute(judge.connection, f"ALTER SYSTEM RESET {parts}")


def _assigns(line: ConfLine, file: str, names: Collection[str], version: int) -> bool:
    """Whether a line of this file gives one of these settings a value."""
    is_one = isinstance(line.entry, Assignment) and canonical_name(line.entry.name, version) in names
    return is_one and same_file(line.file, file)
