# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of the collection in this process, through ansible's own argument parsing and JSON output."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common import warnings as ansible_warnings

MODULES = "ansible_collections.pgtls.postgresql.plugins.modules"


@contextlib.contextmanager
def module_arguments(args: dict[str, Any]) -> Iterator[None]:
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # ansible-core 2.18 before the helper was backported
        raw = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", raw):
            yield
    else:
        with patch_module_args(args):
            yield


@contextlib.contextmanager
def on_a_managed_host() -> Iterator[None]:
    """Filters are tested in the same process; once they are imported, ansible-core takes itself for the controller."""
    from ansible.module_utils import _internal

    if not hasattr(_internal, "is_controller"):  # ansible-core 2.18 makes no difference
        yield
        return
    with mock.patch.object(_internal, "is_controller", False):
        yield


def _forget_warnings() -> None:
    """A module process starts without warnings; this process has those of the run before."""
    for collected in ("_global_warnings", "_global_deprecations"):
        getattr(ansible_warnings, collected).clear()


def _sentence(warning: Any) -> str:
    """The text of a warning: a string up to ansible-core 2.18, a message summary since."""
    return str(warning["event"]["msg"]) if isinstance(warning, dict) else str(warning)


def run_module(
    name: str, args: dict[str, Any], check: bool = False, diff: bool = False, no_log: bool = False
) -> dict[str, Any]:
    """The JSON result of module ``name``; ``failed`` and ``warnings`` (plain sentences) are always there.

    The key ``_output`` holds all that the module wrote to standard output and standard error, so that
    a test can search it for secrets.
    """
    module = importlib.import_module(f"{MODULES}.{name}")
    full = {**args, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_no_log": no_log}
    _forget_warnings()
    out, err = io.StringIO(), io.StringIO()
    with (
        on_a_managed_host(),
        module_arguments(full),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    text = out.getvalue()
    start = text.find("{")
    if start < 0:
        raise AssertionError(f"module {name} printed no result: {text!r} {err.getvalue()!r}")
    result: dict[str, Any] = json.loads(text[start:])
    result.setdefault("failed", False)
    result["warnings"] = [_sentence(warning) for warning in result.get("warnings", [])]
    result["_output"] = text + err.getvalue()
    return result
