# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owned block: two marker comments between which stand exactly the wanted records, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from .document import (
    Block,
    Document,
    Line,
    begin_marker,
    check_block_name,
    end_marker,
    place_after,
    place_before,
)
from .edit_plan import Layout, Ordering, Placement, find_anchor, new_line, records_of, updated_line
from .records import Entry, Record


def place_block(layout: Layout, name: str, wanted: Sequence[Record], placement: Placement, order: Ordering) -> None:
    """Make the block hold the wanted records; without any the block goes. An existing block stays where it is
    unless it could not take effect there.

    We never leave a block empty. One without a record was emptied by somebody who moved lines, its markers perhaps too,
    so where they stand says nothing, and it is placed anew. The lines that left it come back, or they would outlive it.
    """
    check_block_name(name)
    document = layout.document
    block = document.blocks.get(name)
    inside = range(block.begin, block.end + 1) if block else range(0)
    foreign = [index for index, _entry in document.entries() if index not in inside and index not in layout.removed]
    kept = block if block and any(document.lines[index].entry is not None for index in inside) else None
    place = _new_place(layout, wanted, kept, foreign, placement, order)
    content = _content(document, kept, wanted)
    if kept is not None and wanted and place is None:
        if content != list(document.lines[kept.begin + 1 : kept.end]):
            layout.removed.update(range(kept.begin + 1, kept.end))
            for number, line in enumerate(content):
                layout.insert(kept.end, number, line)
        return
    layout.removed.update(inside)
    if block is not None and kept is None:
        layout.removed.update(_escaped(document, wanted))
    if wanted:
        newline = document.newline
        lines: list[Line[Entry]] = [Line(begin_marker(name) + newline), *content, Line(end_marker(name) + newline)]
        for number, line in enumerate(lines):
            layout.insert(len(document.lines) if place is None else place, number, line)


def _escaped(document: Document[Entry], wanted: Sequence[Record]) -> list[int]:
    """The lines outside of all blocks that say the same as one of the wanted records."""
    known = {(record.match_key, record.effect) for record in wanted}
    owned = {index for block in document.blocks.values() for index in range(block.begin, block.end)}
    return [
        index
        for index, record in records_of(document)
        if index not in owned and (record.match_key, record.effect) in known
    ]


def _content(document: Document[Entry], block: Block | None, wanted: Sequence[Record]) -> list[Line[Entry]]:
    """The lines of the block; what stands there already keeps its spelling."""
    existing: dict[object, Line[Entry]] = {}
    for index, record in records_of(document):
        if block is not None and block.begin < index < block.end:
            existing.setdefault(record.match_key, document.lines[index])
    content = []
    for record in wanted:
        line = existing.get(record.match_key)
        content.append(new_line(document, record) if line is None else updated_line(document, line, record))
    return content


def _new_place(
    layout: Layout,
    wanted: Sequence[Record],
    block: Block | None,
    foreign: Sequence[int],
    placement: Placement,
    order: Ordering,
) -> int | None:
    """Before which original line the block must stand; None when it can stay, or go to the end."""
    document = layout.document
    if placement.kind == "after":
        anchor = find_anchor(document, placement)
        return None if block is not None and block.begin > anchor else place_after(document, anchor)
    if placement.kind == "last":
        settled = block is not None and not any(index > block.end for index in foreign)
        return None if settled else len(document.lines)
    bound = _upper_bound(layout, wanted, foreign, placement, order)
    if bound is None or (block is not None and block.end < bound):
        return None
    return place_before(document, bound)


def _upper_bound(
    layout: Layout, wanted: Sequence[Record], foreign: Sequence[int], placement: Placement, order: Ordering
) -> int | None:
    document = layout.document
    if placement.kind == "before":
        return find_anchor(document, placement)
    if placement.kind == "first":
        return min(foreign, default=None)
    among = set(foreign)
    shadow = order.shadow([(index, record) for index, record in records_of(document) if index in among])
    return min((found for found in map(shadow, wanted) if found is not None), default=None)


def remove_foreign(layout: Layout, name: str) -> None:
    """Take out every entry that does not stand in the block."""
    block = layout.document.blocks.get(name)
    outside = (index for index, _entry in layout.document.entries() if not (block and block.begin < index < block.end))
    layout.removed.update(outside)
