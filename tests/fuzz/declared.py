# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of every module, as the modules themselves declare them: nothing here is a list that could be forgotten."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from module_runner import MODULES

FOLDER = Path(__file__).resolve().parents[2] / "plugins/modules"


class _Declared(Exception):
    """What a module gave to AnsibleModule."""


@dataclass(frozen=True)
class Option:
    """An option, or one inside of others, whose specs are ``around``; the way to it holds the names from the outermost on."""

    module: str
    way: tuple[str, ...]
    spec: Mapping[str, Any]
    around: tuple[Mapping[str, Any], ...] = ()

    @property
    def type(self) -> str:
        return str(self.spec.get("type", "str"))

    def __str__(self) -> str:
        return f"{self.module}: {'.'.join(self.way)}"


def module_names() -> list[str]:
    """Those that run on hosts: what an action does on the controller alone is no process of its own."""
    actions = {path.stem for path in (FOLDER.parent / "action").glob("*.py")}
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in actions)


def options_of(module: str) -> list[Option]:
    """The options of a module, those inside of others too."""

    def declare(**words: Any) -> None:
        raise _Declared(words["argument_spec"])

    loaded = importlib.import_module(f"{MODULES}.{module}")
    try:
        with mock.patch.object(loaded, "AnsibleModule", declare):
            loaded.main()
    except _Declared as declared:
        return list(_walk(module, (), declared.args[0]))
    raise AssertionError(f"{module} declares no options")


def _walk(
    module: str, outer: tuple[str, ...], specs: Mapping[str, Any], *around: Mapping[str, Any]
) -> Iterator[Option]:
    for name, spec in specs.items():
        yield Option(module, (*outer, name), spec, around)
        yield from _walk(module, (*outer, name), spec.get("options") or {}, *around, spec)
