# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of a module in a process of its own, which may take so long, and what is wrong with how it ended."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from ansible.module_utils.basic import AnsibleModule
from declared import Option
from module_runner import MODULES, run_module

SECONDS = 20


def call(module: str, args: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The module's result; the key ``broken`` tells of a traceback, or of a call that did not end."""
    importlib.import_module(f"{MODULES}.{module}")  # once, not in each child
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work(module, args, folder, writing)
    os.close(writing)
    said, end = b"", time.monotonic() + SECONDS
    try:
        while select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
            piece = os.read(reading, 1 << 16)
            if not piece:
                return dict(json.loads(said or b'{"broken": "the module ended without a word"}'))
            said += piece
        return {"broken": f"it did not end within {SECONDS} seconds"}
    finally:
        os.close(reading)
        _end(child)


def _end(child: int) -> None:
    """End a call and all that it started; by then it has ended by itself, or takes too long."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _work(module: str, args: dict[str, Any], folder: Path, writing: int) -> None:
    os.setsid()
    os.chdir(folder)
    check = args.pop("_ansible_check_mode", False)
    begun = []
    try:
        with noting_the_start(begun):
            result = run_module(module, args, check=check, diff=True, no_log=True)
        text = json.dumps({"begun": begun, **{field: result.get(field) for field in ("failed", "msg", "warnings")}})
    except BaseException:
        text = json.dumps({"begun": begun, "broken": traceback.format_exc()})
    with open(writing, "wb") as stream:
        stream.write(text.encode())
    os._exit(0)


@contextlib.contextmanager
def noting_the_start(begun: list[bool]) -> Iterator[None]:
    """Tell where ansible itself refuses a task, whose words are not ours."""
    original = AnsibleModule.__init__

    def make(self: AnsibleModule, *args: Any, **words: Any) -> None:
        original(self, *args, **words)
        begun.append(True)

    with mock.patch.object(AnsibleModule, "__init__", make):
        yield


def fault(option: Option, value: Any, result: dict[str, Any]) -> str | None:
    """What is wrong with a result, or None: a module succeeds, or fails with one sentence that names the option."""
    if not result.get("begun", True):
        return None
    if "broken" in result:
        return str(result["broken"])
    for sentence in [str(result["msg"])] * bool(result["failed"]) + result["warnings"]:
        if "\n" in sentence.strip() or "Traceback" in sentence:
            return f"more than one sentence: {sentence}"
        if len(sentence) > 1500:
            return f"a sentence of {len(sentence)} characters: {sentence[:300]}..."
    if result["failed"] and not _names(option, value, str(result["msg"])):
        return f"the option is not named: {result['msg']}"
    return None


def _names(option: Option, value: Any, message: str) -> bool:
    """Whether the sentence says where the mistake is: an option (of logins, any of them), or the value."""
    if "********" in message:  # the value is a secret, whose letters are masked everywhere
        return True
    last = option.way[-1]
    kind = last.rsplit("_", 1)[-1]
    words = [*option.way, *([f"{kind} of /"] if kind in ("owner", "group", "mode") else [])]
    words += ["login_", "login options"] if last.startswith(("login_", "ssl_", "ca_cert")) else []
    words += ["of the file"] if last == "path" else []
    words += [last.replace("_", " "), *(["CN="] if last == "common_name" else [])]
    for each in _texts(value):
        words += [repr(each), f" {each} ", f'"{each}"', *([each[:150]] if len(each) > 1 else [])]
    words += ["the certificate kite"] if last.endswith("_pem") else []
    return any(word in message for word in words)


def _texts(value: Any) -> Iterator[str]:
    """The value, and all inside of it, as sentences show them."""
    yield str(value)
    if isinstance(value, dict):
        value = [*value, *value.values()]
    for each in value if isinstance(value, list) else []:
        yield from _texts(each)
