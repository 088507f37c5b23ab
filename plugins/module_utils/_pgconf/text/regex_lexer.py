# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a regular expression of PostgreSQL (manual, section 9.7.3), in its three flavours and literal mode."""

from __future__ import annotations

from ..errors import ConfigError

ADVANCED, EXTENDED, BASIC, LITERAL = "advanced", "extended", "basic", "literal"
# Contexts besides the main one.
_MAIN, _BOUND, _BRACKET = "main", "bound", "bracket"
# The most that a number of an escape may be.
_LAST_CHARACTER = 0x7FFFFFFE
_DIGITS = "0123456789abcdef"
_BLANKS = frozenset(" \t\n\v\f\r")
_PLAIN_ESCAPES = {"a": 7, "b": 8, "B": 92, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_CONSTRAINT_ESCAPES = frozenset("AmMyYZ")
_CLASS_ESCAPES = {"d": "digit", "s": "space", "w": "word"}
_OPTIONS = frozenset("bceimnpqstwx")
# Complemented class escapes are possible inside brackets, and \w there is one class.
_CLASSES_IN_BRACKETS_SINCE = 14

# Kinds of tokens; the other kinds are the sign itself: | * + ? { } ( ) [ ] . , and "constraint".
END, PLAIN, DIGIT, BACKREF, CLASS, LOOKAROUND, CONSTRAINT, RANGE = (
    "end",
    "plain",
    "digit",
    "backref",
    "class",
    "lookaround",
    "constraint",
    "range",
)
# Openings of the named elements inside brackets: [. [= [:
ELEMENT, EQUIVALENCE, NAMED_CLASS = "[.", "[=", "[:"


class Lexer:
    """Gives one token after another: ``kind`` and ``value`` of the current one (a character's number, a flag, a name).

    ``groups`` is the number of capturing parentheses opened so far; the user of the lexer counts them, because it
    decides whether ``\\12`` refers back or is a character.
    """

    def __init__(self, pattern: str, version: int) -> None:
        self._text = pattern
        self._version = version
        self._position = 0
        self._context = _MAIN
        self._last = ""
        self._pending: list[tuple[str, int | str]] = []
        self._skips_blanks = False
        self.flavour = ADVANCED
        self.groups = 0
        self.kind = "start"
        self.value: int | str = 0
        self._read_prefixes()

    def _read_prefixes(self) -> None:
        if self._text.startswith("***") and len(self._text) > 3:
            if self._text[3] == "=":
                self.flavour = LITERAL
                self._position = 4
                return
            if self._text[3] != ":":
                raise ConfigError('it starts with "***", which only ":" or "=" may follow')
            self._position = 4
        head = self._text[self._position : self._position + 3]
        if len(head) == 3 and head.startswith("(?") and head[2].isascii() and head[2].isalpha():
            self._position += 2
            self._read_options()

    def _read_options(self) -> None:
        while not self._at_end() and self._ahead().isascii() and self._ahead().isalpha():
            option = self._take()
            if option not in _OPTIONS:
                raise ConfigError(f'"{option}" is not an embedded option')
            if option in "beq":
                self.flavour = {"b": BASIC, "e": EXTENDED, "q": LITERAL}[option]
            elif option in "xt":
                self._skips_blanks = option == "x"
        if self._at_end() or self._take() != ")":
            raise ConfigError("the embedded options at its start are not closed by a parenthesis")
        if self.flavour == LITERAL:
            self._skips_blanks = False

    def _at_end(self) -> bool:
        return self._position >= len(self._text)

    def _ahead(self, count: int = 1) -> str:
        return self._text[self._position : self._position + count]

    def _take(self) -> str:
        self._position += 1
        return self._text[self._position - 1]

    def _set(self, kind: str, value: int | str = 0) -> None:
        self.kind, self.value = kind, value

    def advance(self) -> None:
        """Go to the next token; ConfigError says what is wrong with the expression."""
        self._last = self.kind
        if self._pending:
            self._set(*self._pending.pop(0))
            return
        if self._skips_blanks and self._context != _BRACKET:
            self._skip_blanks()
        if self._at_end():
            if self._context == _BOUND:
                raise ConfigError("a brace { is not closed")
            if self._context == _BRACKET:
                raise ConfigError("a bracket [ is not closed")
            self._set(END)
        elif self._context == _BOUND:
            self._bound()
        elif self._context == _BRACKET:
            self._bracket()
        elif self.flavour == LITERAL:
            self._set(PLAIN, ord(self._take()))
        elif self.flavour == BASIC:
            self._basic()
        else:
            self._extended()

    def _skip_blanks(self) -> None:
        while True:
            while not self._at_end() and self._ahead() in _BLANKS:
                self._position += 1
            if self._at_end() or self._ahead() != "#":
                return
            newline = self._text.find("\n", self._position)
            self._position = len(self._text) if newline < 0 else newline

    def _bound(self) -> None:
        sign = self._take()
        if sign.isascii() and sign.isdigit():
            self._set(DIGIT, int(sign))
        elif sign == ",":
            self._set(",")
        elif sign == "}" and self.flavour != BASIC:
            self._context = _MAIN
            if self.flavour == ADVANCED and self._ahead() == "?":
                self._position += 1
            self._set("}")
        elif sign == "\\" and self.flavour == BASIC and self._ahead() == "}":
            self._position += 1
            self._context = _MAIN
            self._set("}")
        else:
            raise ConfigError("a repetition count in braces is not a number or a pair of numbers")

    def _extended(self) -> None:
        sign = self._take()
        if sign in "*+?":
            if self.flavour == ADVANCED and self._ahead() == "?":
                self._position += 1
            self._set(sign)
        elif sign == "{":
            self._brace()
        elif sign == "(":
            self._parenthesis()
        elif sign in "^$":
            self._set(CONSTRAINT, sign)
        elif sign == "[":
            self._open_bracket()
        elif sign == "\\":
            self._backslash()
        elif sign in "|.)":
            self._set(sign, ord(sign))
        else:
            self._set(PLAIN, ord(sign))

    def _brace(self) -> None:
        if self._skips_blanks:
            self._skip_blanks()
        digit = self._ahead()
        if digit.isascii() and digit.isdigit():
            self._context = _BOUND
            self._set("{")
        else:
            self._set(PLAIN, ord("{"))

    def _parenthesis(self) -> None:
        if self.flavour != ADVANCED or self._ahead() != "?":
            self._set("(", 1)
            return
        self._position += 1
        if self._ahead() == "#":
            end = self._text.find(")", self._position)
            self._position = len(self._text) if end < 0 else end + 1
            self.kind = self._last
            self.advance()
        elif self._ahead() == ":":
            self._position += 1
            self._set("(", 0)
        elif self._ahead() in ("=", "!"):
            self._position += 1
            self._set(LOOKAROUND)
        elif self._ahead(2) in ("<=", "<!"):
            self._position += 2
            self._set(LOOKAROUND)
        else:
            raise ConfigError('"(?" is not followed by one of : = ! <= <! or # and so repeats nothing')

    def _open_bracket(self) -> None:
        if self._ahead(6) in ("[:<:]]", "[:>:]]"):
            self._position += 6
            self._set(CONSTRAINT, "<")
            return
        self._context = _BRACKET
        if self._ahead() == "^":
            self._position += 1
        self._set("[")

    def _backslash(self) -> None:
        if self._at_end():
            raise ConfigError("it ends in a backslash")
        if self.flavour == ADVANCED:
            self._escape()
        else:
            self._set(PLAIN, ord(self._take()))

    def _escape(self) -> None:
        sign = self._take()
        if not (sign.isascii() and sign.isalnum()):
            self._set(PLAIN, ord(sign))
        elif sign in _PLAIN_ESCAPES:
            self._set(PLAIN, _PLAIN_ESCAPES[sign])
        elif sign in _CONSTRAINT_ESCAPES:
            self._set(CONSTRAINT, sign)
        elif sign.lower() in _CLASS_ESCAPES:
            self._set(CLASS, sign)
        elif sign == "c":
            if self._at_end():
                raise ConfigError(r"the escape \c is not followed by a character")
            self._set(PLAIN, ord(self._take()) & 0o37)
        elif sign in "uUx":
            self._set(PLAIN, self._hexadecimal(sign))
        elif sign.isdigit():
            self._number(sign)
        else:
            raise ConfigError(f'"\\{sign}" is not an escape')

    def _hexadecimal(self, sign: str) -> int:
        least, most = {"u": (4, 4), "U": (8, 8), "x": (1, 255)}[sign]
        value = self._read_digits(16, least, most)
        if value > _LAST_CHARACTER:
            raise ConfigError(f"the escape \\{sign} names no character")
        return value

    def _read_digits(self, base: int, least: int, most: int) -> int:
        start = self._position
        while self._position - start < most and not self._at_end():
            if self._ahead().lower() not in _DIGITS[:base]:
                break
            self._position += 1
        if self._position - start < least:
            raise ConfigError("an escape lacks its digits")
        return int(self._text[start : self._position], base) & 0xFFFFFFFF

    def _number(self, sign: str) -> None:
        """A reference to a group, or a character by its octal number: the server's own guess."""
        save = self._position
        self._position -= 1
        if sign != "0":
            number = self._read_digits(10, 1, 255)
            if self._position == save or 0 < number <= self.groups:
                self._set(BACKREF, number)
                return
            self._position = save - 1
        value = self._read_digits(8, 1, 3)
        if value > 0xFF:
            self._position -= 1
            value >>= 3
        self._set(PLAIN, value)

    def _bracket(self) -> None:
        sign = self._take()
        if sign == "]" and self._last != "[":
            self._context = _MAIN
            self._set("]")
        elif sign == "\\" and self.flavour == ADVANCED:
            if self._at_end():
                raise ConfigError("it ends in a backslash")
            self._escape_in_bracket()
        elif sign == "-" and self._last != "[" and self._ahead() != "]":
            self._set(RANGE, ord("-"))
        elif sign == "[":
            if self._at_end():
                raise ConfigError("a bracket [ is not closed")
            if self._ahead() in (".", "=", ":"):
                self._named(self._take())
            else:
                self._set(PLAIN, ord(sign))
        else:
            self._set(PLAIN, ord(sign))

    def _escape_in_bracket(self) -> None:
        self._escape()
        if self.kind not in (PLAIN, CLASS):
            raise ConfigError("an escape inside brackets stands for no character and no class of them")
        if self.kind == CLASS and self._version < _CLASSES_IN_BRACKETS_SINCE:
            if str(self.value).isupper():
                raise ConfigError(f"the escape \\{self.value} is not possible inside brackets before PostgreSQL 14")
            if self.value == "w":
                self._pending.append((PLAIN, ord("_")))

    def _named(self, sign: str) -> None:
        """The whole of [.x.], [=x=] or [:x:] as one token with the name as its value."""
        end = self._text.find(sign + "]", self._position)
        if end < 0:
            raise ConfigError("a bracket [ is not closed")
        self._set("[" + sign, self._text[self._position : end])
        self._position = end + 2

    def _basic(self) -> None:
        sign = self._take()
        if sign == "*":
            starts = self._last in ("start", "(") or (self._last == CONSTRAINT and self.value == "^")
            self._set(*((PLAIN, ord(sign)) if starts else ("*", 0)))
        elif sign == "[":
            self._open_bracket()
        elif sign == ".":
            self._set(".")
        elif sign == "^":
            self._set(*((CONSTRAINT, "^") if self._last in ("start", "(") else (PLAIN, ord(sign))))
        elif sign == "$":
            if self._skips_blanks:
                self._skip_blanks()
            ends = self._at_end() or self._ahead(2) == "\\)"
            self._set(*((CONSTRAINT, "$") if ends else (PLAIN, ord(sign))))
        elif sign == "\\":
            self._basic_escape()
        else:
            self._set(PLAIN, ord(sign))

    def _basic_escape(self) -> None:
        if self._at_end():
            raise ConfigError("it ends in a backslash")
        sign = self._take()
        if sign == "{":
            self._context = _BOUND
            self._set("{")
        elif sign == "(":
            self._set("(", 1)
        elif sign == ")":
            self._set(")")
        elif sign in "<>":
            self._set(CONSTRAINT, sign)
        elif sign in "123456789":
            self._set(BACKREF, int(sign))
        else:
            self._set(PLAIN, ord(sign))
