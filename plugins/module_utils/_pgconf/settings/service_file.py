# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libpq's connection service file (manual, "The Connection Service File"): our services stand between two marker lines.

All other bytes stay as they are. The markers are those that a block of ``blockinfile`` had, so that such files go on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ConfigError

_PARAMETER = re.compile(r"[a-z][a-z_]*")
_SECTION = re.compile(r"\s*\[([^\]]*)\]")
# libpq would send these; a file that many may read is not a place for them, and a service cannot name another one.
_REFUSED = {
    "password": "name a file with passfile instead",
    "sslpassword": "keep the key without a passphrase, or give it where the program connects",
    "service": "a service cannot name another one",
    "servicefile": "a service cannot name another file",
}


@dataclass(frozen=True)
class Service:
    """A name, and what libpq connects with for it, in the order of the file."""

    name: str
    parameters: Mapping[str, str]

    def lines(self) -> list[str]:
        """The section of this service."""
        return [f"[{self.name}]", *(f"{key}={value}" for key, value in self.parameters.items())]


def read_services(wanted: Sequence[Mapping[str, object]]) -> list[Service]:
    """Read services as a task gives them, each a name and parameters.

    :raises ConfigError: for what libpq would not read back as it was given.
    """
    services: list[Service] = []
    for one in wanted:
        name, given = str(one["name"]), one["parameters"]
        if not name or "]" in name or _is_torn(name):
            raise ConfigError(
                f"services: the name {name!r} is empty, has a ], a line break, or a blank at one end; choose another name"
            )
        if name in (known.name for known in services):
            raise ConfigError(f"services: {name} is listed twice; give each service a name of its own")
        if not isinstance(given, Mapping):
            raise ConfigError(
                f"services: parameters of {name} is not a dictionary; give libpq's keywords and their values"
            )
        services.append(Service(name, {key: _value(name, key, value) for key, value in given.items()}))
    return services


def ensure_services(text: str, services: Sequence[Service], block: str) -> str:
    """Return the text with exactly these services in our block; without services the block goes.

    :raises ConfigError: when the markers of the file do not belong together.
    """
    lines = text.splitlines(keepends=True)
    begin, end = _find_block(lines, block)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    wanted = [line for service in services for line in service.lines()]
    new = [f"{line}{ending}" for line in (f"# BEGIN {block}", *wanted, f"# END {block}")] if services else []
    if begin is None:
        if new and lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += ending
        return "".join([*lines, *new])
    return "".join([*lines[:begin], *new, *lines[end:]])


def shadowed_services(text: str, services: Sequence[Service], block: str) -> list[str]:
    """Return the services that stand in the file before our block too: libpq takes the first of a name."""
    lines = text.splitlines(keepends=True)
    begin, _end = _find_block(lines, block)
    sections = [found.group(1) for found in map(_SECTION.match, lines[:begin]) if found]
    return [service.name for service in services if service.name in sections]


def _find_block(lines: Sequence[str], block: str) -> tuple[int | None, int]:
    """Where the block starts, and the line after its end; None when there is none."""
    marks = [
        (number, words[1])
        for number, line in enumerate(lines)
        for words in [line.rstrip().split(" ", 2)]
        if len(words) == 3 and words[0] == "#" and words[1] in ("BEGIN", "END") and words[2] == block
    ]
    if not marks:
        return None, len(lines)
    if [word for _number, word in marks] != ["BEGIN", "END"]:
        raise ConfigError(
            f"the marker lines '# BEGIN {block}' and '# END {block}' do not belong together; remove the surplus",
            marks[-1][0] + 1,
            lines[marks[-1][0]],
        )
    return marks[0][0], marks[1][0] + 1


def _value(service: str, key: str, value: object) -> str:
    whose = f"services: {key} of {service}"
    if not _PARAMETER.fullmatch(key):
        raise ConfigError(f"{whose} is not the name of a connection parameter; write it in lower case")
    if key in _REFUSED:
        raise ConfigError(f"{whose} does not belong in this file; {_REFUSED[key]}")
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, (str, int)):
        raise ConfigError(f"{whose} is {value!r}, but must be a string or a number")
    text = str(value)
    if _is_torn(text):
        raise ConfigError(f"{whose} has a line break, or a blank at one end, which libpq does not keep; remove it")
    return text


def _is_torn(text: str) -> bool:
    return text != text.strip() or any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in text)
