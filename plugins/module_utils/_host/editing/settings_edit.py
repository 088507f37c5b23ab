# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A postgresql.conf with other values, and what these come to: what overrides them, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._pgconf.settings.included_settings import describe_overrides, read_conf
from ..._pgconf.settings.postgresql_conf import (
    ConfEntry,
    check_values,
    describe_overridden,
    describe_restarts,
    ensure_settings,
)
from ..._pgconf.settings.values import read_kinds
from ..._pgconf.text.document import Document
from ..server.configuration_files import files_with, same_file
from .server_validation import Edit, ServerValidator, find_settings_files, read_setting_kinds
from .standing_faults import describe_faults


@dataclass(frozen=True)
class SettingsEdit:
    """The file as it shall be. overridden, restarts: as the module pg_conf returns them. doubts: warnings."""

    after: Document[ConfEntry]
    overridden: list[dict[str, Any]]
    restarts: list[str]
    doubts: list[str]


def edit_settings(
    edit: Edit,
    judge: ServerValidator,
    before: Document[ConfEntry],
    wanted: Mapping[str, str | None],
    auto_conf: str | None = None,
) -> SettingsEdit:
    """Give settings their values; nothing is written.

    :raises ConfigError: for a value that the server would refuse.
    """
    kinds = read_kinds(read_setting_kinds(judge))
    check_values(wanted, judge.version, kinds)
    after = ensure_settings(before, wanted, kinds)
    main_file, last_file = find_settings_files(edit.path, auto_conf, judge)
    main_text, files = files_with(main_file, edit.path, after.render(), judge.account)
    lines = read_conf(main_text, judge.version, files, last_file)
    overridden = describe_overrides(wanted, lines, judge.version, lambda file: same_file(file, edit.path), kinds)
    doubts = [*describe_overridden(overridden), *describe_faults(edit, judge, after, auto_conf)]
    return SettingsEdit(after, overridden, describe_restarts(before, after, kinds), doubts)
