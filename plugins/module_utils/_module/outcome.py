# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module ends: the rooms raise, and this is the one place that turns an error into fail_json."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import ModuleError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@contextmanager
def failing_cleanly(module: AnsibleModule, *errors: type[Exception]) -> Iterator[None]:
    """End the module with the error's own sentence when a room (or the operating system) refuses.

    :param errors: the base errors of the pure rooms that the module uses.
    """
    try:
        yield
    except (ModuleError, *errors) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        module.fail_json(
            msg=f"{where}{error.strerror or error}; check that the path exists and that the module may use it"
        )
