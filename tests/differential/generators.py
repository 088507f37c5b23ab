# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small configuration files that try every corner of the formats; the same seed gives the same files.

Nothing here makes a server ask a name service, and @files never go in circles for servers that would die of it (<= 15).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from words import (
    ADDRESSES,
    CONF_LINES,
    DIRECTORIES,
    MAPPED,
    MARKS,
    MASKS,
    METHODS,
    NAMES,
    NOT_UTF_8,
    OPTIONS,
    REGEX_PIECES,
    SETTING_VALUES,
    SIDE_FILES,
    STRAY,
    TYPES,
    USUAL_ADDRESSES,
    USUAL_EXPRESSIONS,
    USUAL_OPTIONS,
)

HBA, IDENT, CONF = "hba", "ident", "conf"
MAIN = {HBA: "pg_hba.conf", IDENT: "pg_ident.conf", CONF: "postgresql.conf"}
CIRCLES_SINCE = 16


@dataclass(frozen=True)
class Case:
    """A file of a kind and the files that may be included from it, by name."""

    kind: str
    text: str
    side: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stock:
    """What a server ships: the lines of its own files by kind, and the names and types of its settings."""

    lines: dict[str, Sequence[str]]
    settings: Sequence[tuple[str, str]]


def make_case(kind: str, version: int, number: int, stock: Stock, seed: str = "pgtls") -> Case:
    """The file of this number for a kind and version."""
    random = Random(f"{seed}/{kind}/{version}/{number}")
    maker = _Maker(random, version, stock)
    text = maker.mutated_stock(kind) if random.random() < 0.15 else maker.file(kind)
    side = {name: maker.side_file(kind, name) for name in SIDE_FILES if name in text or random.random() < 0.1}
    if DIRECTORIES[0] in text:
        side.update(
            {f"{DIRECTORIES[0]}/{name}": maker.side_file(kind, name) for name in ("10-a.conf", "9-b.conf", ".c.conf")}
        )
    return Case(kind, _as_read(text), {name: _as_read(content) for name, content in side.items()})


def _as_read(text: str) -> str:
    """The text as it is read from a file: bytes beside each other may be a character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


# A link-local address with a zone is numeric if there is such an interface; this machine surely has "lo".
_ZONE = re.compile(r'(f[ef][0-9a-f]{2}"?:["0-9a-f:.]*)%(?!"?[0-9]+"?[/\s]|"?lo"?[/\s]|"?[/\s])', re.IGNORECASE)


def _without_the_undecidable(kind: str, text: str) -> str:
    """The text without what is decided outside of it.

    What the server makes of a NUL in a quoted value of postgresql.conf lies beyond its buffer, and changes.
    """
    return text.replace("\0", "") if kind == CONF else _ZONE.sub(r"\1", text)


class _Maker:
    def __init__(self, random: Random, version: int, stock: Stock) -> None:
        self._random = random
        self._version = version
        self._stock = stock
        self._depth = 0

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, words: Sequence[str]) -> str:
        return self._random.choice(words)

    def file(self, kind: str) -> str:
        lines = [self._line(kind) for _unused in range(self._random.choice((1, 1, 1, 2, 2, 3, 4, 6, 8)))]
        end = "\r\n" if self._chance(0.05) else "\n"
        text = "".join(line + end for line in lines)
        if self._chance(0.1):
            text = text[: -len(end)]
        if self._chance(0.2) and "radius" not in text:
            text = self._mutated(text)
        return _without_the_undecidable(kind, self._in_other_bytes(text))

    def _in_other_bytes(self, text: str) -> str:
        """The text with bytes that are not UTF-8 (Latin-1 words above all), and with a byte order mark, now and then."""
        if self._chance(0.1) and "radius" not in text:
            for _unused in range(self._random.choice((1, 1, 2, 4))):
                place = self._random.randint(0, len(text))
                text = text[:place] + self._pick(NOT_UTF_8) + text[place:]
        return self._pick(MARKS) + text if self._chance(0.04) else text

    def mutated_stock(self, kind: str) -> str:
        lines = self._stock.lines[kind]
        start = self._random.randrange(len(lines))
        chosen = [self._uncommented(line) for line in lines[start : start + self._random.randint(1, 8)]]
        text = "\n".join(chosen) + "\n"
        text = self._mutated(text) if self._chance(0.6) else text
        return _without_the_undecidable(kind, text)

    def _uncommented(self, line: str) -> str:
        return line.lstrip("# ") if self._chance(0.4) else line

    def side_file(self, kind: str, name: str) -> str:
        """A file to include; up to 15 it includes nothing, later it may include even itself (once)."""
        self._depth = 1
        if name.endswith(".txt"):
            names = [self._name() for _unused in range(self._random.randint(0, 3))]
            return self._pick((" ", "\n", ", ", ",")).join(names) + "\n" * self._random.randint(0, 1)
        if self._chance(0.15):
            return self._pick(("", "\n", "# nothing\n", "\ufeff", " "))
        text = "".join(self._line(kind) + "\n" for _unused in range(self._random.randint(0, 2)))
        text = _without_the_undecidable(kind, self._in_other_bytes(text))
        if self._version >= CIRCLES_SINCE and self._chance(0.08):
            # include_if_exists would be swallowed at the deepest level if any earlier file was missing (a stale errno)
            text += f"include {self._quoted_file(kind, self._pick(SIDE_FILES))}\n"
        return text

    def _quoted_file(self, kind: str, name: str) -> str:
        return f"'{name}'" if kind == CONF else name

    def _mutated(self, text: str) -> str:
        for _unused in range(self._random.choice((1, 1, 1, 2, 3))):
            place = self._random.randint(0, len(text))
            end = min(len(text), place + self._random.choice((1, 1, 1, 2, 5)))
            action = self._random.randrange(4)
            if action == 0:
                text = text[:place] + text[end:]
            elif action == 1:
                text = text[:place] + text[place:end] + text[place:]
            else:
                text = text[:place] + self._pick(STRAY) + text[end if action == 2 else place :]
        return text

    def _line(self, kind: str) -> str:
        if self._chance(0.06):
            return self._pick(("", "# a comment", "  ", ",", "\t# x \\", "#", '""', "\\", "\r"))
        if self._chance(0.06 if self._depth == 0 else 0):
            return self._include(kind)
        line = {HBA: self._rule, IDENT: self._mapping, CONF: self._setting}[kind]()
        if self._chance(0.08) and kind != CONF:
            place = self._random.randint(0, len(line))
            line = line[:place] + self._pick(("\\\n", "\\\r\n", "\\\\\n")) + line[place:]
        return line

    def _include(self, kind: str) -> str:
        word = self._pick(("include", "include", "include_if_exists", "include_dir", "Include"))
        name = self._pick(
            DIRECTORIES if word == "include_dir" else (*SIDE_FILES, "missing.conf", *DIRECTORIES[: kind != CONF])
        )
        if kind != CONF:
            return f"{word}{self._blank()}{self._quoted(name)}{self._comment()}"
        shown = name if self._chance(0.3) else f"'{name}'"
        return word + self._pick((" ", " = ", "=")) + shown + self._comment()

    def _blank(self) -> str:
        return self._pick((" ", " ", " ", "\t", "   ", " \t", "\r") if self._chance(0.3) else (" ",))

    def _comment(self) -> str:
        return self._pick((" # c", "#c", " #", ' # "c', " # \\")) if self._chance(0.1) else ""

    def _quoted(self, word: str) -> str:
        """The word as a token: often bare, sometimes in quotes, wholly or in parts."""
        if self._chance(0.85):
            return word
        place = self._random.randint(0, len(word))
        styles = (
            f'"{word}"',
            f'{word[:place]}"{word[place:]}"',
            f'"{word[:place]}"{word[place:]}',
            f'""{word}',
            f'"{word}',
        )
        return self._pick(styles)

    def _name(self) -> str:
        if self._chance(0.2):
            expression = self._regex()
            return f'"{expression}"' if set(expression) & set(' ,#"') else self._quoted(expression)
        if self._chance(0.06) and self._depth == 0:
            return "@" + self._quoted(self._pick((*SIDE_FILES, "missing.conf", *DIRECTORIES[:1])))
        return self._quoted(self._pick(NAMES))

    def _regex(self) -> str:
        return "/" + "".join(self._pick(REGEX_PIECES) for _unused in range(self._random.choice((0, 1, 1, 2, 2, 3, 4))))

    def _names(self) -> str:
        names = [self._name() for _unused in range(self._random.choice((1, 1, 1, 1, 2, 3)))]
        return self._separated(names) if self._chance(0.9) else " ,".join(names)

    def _separated(self, names: list[str]) -> str:
        return self._pick((",", ",", ", ", ",,", ",\t,")).join(names)

    def _rule(self) -> str:
        return self._usual_rule() if self._chance(0.7) else self._odd_rule()

    def _usual_rule(self) -> str:
        """A rule that most servers take, in all the ways one can write it."""
        method = self._pick(tuple(USUAL_OPTIONS))
        kind = {"cert": "hostssl", "peer": "local"}.get(method) or self._pick(TYPES[1 if method == "gss" else 0 : 10])
        names = [
            self._separated([self._usual_name() for _unused in range(self._random.choice((1, 1, 2)))])
            for _unused in "du"
        ]
        words = [self._quoted(kind), *names]
        if kind != "local":
            words.append(self._network())
        options = [self._pick(USUAL_OPTIONS[method]), *(["map=m"] if method in MAPPED and self._chance(0.3) else [])]
        if kind == "hostssl" and self._chance(0.4):
            options.append(
                self._pick(("clientcert=verify-full", "clientname=DN", "clientname=CN", "clientcert=verify-ca"))
            )
        return self._joined([*words, self._quoted(method), *(word for word in options if word)])

    def _usual_name(self) -> str:
        return self._quoted(self._pick(NAMES)) if self._chance(0.8) else "/" + self._pick(USUAL_EXPRESSIONS)

    def _network(self) -> str:
        if self._chance(0.3):
            return self._pick(USUAL_ADDRESSES)
        if self._chance(0.5):
            number = ".".join(
                str(self._random.randrange(256)) for _unused in range(self._random.choice((4, 4, 4, 3, 2)))
            )
            length = self._random.randint(0, 32)
            return self._pick(
                (f"{number}/{length}", f'"{number}/{length}"', f"{number} 255.255.{self._random.randrange(256)}.0")
            )
        parts = [f"{self._random.choice((0, 1, 0xFFFF, self._random.randrange(65536))):x}" for _unused in range(8)]
        start = self._random.randint(0, 6)
        parts[start : start + self._random.randint(0, 8 - start)] = [] if self._chance(0.3) else ["", ""]
        text = ":".join(parts) if len(parts) < 9 else "::"
        return f"{text}/{self._random.randint(0, 128)}"

    def _joined(self, words: list[str]) -> str:
        line = words[0]
        for word in words[1:]:
            line += self._blank() + word
        return line + self._comment()

    def _odd_rule(self) -> str:
        kind = self._pick(TYPES)
        words = [self._quoted(kind), self._names(), self._names()]
        if (kind != "local") != self._chance(0.03):
            words += self._address()
        method = self._pick(METHODS)
        words += [self._quoted(method), *self._options(method)]
        if self._chance(0.05):
            words.pop(self._random.randrange(len(words)))
        if self._chance(0.03):
            words.insert(self._random.randint(0, len(words)), self._name())
        return self._joined(words)

    def _address(self) -> list[str]:
        address = self._quoted(self._pick(ADDRESSES))
        if self._chance(0.15):
            return [
                f"{address.split('/')[0]}/{self._pick(('0', '8', '32', '33', '+8', '008', '64', '128', '129', '-1', '8x', ''))}"
            ]
        return [address, self._quoted(self._pick(MASKS))] if self._chance(0.2) else [address]

    def _options(self, method: str) -> list[str]:
        """Options that the method may have, those that it needs, and now and then one of another method."""
        own = OPTIONS.get(method, ())
        words = [self._pick(own) for _unused in range(self._random.choice((0, 1, 2, 3, 4)))] if own else []
        if self._chance(0.25):
            words.append(self._pick(OPTIONS["any"]))
        if self._chance(0.06):
            words.append(self._pick(self._pick_table(OPTIONS)))
        if method in ("ldap", "radius", "oauth") and self._chance(0.6):
            words += {
                "ldap": [self._pick(("ldapprefix=cn=", 'ldapbasedn="dc=x,dc=y"', "ldapsuffix="))],
                "radius": ["radiusservers=127.0.0.1", "radiussecrets=s"],
                "oauth": ["issuer=https://i", "scope=openid"],
            }[method]
        self._random.shuffle(words)
        return [self._styled_option(word) for word in words]

    def _pick_table(self, table: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        return table[self._pick(sorted(table))]

    def _styled_option(self, word: str) -> str:
        if self._chance(0.8) or '"' in word:
            return word
        name, _sign, value = word.partition("=")
        return self._pick(
            (
                f'{name}="{value}"',
                f'"{word}"',
                f"{name} = {value}",
                f"{word},",
                name,
                f"{name}=",
                name.upper() + "=" + value,
            )
        )

    def _mapping(self) -> str:
        if self._chance(0.3):
            return self._joined([self._quoted(self._pick(NAMES)), self._usual_name(), self._usual_name()])
        words = [self._quoted(self._pick(NAMES)), self._name(), self._name()]
        if self._chance(0.15):
            words[2] = self._quoted(self._pick((r"\1", r"x\1y", r"/\1", r"+\1", "all", "+role", '"all"', r"\1\1")))
        if self._chance(0.1):
            words[self._random.randrange(3)] = self._names()
        if self._chance(0.1):
            words.append(self._name())
        if self._chance(0.05):
            words.pop()
        return self._joined(words)

    def _setting(self) -> str:
        if self._chance(0.08):
            return self._pick(CONF_LINES)
        name, vartype = self._random.choice(self._stock.settings)
        value = self._pick(
            SETTING_VALUES["any"] if self._chance(0.15) else SETTING_VALUES.get(vartype, SETTING_VALUES["any"])
        )
        if vartype.startswith("enum:") and self._chance(0.8):
            value = self._pick(vartype[5:].split(","))
        style: Callable[[str], str] = self._random.choice((str, str, str.upper, str.title))
        name = style(name) if self._chance(0.15) else name
        if not value.startswith("'") and self._chance(0.35):
            value = "'" + value.replace("'", "''") + "'"
        value = value.upper() if self._chance(0.05) else value
        indent, equals = self._pick(("", "", "", " ", "\t")), self._pick((" = ", " = ", "=", " ", " =", "= "))
        return indent + name + equals + value + self._comment()
