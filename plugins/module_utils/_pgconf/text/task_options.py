# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of dictionaries that tasks give, read element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, TypeVar

from ..errors import ConfigError
from .edit_plan import Wishes
from .records import Record

Element = TypeVar("Element")


def read_each(
    noun: str, listed: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Element]
) -> list[Element]:
    """What ``read`` makes of each element.

    :raises ConfigError: naming the element at fault by ``noun`` and its number (from 1).
    """
    elements = []
    for number, fields in enumerate(listed, 1):
        try:
            elements.append(read(fields))
        except ConfigError as error:
            raise ConfigError(f"{noun} {number}: {error}") from error
    return elements


def is_absent(fields: Mapping[str, Any]) -> bool:
    """Whether an element shall go."""
    return fields.get("state") == "absent"


def gather_wishes(params: Mapping[str, Any], option: str, records: Sequence[Record]) -> Wishes:
    """The records of ``option`` sorted by their state, with the options block and exclusive."""
    states = [is_absent(fields) for fields in params[option]]
    present = [record for record, is_absent in zip(records, states) if not is_absent]
    absent = [record for record, is_absent in zip(records, states) if is_absent]
    return Wishes(present, absent, bool(params.get("exclusive")), params.get("block"))
