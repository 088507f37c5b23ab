# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the wanted records into a document while every foreign byte stays as it is.

Each wanted record keeps its line, or gets a place: "before original line N". Places are settled first, on the original
lines, and the new document is put together in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from ..errors import ConfigError
from .document import Document, find_blocks, place_after, place_before
from .edit_plan import Layout, Ordering, Placement, Wishes, find_anchor, new_line, records_of, satisfied, updated_line
from .marker_blocks import place_block, remove_foreign
from .records import Broken, Entry, OpaqueWords, Record, RefusedLine

# (original line, 0 for "inserted before it" or 1 for "this line itself", place in the list)
Place = tuple[int, int, int]


def check_wishes(present: Sequence[Record], absent: Sequence[Record]) -> list[Record]:
    """The present wishes without repetitions; contradictions raise ConfigError."""
    seen: dict[Hashable, Record] = {}
    for record in present:
        other = seen.setdefault(record.match_key, record)
        if not satisfied(other, record):
            raise ConfigError(
                f"the list contradicts itself about one entry; keep one of the two: {_shown(other, record)}"
            )
    for record in absent:
        if record.match_key in seen:
            raise ConfigError(
                f"the list has one entry both present and absent; keep one of the two: {_shown(seen[record.match_key])}"
            )
    return list(seen.values())


def _shown(*records: Record) -> str:
    return " and ".join('"' + " ".join(record.render().split()) + '"' for record in records)


def remove_matching(layout: Layout, absent: Sequence[Record]) -> None:
    """Take out every record that matches what one of these matches, repetitions too, and lines in these words that are invalid."""
    keys = {record.match_key for record in absent}
    words = {record.written_key for record in absent} - {None}
    refused = {record.written_key for record in absent if isinstance(record, RefusedLine)}
    for index, entry in layout.document.entries():
        if (
            isinstance(entry, Record)
            and (entry.match_key in keys or entry.written_key in refused)
            or isinstance(entry, (Broken, OpaqueWords))
            and not words.isdisjoint(entry.keys)
        ):
            layout.removed.add(index)


def ensure_records(document: Document[Entry], wishes: Wishes, placement: Placement, order: Ordering) -> Document[Entry]:
    """The document with the wishes fulfilled; the very same object when nothing is due."""
    wanted = check_wishes(wishes.present, wishes.absent)
    find_blocks(document)  # broken markers are an error even where no block is asked for: nobody knows what is owned
    layout = Layout(document)
    remove_matching(layout, wishes.absent)
    if wishes.exclusive and wishes.block is None:
        place_exclusive(layout, wanted)
    elif wishes.block is None:
        place_loose(layout, wanted, placement, order)
    else:
        if wishes.exclusive:
            remove_foreign(layout, wishes.block)
        place_block(layout, wishes.block, wanted, placement, order)
    return layout.settle()


def place_loose(layout: Layout, wanted: Sequence[Record], placement: Placement, order: Ordering) -> None:
    """Give every wanted record its line, outside of blocks."""
    document = layout.document
    chosen = _choose(layout, wanted, last=placement.kind == "last")
    if placement.kind in ("first", "last"):
        _place_at_edge(layout, wanted, chosen, placement.kind)
        return
    places = _places_after if placement.kind == "after" else _places_before
    found = places(layout, wanted, chosen, placement, order)
    for number, (record, place) in enumerate(zip(wanted, found)):
        index = chosen.get(number)
        if index is not None and place[1] == 1:
            layout.rewritten[index] = updated_line(document, document.lines[index], record)
        else:
            _put(layout, number, record, index, place[0])


def _choose(layout: Layout, wanted: Sequence[Record], last: bool = False) -> dict[int, int]:
    """For each wanted record (by its place in the list) the first, or the last, line with the same match key."""
    lines: dict[Hashable, int] = {}
    for index, record in records_of(layout.document):
        if index not in layout.removed and (last or record.match_key not in lines):
            lines[record.match_key] = index
    return {number: lines[record.match_key] for number, record in enumerate(wanted) if record.match_key in lines}


def _put(layout: Layout, number: int, record: Record, index: int | None, place: int) -> None:
    """Insert a record, moving its existing line when it has one."""
    document = layout.document
    if index is None:
        layout.insert(place, number, new_line(document, record))
        return
    line = updated_line(document, document.lines[index], record)
    layout.removed.add(index)
    layout.insert(place, number, line)


def _places_before(
    layout: Layout, wanted: Sequence[Record], chosen: dict[int, int], placement: Placement, order: Ordering
) -> list[Place]:
    """Places that lie before whatever would hide a record (or before the anchor), in listed order where that matters."""
    document = layout.document
    end = len(document.lines)
    limit = _limits(layout, chosen, placement, order)
    places: list[Place] = [(end, 0, number) for number in range(len(wanted))]
    earliest: Place = (end, 1, 0)
    for number in range(len(wanted) - 1, -1, -1):
        record = wanted[number]
        bound = limit(record)
        place: Place = (chosen[number], 1, 0) if number in chosen else (end, 0, number)
        if bound is not None and place > (bound, 1, 0):
            place = _insertion_before(document, (bound, 1, 0), number)
        if place > earliest:  # only then the overlaps matter; comparing all pairs would be slow
            later = [places[other] for other in range(number + 1, len(wanted)) if order.overlap(record, wanted[other])]
            if later and place > min(later):
                place = _insertion_before(document, min(later), number)
        places[number] = place
        earliest = min(earliest, place)
    return places


def _insertion_before(document: Document[Entry], upper: Place, number: int) -> Place:
    return (place_before(document, upper[0]) if upper[1] == 1 else upper[0], 0, number)


def _limits(
    layout: Layout, chosen: dict[int, int], placement: Placement, order: Ordering
) -> Callable[[Record], int | None]:
    if placement.kind == "before":
        anchor = find_anchor(layout.document, placement)
        return lambda record: anchor
    own = set(chosen.values()) | layout.removed
    return order.shadow([(index, record) for index, record in records_of(layout.document) if index not in own])


def _places_after(
    layout: Layout, wanted: Sequence[Record], chosen: dict[int, int], placement: Placement, order: Ordering
) -> list[Place]:
    """Places that lie after the anchor, in listed order where that matters."""
    document = layout.document
    anchor: Place = (find_anchor(document, placement), 1, 0)
    places: list[Place] = []
    latest = anchor
    for number, record in enumerate(wanted):
        place: Place = (chosen.get(number, -1), 1, 0)
        if place < latest:
            lower = max([anchor, *(places[other] for other in range(number) if order.overlap(record, wanted[other]))])
            if place < lower:
                place = (place_after(document, lower[0]) if lower[1] == 1 else lower[0], 0, number)
        places.append(place)
        latest = max(latest, place)
    return places


def _place_at_edge(layout: Layout, wanted: Sequence[Record], chosen: dict[int, int], edge: str) -> None:
    """The wanted records are the first (or last) entries of the file, in listed order."""
    document = layout.document
    entries = [index for index, _entry in document.entries() if index not in layout.removed]
    expected = entries[: len(wanted)] if edge == "first" else entries[len(entries) - len(wanted) :]
    in_place = [chosen.get(number) for number in range(len(wanted))] == expected
    start = place_before(document, entries[0]) if entries and edge == "first" else len(document.lines)
    for number, record in enumerate(wanted):
        if in_place:
            layout.rewritten[expected[number]] = updated_line(document, document.lines[expected[number]], record)
        else:
            _put(layout, number, record, chosen.get(number), start)


def place_exclusive(layout: Layout, wanted: Sequence[Record]) -> None:
    """The file holds just these records in this order; comments and blank lines stay."""
    document = layout.document
    chosen = _choose(layout, wanted)
    layout.removed.update(index for index, _entry in document.entries())
    cursor = -1
    for number, record in enumerate(wanted):
        index = chosen.get(number)
        if index is not None and index > cursor:
            cursor = index
            layout.removed.discard(index)
            layout.rewritten[index] = updated_line(document, document.lines[index], record)
        else:
            line = (
                new_line(document, record) if index is None else updated_line(document, document.lines[index], record)
            )
            layout.insert(cursor + 1 if cursor >= 0 else _start(document), number, line)


def _start(document: Document[Entry]) -> int:
    entries = document.entries()
    return place_before(document, entries[0][0]) if entries else len(document.lines)
