# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration file of a server as it shall be."""

from __future__ import annotations

from dataclasses import dataclass

from ..editing.server_validation import Edit
from ..server.views import FileKind


@dataclass(frozen=True)
class PlannedFile:
    """A configuration file as it is, and as it shall be. kind: None for one that no server shows in a view."""

    kind: FileKind | None
    edit: Edit
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after
