# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distinguished names as strings (RFC 4514): read one that an option gives, and write a subject as strings show it.

A subject is a sequence of (short name, value) pairs in certificate order, which the string has from its end to its start.
Attributes that share one part of the name (``CN=app1+UID=4711``) are ``joined``: the positions of those that belong to the
part of the one before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .errors import PkiError

Pairs = tuple[tuple[str, str], ...]
_PIECE = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))|([,+])|([^\\])", re.DOTALL)


def parse_distinguished_name(text: str, known: Mapping[str, str], whose: str) -> tuple[Pairs, tuple[int, ...]]:
    """The attributes of a name in certificate order, and which of them are joined.

    :param known: attribute types in capital letters, to the short names that are meant.
    :raises PkiError: for anything else than a name of RFC 4514 with these attributes.
    """
    pairs: list[tuple[str, str]] = []
    joined: list[int] = []
    for part in reversed(list(_parts(text, whose))):
        joined += range(len(pairs) + 1, len(pairs) + len(part))
        pairs += (_attribute(each, known, whose) for each in part)
    return tuple(pairs), tuple(joined)


def _parts(text: str, whose: str) -> Iterator[list[list[str]]]:
    """The parts of a name in the order of the string; an attribute is a list of its characters, escaped ones with a backslash."""
    part: list[list[str]] = [[]]
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise PkiError(f"{whose}: distinguished_name ends with a backslash that escapes nothing; write it twice")
        position = found.end()
        if found.group(3) == "+":
            part.append([])
        elif found.group(3):
            yield part
            part = [[]]
        else:
            part[-1].append(found.group())
    yield part


def _attribute(characters: Sequence[str], known: Mapping[str, str], whose: str) -> tuple[str, str]:
    kind, equals, value = "".join(characters).partition("=")
    short = known.get(kind.strip().upper())
    if not equals or short is None:
        raise PkiError(
            f"{whose}: distinguished_name holds {''.join(characters).strip()!r}, which does not start with one of "
            f"{', '.join(known.values())} and '='; escape a comma or a plus sign in a value by a backslash"
        )
    return short, _unescaped(value, short, whose)


def _unescaped(value: str, short: str, whose: str) -> str:
    pieces = list(_PIECE.finditer(value))
    while pieces and pieces[0].group() == " ":
        pieces.pop(0)
    while pieces and pieces[-1].group() == " ":
        pieces.pop()
    if any(piece.group() in ('"', ";", "<", ">") for piece in pieces) or value.lstrip().startswith("#"):
        raise PkiError(
            f'{whose}: distinguished_name has a {short} with one of " ; < > or a leading #; escape it by a backslash'
        )
    octets = b"".join(_octets(piece) for piece in pieces)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PkiError(
            f"{whose}: distinguished_name has a {short} that is not UTF-8; escape its octets as such"
        ) from error


def _octets(piece: re.Match[str]) -> bytes:
    pair, escaped, _sign, plain = piece.groups()
    return bytes.fromhex(pair) if pair else (escaped or plain or piece.group()).encode("utf-8")


def parts_of(pairs: Pairs, joined: Sequence[int]) -> list[Pairs]:
    """The attributes by the parts of the name."""
    parts: list[Pairs] = []
    for position, pair in enumerate(pairs):
        if position in joined:
            parts[-1] = (*parts[-1], pair)
        else:
            parts.append((pair,))
    return parts


def render_parts(parts: Sequence[Pairs]) -> str:
    """The string of RFC 4514: last part first, special characters escaped.

    What is joined is a set; it is sorted, because libraries return it in different orders.
    """
    return ",".join("+".join(sorted(f"{short}={_escape(value)}" for short, value in part)) for part in reversed(parts))


def _escape(value: str) -> str:
    escaped = re.sub(r'([\\"+,;<>])', r"\\\1", value).replace("\x00", "\\00")
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and len(value) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped
