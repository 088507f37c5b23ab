# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever stands in an option, a module succeeds or says in one sentence which option is wrong; it neither breaks nor hangs."""

from __future__ import annotations

import json
import os
import random
import shutil
from typing import Any

import pytest
from calling import call, fault
from declared import Option, module_names, options_of
from playground import Playground, placed
from values import chosen

SEED = int(os.environ["PGTLS_FUZZ_SEED"])
VALUES = os.environ.get("PGTLS_FUZZ_VALUES", "1")
COUNT = 10**6 if VALUES == "all" else int(VALUES)


@pytest.mark.parametrize("module", module_names())
def test_the_calls_that_are_made_wrong_succeed(ground, module):
    for args in ground.calls(module):
        folder = ground.place()
        result = call(module, placed(args, folder), folder)
        shutil.rmtree(folder)
        assert not result.get("failed", True), result


@pytest.mark.parametrize("module", module_names())
def test_any_value_of_any_option_is_taken_or_refused_in_one_sentence(ground, module):
    dice, faults = random.Random(f"{SEED} {module}"), {}
    for option in options_of(module):
        for value in chosen(option, ground, dice, COUNT):
            found = _try(ground, option, value, dice)
            if found is not None:
                faults.setdefault(f"{option}: {found.splitlines()[-1][:250]}", f"{value!r:.120}: {found[-1500:]}")
    if faults and os.environ.get("PGTLS_FUZZ_REPORT"):
        with open(os.environ["PGTLS_FUZZ_REPORT"], "a", encoding="utf-8") as stream:
            stream.writelines(json.dumps([where, what]) + "\n" for where, what in faults.items())
    assert not faults, f"PGTLS_FUZZ_SEED={SEED}\n" + "\n".join(f"{where}\n    {what}" for where, what in faults.items())


def _try(ground: Playground, option: Option, value: Any, dice: random.Random) -> str | None:
    calls = ground.calls(option.module)
    ways = [option.way[:size] for size in range(len(option.way), -1, -1)]
    holding = next(found for found in ([args for args in calls if _holds(args, way)] for way in ways) if found)
    args = dice.choice(holding)
    _put(args, option, value)
    folder = ground.place()
    try:
        value = placed(value, folder)
        return fault(option, value, call(option.module, placed(args, folder), folder))
    finally:
        shutil.rmtree(folder)


def _holds(args: Any, way: tuple[str, ...]) -> bool:
    if isinstance(args, list):
        return not way or (bool(args) and _holds(args[0], way))
    return not way or (isinstance(args, dict) and way[0] in args and _holds(args[way[0]], way[1:]))


def _put(args: Any, option: Option, value: Any) -> None:
    """Into the first of each list on the way; what is missing there is made."""
    for name, spec in zip(option.way, option.around, strict=False):
        is_list = spec.get("type") == "list"
        inner = args[name] = args.get(name) or ([{}] if is_list else {})
        args = inner[0] if is_list else inner
    args[option.way[-1]] = value
