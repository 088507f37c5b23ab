# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module proof_table: what several hosts have tried, as one table that is printed as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._proof.results import row_of_result
from ..module_utils._proof.table import Row, render_table

_OPTIONS = {"results": {"type": "dict", "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """What Ansible looks for."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the table; see the documentation of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_OPTIONS)
        results: Mapping[str, Any] = options["results"]
        rows = [row for host, found in results.items() for row in _rows(host, found)]
        times = [found["seconds"] for found in results.values() if isinstance(found, Mapping) and found.get("seconds")]
        table = render_table(rows, max((float(time) for time in times), default=None))
        Display().display("\n".join(table))
        return {**result, "changed": False, "table": table}


def _rows(host: str, found: Any) -> list[Row]:
    """The lines of one host; none for a host whose task did not run."""
    attempts = found.get("attempts") if isinstance(found, Mapping) else None
    return [row_of_result(attempt, host) for attempt in attempts or () if isinstance(attempt, Mapping)]
