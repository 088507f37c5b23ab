# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that people, templates and other programs put into options by mistake, by the type that the option declares."""

from __future__ import annotations

import random
from typing import Any

from declared import Option
from playground import Playground

LONG = "y" * 5000
TIMES = [
    "1949-05-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
    "10000-01-01T00:00:00Z",
    "2050-02-30T00:00:00Z",
    "2050-01-01",
    "2050-01-01T00:00:00",
    "tomorrow",
]
STRINGS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "a\nb",
    "\r\n",
    LONG,
    "y" * 300,
    "y" * 1024,
    "ü" * 600,
    "Zürichsee Labor",
    "日本",
    "\u202etxt",
    "a\udcffb",
    "\ud83d",
    "-",
    "--help",
    "%s%n",
    "{}",
    "{{ x }}",
    "'",
    '"',
    "\\",
    "..",
    "../x",
    "a/b",
    "/",
    "*",
    "*.",
    ".",
    "all",
    "0",
    "-1",
    "/^[",
    "/(a+)+$",
    "@x",
    "+x",
    "#",
    "a,b",
    "1.2.3.4/33",
    "::1%lo",
    "999.1.1.1",
    "null",
    *TIMES,
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    -365,
    36500,
    2**31 - 1,
    2**31,
    2**63,
    10**30,
    -(10**30),
    "",
    "x",
    "1e3",
    "1_000",
    "٣",
    1.5,
    True,
]
TRUTHS = ["maybe", "", 2, -1, "y", [], {}, "\x00"]
MODES = [
    "",
    "0999",
    "rwx",
    "u+x,",
    -1,
    0,
    8**8,
    10**30,
    "0o644",
    "4755",
    "7777",
    1.5,
    True,
    [],
    {},
    "\x00",
    "u=rw,g=r,o=",
]
LISTS: list[Any] = [
    [],
    [""],
    [None],
    ["\x00"],
    [LONG],
    [[]],
    [{}],
    [[["a"]]],
    {},
    {"a": 1},
    5,
    "",
    "a,b",
    ["a", "a"],
    [5, 1.5],
]
LISTS += [["a\udcffb"], [True], ["ü"], "\x00", [TIMES[0]]]
DICTS: list[Any] = [
    {},
    {"": ""},
    {"a": None},
    {"a\x00": "b"},
    {"a": "b\x00"},
    {"O": ["\x00"]},
    {"O": [["x"]]},
    {"CN": "x"},
]
DICTS += [{"a": {"b": {"c": []}}}, {"a": LONG}, {LONG: "a"}, {"ü": "ü"}, {"a\udcff": "\udcff"}, {"C": "Deutschland"}]
DICTS += [
    {"a": 10**30},
    {"a": 1.5},
    {"a": True},
    {"a": []},
    {"port": -1},
    {"host": ""},
    {"port": "\x00"},
    [],
    [{}],
    5,
    "a=b",
    "{",
]
DICTS += [{"O": "ü" * 64}, {"DC": "ü"}, {"a": "x\ny"}, {"a=b": "c"}, {"sslmode": "x"}, {"max_connections": "many"}]


def of_kind(option: Option, ground: Playground) -> list[Any]:
    """Values for an option by its declared type; those that ansible refuses by itself are among them."""
    kinds: dict[str, list[Any]] = {
        "path": [
            *ground.paths,
            "",
            "\x00",
            LONG,
            "a\x00b",
            "/" + "y" * 300,
            "~no-such-user/x",
            "~\x00",
            "$HOME\x00",
            5,
            [],
            {},
        ],
        "int": [*NUMBERS, [], {}, "\x00"],
        "bool": list(TRUTHS),
        "list": list(LISTS),
        "dict": list(DICTS),
        "raw": [*MODES, *STRINGS[:8]],
        "float": [*NUMBERS],
    }
    if option.type == "list" and option.spec.get("elements") == "dict":
        return [*LISTS, *([each] for each in DICTS)]
    if option.type == "list":
        return [*LISTS, *([each] for each in STRINGS)]
    strings = [*STRINGS, 5, 1.5, True, [], {}, ["a"], {"a": {"b": 1}}]
    if option.way[-1].endswith(("_pem", "content")):
        strings = [*STRINGS[:16], *ground.pems, *ground.pems]
    return kinds.get(option.type, strings)


def chosen(option: Option, ground: Playground, dice: random.Random, count: int) -> list[Any]:
    values = of_kind(option, ground)
    return values if count >= len(values) else dice.sample(values, count)
