# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a module is AnsibleModule's: how it writes, and how it ends.

The packages raise, and this is the one place that turns an error into fail_json. It is also where all that a module says
becomes valid text, whatever bytes its files and servers hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .errors import ModuleError, sentence_of
from .files.writer import Writer
from .hidden_secrets import without_secrets
from .raw_bytes import readable
from .unusable_values import unusable_values

_WORD_TOO_LONG = re.compile(r"\S{400,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@contextmanager
def failing_cleanly(module: AnsibleModule, *errors: type[Exception]) -> Iterator[None]:
    """End the module with the error's own sentence when a package (or the operating system) refuses.

    From here on results, failures and warnings of the module show bytes that are not UTF-8 by backslashes, and no secret
    of PostgreSQL's files, nor of the task.

    :param errors: the base errors of the pure packages that the module uses.
    """
    for way in ("exit_json", "fail_json"):
        # what ansible would add by itself, with the secrets in it
        invocation = {"module_args": module.params}
        setattr(module, way, _presentable(getattr(module, way), invocation=invocation))
    module.warn = _presentable(module.warn)
    for sentence in unusable_values(module.params, module.argument_spec):
        module.fail_json(msg=sentence)
    refusals: tuple[type[Exception], ...] = (ModuleError, *errors)
    try:
        yield
    except refusals as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=sentence_of(error))


def writer_of(module: AnsibleModule) -> Writer:
    """Return what writes files for a module."""

    def set_label(path: str, name: str, existed: bool) -> None:
        if module.selinux_enabled():
            context = module.selinux_context(name) if existed else module.selinux_default_context(name)
            module.set_context_if_different(path, context, False)

    def warn(sentence: str) -> None:
        module.warn(sentence)  # the method of then, which failing_cleanly may have replaced

    return Writer(module.check_mode, warn, set_label, bool(module.params.get("unsafe_writes")))


def _presentable(say: Callable[..., Any], **always: Any) -> Callable[..., Any]:
    """The method with every string of its arguments made valid text without secrets."""

    def say_text(*args: Any, **kwargs: Any) -> Any:
        if isinstance(kwargs.get("msg"), str):
            kwargs["msg"] = _on_one_line(kwargs["msg"])
        args = tuple(_on_one_line(each) if isinstance(each, str) else each for each in args)
        return say(*without_secrets(readable(args)), **without_secrets(readable({**always, **kwargs})))

    return say_text


def _on_one_line(sentence: str) -> str:
    """The sentence with line breaks and the like as they are written in quotes, and words without end cut."""
    short = _WORD_TOO_LONG.sub(lambda word: f"{word.group()[:200]}... ({len(word.group())} characters)", sentence)
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], short)
