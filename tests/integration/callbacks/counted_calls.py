# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down each call of a module with the host that it ran on, and each skipped task: one line of JSON for each."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: counted_calls
type: aggregate
short_description: Write down module calls and skipped tasks
description: Appends to the file that the environment variable PGTLS_COUNTED_CALLS names.
"""

# What runs on the controller alone, and starts no module anywhere.
_NO_MODULES = {"assert", "debug", "fail", "include_tasks", "meta", "validate_argument_spec"}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counted_calls"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result, **_more):
        self._ran(result)

    def v2_runner_on_failed(self, result, **_more):
        self._ran(result)

    def v2_runner_item_on_ok(self, result):
        self._write("call", result)

    def v2_runner_item_on_failed(self, result):
        self._write("call", result)

    def v2_runner_item_on_skipped(self, result):
        self._write("skipped", result)

    def v2_runner_on_skipped(self, result):
        if not _task(result).loop or not _values(result).get(
            "results"
        ):  # a loop tells each item itself, unless there is none
            self._write("skipped", result)

    def _ran(self, result):
        if not _task(result).loop:  # a loop is told item by item
            self._write("call", result)

    def _write(self, kind, result):
        task = _task(result)
        action = task.action.split(".")[-1]
        if kind == "call" and action in _NO_MODULES:
            return
        host = getattr(result, "host", None) or result._host
        line = {
            "kind": kind,
            "host": task.delegate_to or host.get_name(),
            "module": action,
            "task": task.get_name(),
        }
        with open(os.environ["PGTLS_COUNTED_CALLS"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def _task(result):
    return getattr(result, "task", None) or result._task


def _values(result):
    return getattr(result, "result", None) or result._result
