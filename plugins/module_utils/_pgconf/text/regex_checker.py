# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a regular expression is one for PostgreSQL (manual, section 9.7.3); what it matches is not asked here."""

from __future__ import annotations

from functools import lru_cache

from ..errors import ConfigError
from .regex_lexer import (
    BACKREF,
    CLASS,
    CONSTRAINT,
    DIGIT,
    ELEMENT,
    END,
    EQUIVALENCE,
    EXTENDED,
    LOOKAROUND,
    NAMED_CLASS,
    PLAIN,
    RANGE,
    Lexer,
)

_MOST_REPETITIONS = 255
_NO_LIMIT = _MOST_REPETITIONS + 1
_CLASS_NAMES = "alnum alpha ascii blank cntrl digit graph lower print punct space upper xdigit"
_CLASSES = frozenset(_CLASS_NAMES.split())
_WORD_CLASS_SINCE = 14
# Names of characters, in the order of their numbers from 0.
_CONTROLS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC IS4 IS3 IS2"
    " IS1"
)
_SIGNS = (
    "space exclamation-mark quotation-mark number-sign dollar-sign percent-sign ampersand apostrophe left-parenthesis"
    " right-parenthesis asterisk plus-sign comma hyphen period slash zero one two three four five six seven eight nine"
    " colon semicolon less-than-sign equals-sign greater-than-sign question-mark commercial-at"
)
_OTHERS = {
    "alert": 7,
    "backspace": 8,
    "tab": 9,
    "newline": 10,
    "vertical-tab": 11,
    "form-feed": 12,
    "carriage-return": 13,
    "FS": 28,
    "GS": 29,
    "RS": 30,
    "US": 31,
    "hyphen-minus": 45,
    "full-stop": 46,
    "solidus": 47,
    "left-square-bracket": 91,
    "backslash": 92,
    "reverse-solidus": 92,
    "right-square-bracket": 93,
    "circumflex": 94,
    "circumflex-accent": 94,
    "underscore": 95,
    "low-line": 95,
    "grave-accent": 96,
    "left-brace": 123,
    "left-curly-bracket": 123,
    "vertical-line": 124,
    "right-brace": 125,
    "right-curly-bracket": 125,
    "tilde": 126,
    "DEL": 127,
}
_CHARACTERS = {name: number for number, name in enumerate(f"{_CONTROLS} {_SIGNS}".split())}
_CHARACTERS.update(_OTHERS)


@lru_cache(maxsize=1024)
def regex_problem(pattern: str, version: int) -> str | None:
    """Why a server of this version does not take the expression (without its slash), or None.

    The server's main process reads its files byte by byte, so ranges compare bytes and not characters.
    """
    body = pattern.encode("utf-8", "surrogateescape").decode("latin-1")
    try:
        _Checker(body, version).check()
    except ConfigError as error:
        return f'invalid regular expression "{pattern}": {error.problem}'
    return None


class _Checker:
    """Walks over the tokens; an open group is (was inside a lookaround, number of the group or 0, is a lookaround)."""

    def __init__(self, pattern: str, version: int) -> None:
        self._lexer = Lexer(pattern, version)
        self._version = version
        self._open: list[tuple[bool, int, bool]] = []
        self._closed: set[int] = set()
        self._in_lookaround = False

    def check(self) -> None:
        lexer = self._lexer
        lexer.advance()
        while lexer.kind != END:
            if lexer.kind in ("|", CONSTRAINT):
                lexer.advance()
            elif lexer.kind == LOOKAROUND:
                self._begin_group(0, True)
            elif lexer.kind == "(":
                self._begin_group(int(lexer.value), False)
            elif lexer.kind == ")" and self._open:
                self._end_group()
            else:
                self._atom()
                self._quantifier()
        if self._open:
            raise ConfigError("a parenthesis ( is not closed")

    def _begin_group(self, captures: int, is_lookaround: bool) -> None:
        number = 0
        if captures and not self._in_lookaround:
            self._lexer.groups += 1
            number = self._lexer.groups
        self._open.append((self._in_lookaround, number, is_lookaround))
        self._in_lookaround = self._in_lookaround or is_lookaround
        self._lexer.advance()

    def _end_group(self) -> None:
        self._in_lookaround, number, is_lookaround = self._open.pop()
        self._lexer.advance()
        if is_lookaround:
            return
        if number:
            self._closed.add(number)
        self._quantifier()

    def _atom(self) -> None:
        lexer = self._lexer
        if lexer.kind in ("*", "+", "?", "{"):
            raise ConfigError(f'"{lexer.kind}" has nothing before it to repeat')
        if lexer.kind == ")" and lexer.flavour != EXTENDED:
            raise ConfigError("a parenthesis ) was not opened")
        if lexer.kind == BACKREF and (self._in_lookaround or lexer.value not in self._closed):
            raise ConfigError(f"\\{lexer.value} refers to no closed pair of parentheses before it")
        if lexer.kind == "[":
            self._bracket()
        else:
            lexer.advance()

    def _quantifier(self) -> None:
        lexer = self._lexer
        if lexer.kind in ("*", "+", "?"):
            lexer.advance()
        elif lexer.kind == "{":
            lexer.advance()
            least = most = self._count()
            if lexer.kind == ",":
                lexer.advance()
                most = self._count() if lexer.kind == DIGIT else _NO_LIMIT
            if least > most or lexer.kind != "}":
                raise ConfigError("a repetition count in braces is not a number or a pair of ascending numbers")
            lexer.advance()

    def _count(self) -> int:
        number = 0
        while self._lexer.kind == DIGIT and number < _MOST_REPETITIONS:
            number = number * 10 + int(self._lexer.value)
            self._lexer.advance()
        if self._lexer.kind == DIGIT or number > _MOST_REPETITIONS:
            raise ConfigError(f"a repetition count in braces is greater than {_MOST_REPETITIONS}")
        return number

    def _bracket(self) -> None:
        lexer = self._lexer
        lexer.advance()
        while lexer.kind != "]":
            if lexer.kind in (CLASS, NAMED_CLASS, EQUIVALENCE):
                self._class_in_bracket()
                lexer.advance()
            elif lexer.kind == RANGE:
                raise ConfigError('"-" inside brackets has no character before it')
            else:
                self._range_in_bracket()
        lexer.advance()

    def _class_in_bracket(self) -> None:
        kind, name = self._lexer.kind, str(self._lexer.value)
        if kind == EQUIVALENCE:
            _element(name)
        known = name in _CLASSES or (name == "word" and self._version >= _WORD_CLASS_SINCE)
        if kind == NAMED_CLASS and not known:
            raise ConfigError(f'"[:{name}:]" is not a character class')

    def _range_in_bracket(self) -> None:
        """One character, or two with a hyphen between them."""
        lexer = self._lexer
        first = self._endpoint()
        if lexer.kind != RANGE:
            return
        lexer.advance()
        if lexer.kind not in (PLAIN, RANGE, ELEMENT):
            raise ConfigError('"-" inside brackets has no character after it')
        if self._endpoint() < first:
            raise ConfigError("a range inside brackets goes backwards")

    def _endpoint(self) -> int:
        lexer = self._lexer
        value = _element(str(lexer.value)) if lexer.kind == ELEMENT else int(lexer.value)
        lexer.advance()
        return value


def _element(name: str) -> int:
    if len(name) == 1:
        return ord(name)
    if name not in _CHARACTERS:
        raise ConfigError(f'"{name}" is not a collating element')
    return _CHARACTERS[name]
