# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module ends: the rooms raise, and this is the one place that turns an error into fail_json.

It is also where all that a module says becomes valid text, whatever bytes its files and servers hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from .errors import ModuleError
from .raw_bytes import readable

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@contextmanager
def failing_cleanly(module: AnsibleModule, *errors: type[Exception]) -> Iterator[None]:
    """End the module with the error's own sentence when a room (or the operating system) refuses.

    From here on results, failures and warnings of the module show bytes that are no UTF-8 by backslashes.

    :param errors: the base errors of the pure rooms that the module uses.
    """
    for way in ("exit_json", "fail_json", "warn"):
        setattr(module, way, _speaking_text(getattr(module, way)))
    try:
        yield
    except (ModuleError, *errors) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        module.fail_json(
            msg=f"{where}{error.strerror or error}; check that the path exists and that the module may use it"
        )


def _speaking_text(say: Callable[..., Any]) -> Callable[..., Any]:
    """The method with every string of its arguments made valid text."""

    @wraps(say)
    def say_text(*args: Any, **kwargs: Any) -> Any:
        return say(*readable(args), **readable(kwargs))

    return say_text
