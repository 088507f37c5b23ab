# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hba.conf: its rules, how the server reads them, how we write them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ..environment import DISTRIBUTION_BUILD, Build
from ..errors import ConfigError
from ..text.asked_words import check_elements, check_one_line, check_word
from ..text.document import Document, parse_document
from ..text.records import Broken, Entry, Opaque, Record, RefusedLine
from ..text.regex_checker import regex_problem
from ..text.token_lines import Field, is_include
from ..text.tokens import (
    Name,
    Token,
    check_comment,
    classify,
    has_long_token,
    is_file,
    mark_problem,
    quote,
    read_word,
    render_comment,
    render_name,
    show_word,
    tokenize,
)
from ..vocabulary import (
    ADDRESS_KEYWORDS,
    DATABASE_KEYWORDS,
    INCLUDE_WORDS,
    OPTIONS,
    TYPES,
    USER_KEYWORDS,
)
from .addresses import Address, is_loopback, needs_netmask, parse_address
from .asked_address import read_address
from .include_lines import Include, describe_include, include_of_fields
from .methods import method_problem, normal_method, normal_options, options_problem, type_problem

# Column widths of the file that initdb writes.
_TYPE_WIDTH, _DATABASE_WIDTH, _USER_WIDTH, _ADDRESS_WIDTH = 8, 16, 16, 24
_ALL, _SAMEROLE, _SAMEGROUP = (Name("keyword", word) for word in ("all", "samerole", "samegroup"))
_ALL_AND_REPLICATION = frozenset({_ALL, Name("keyword", "replication")})
_PLAIN_LINE = re.compile(r"[A-Za-z0-9_.:/+= -]+\Z", re.ASCII)
# Methods that need options.
_METHODS_WITH_DUTIES = frozenset({"ldap", "radius", "oauth"})
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class Rule(Record):
    """One rule of pg_hba.conf; ``address`` is None for type local; options keep their order and repetitions."""

    version: int
    type: str
    databases: tuple[Name, ...]
    users: tuple[Name, ...]
    address: Address | None
    method: str
    options: tuple[tuple[str, str], ...] = ()
    comment: str | None = None

    @cached_property
    def match_key(self) -> Hashable:
        """Type, database set, user set and address: two rules with the same key match the same connections."""
        address = self.address.key if self.address else None
        return (self.type, _normal_set(self.databases), _normal_set(self.users), address)

    @property
    def written_key(self) -> Hashable:
        """Type, databases, users and address in their words."""
        databases, users = (map(_word, names) for names in (self.databases, self.users))
        address = self.address
        texts = (
            () if address is None else (address.text,) if address.netmask is None else (address.text, address.netmask)
        )
        return _written_key(self.type, databases, users, ((text,) for text in texts))

    @property
    def effect(self) -> Hashable:
        """Method and options as the server uses them."""
        return _effect(self.type, self.method, self.options, self.version)

    def render(self) -> str:
        """The line, in the columns of the stock file."""
        version = self.version
        databases = ",".join(render_name(name, DATABASE_KEYWORDS, version) for name in self.databases)
        users = ",".join(render_name(name, USER_KEYWORDS, version, groups=True) for name in self.users)
        columns = _pad(self.type, _TYPE_WIDTH) + _pad(databases, _DATABASE_WIDTH) + _pad(users, _USER_WIDTH)
        columns += _pad(render_address(self.address), _ADDRESS_WIDTH)
        words = [quote(self.method)] + [quote(f"{name}={value}") for name, value in self.options]
        return columns + " ".join(words) + render_comment(self.comment)

    def with_comment(self, comment: str | None) -> Rule:
        """The same rule with another trailing comment."""
        return replace(self, comment=comment)


@lru_cache(maxsize=256)  # many rules have the same
def _effect(connection_type: str, method: str, options: tuple[tuple[str, str], ...], version: int) -> Hashable:
    return (normal_method(connection_type, method), normal_options(method, options, version))


def _pad(text: str, width: int) -> str:
    return text.ljust(width - 1) + " "


def _word(name: Name) -> str:
    return {"group": "+", "file": "@"}.get(name.kind, "") + name.text


@lru_cache(maxsize=256)  # many rules are for all
def _normal_set(names: tuple[Name, ...]) -> frozenset[Name]:
    """A list with ``all`` is ``all``, except that it never covers physical replication; samegroup is samerole."""
    result = frozenset(_SAMEROLE if name == _SAMEGROUP else name for name in names)
    return result & _ALL_AND_REPLICATION if _ALL in result else result


def render_address(address: Address | None) -> str:
    """The address column, and the mask column where the rule has one."""
    if address is None:
        return ""
    if address.kind == "name":
        return quote(address.text, must=address.text in ADDRESS_KEYWORDS)
    if address.kind == "network" and address.netmask is not None:
        return f"{quote(address.text)} {quote(address.netmask)}"
    return quote(address.text)


def parse_hba(text: str, version: int) -> Document[Entry]:
    """A lossless document; every line of it is a Rule, Opaque, Broken, or holds no entry. Any text is accepted."""
    return parse_document(text, version, parse_hba_line)


def rules_by_line(lines: Iterable[tuple[str, object]]) -> dict[str, Rule]:
    """The rules of lines (text, entry) by their text, without those that may bring in words from an @file."""
    return {text: entry for text, entry in lines if isinstance(entry, Rule) and "@" not in text}


def parse_hba_line(content: str, version: int) -> Entry | None:
    """What one logical line (without its end) is."""
    fields, comment = tokenize(content, version)
    if not fields:
        return None
    if has_long_token(content, version):
        return Broken(f"a word of the line is too long for PostgreSQL {version}; shorten it")
    if is_include(fields, version) and not any(map(is_file, fields[0] + fields[1])):
        return include_of_fields(content, fields, comment, version)
    if _has_file(fields):
        return Opaque(content)
    try:
        return rule_of_fields(fields, comment, version)
    except ConfigError as error:
        return Broken(error.problem, error.column, _keys_of_words(fields))


def _keys_of_words(fields: Sequence[Field]) -> frozenset[Hashable]:
    """What a line of which no rule can be made may be called by its words: with a netmask, and without."""
    words = [tuple(token.text for token in field) for field in fields]
    connection_type = words[0][0].lstrip("\ufeff")
    if connection_type in INCLUDE_WORDS and len(words) > 1:
        return frozenset({(connection_type, words[1])})
    if len(words) < 3:
        return frozenset()
    ends = (3,) if connection_type == "local" else (4, 5)
    return frozenset(_written_key(connection_type, words[1], words[2], words[3:end]) for end in ends)


def _written_key(
    connection_type: str, databases: Iterable[str], users: Iterable[str], address: Iterable[tuple[str, ...]]
) -> Hashable:
    return (connection_type, frozenset(databases), frozenset(users), tuple(address))


def written_rule(fields: Mapping[str, Any], version: int, problem: str) -> RefusedLine:
    """What a task wants absent in words of which no rule can be made."""
    include = next((word for word in INCLUDE_WORDS if fields.get(word) is not None), None)
    if include is not None:
        return RefusedLine(version, (include, (str(fields[include]),)), problem)
    names = (str(fields["type"]), fields.get("database") or ["all"], fields.get("user") or ["all"])
    address = [(str(fields[noun]),) for noun in ("address", "netmask") if fields.get(noun) is not None]
    return RefusedLine(version, _written_key(*names, address), problem)


def _has_file(fields: Sequence[Field]) -> bool:
    """Whether an @file stands where its content decides what the other fields are."""
    return any(is_file(token) for position, field in enumerate(fields) if position not in (1, 2) for token in field)


def rule_of_fields(
    fields: Sequence[Field], comment: str | None, version: int, build: Build = DISTRIBUTION_BUILD
) -> Rule:
    """The rule that a server makes of the fields of a line; ConfigError (with a column) when it refuses the line."""
    type_token = _single(fields, 0, "connection type")
    connection_type = type_token.text
    _refuse(mark_problem(connection_type) or type_problem(connection_type), type_token)
    databases = _names(_field(fields, 1, "database"), DATABASE_KEYWORDS, version, groups=False)
    users = _names(_field(fields, 2, "user"), USER_KEYWORDS, version, groups=True)
    address, position = (None, 3) if connection_type == "local" else _parse_address(fields)
    method_token = _single(fields, position, "authentication method")
    method = method_token.text
    _refuse(method_problem(connection_type, method, version, build), method_token)
    options = tuple(_parse_option(token) for field in fields[position + 1 :] for token in field)
    if options or method in _METHODS_WITH_DUTIES:
        used = normal_method(connection_type, method)
        _refuse(options_problem(connection_type, used, options, version, build), method_token)
    comment = comment.strip(" \t\r") or None if comment else None
    return Rule(version, connection_type, databases, users, address, method, options, comment)


def _names(field: Field, keywords: frozenset[str], version: int, groups: bool) -> tuple[Name, ...]:
    names = tuple(classify(token, keywords, version, groups) for token in field)
    for token, name in zip(field, names):
        # The server compiles whatever starts with a slash.
        if name.kind == "regex":
            _refuse(regex_problem(name.text[1:], version), token)
    return names


def _parse_address(fields: Sequence[Field]) -> tuple[Address, int]:
    """The address, and the position of the field after it."""
    token = _single(fields, 3, "address")
    try:
        if not needs_netmask(token) or len(fields) < 5:
            return parse_address(token), 4
        return parse_address(token, _single(fields, 4, "netmask").text), 5
    except ConfigError as error:
        raise ConfigError(error.problem, column=error.column or token.column) from error


def _field(fields: Sequence[Field], position: int, noun: str) -> Field:
    if position >= len(fields):
        raise ConfigError(
            f"the line ends before the {noun}; a rule has a type, databases, users, an address and a method"
        )
    return fields[position]


def _single(fields: Sequence[Field], position: int, noun: str) -> Token:
    field = _field(fields, position, noun)
    if len(field) > 1:
        shown = ",".join(token.text for token in field)
        problem = f"several values ({shown}) where one {noun} is expected; note that a comma joins fields"
        raise ConfigError(problem, column=field[1].column)
    return field[0]


def _parse_option(token: Token) -> tuple[str, str]:
    name, separator, value = token.text.partition("=")
    if not separator:
        raise ConfigError(f'option "{token.text}" is not of the form name=value', column=token.column)
    return name, value


def _refuse(problem: str | None, token: Token | None = None) -> None:
    if problem:
        raise ConfigError(problem, column=token.column if token else 0)


def read_rule(fields: Mapping[str, Any], version: int) -> Rule:
    """A rule as a task gives it: type, database and user (lists of words), address, netmask, method, options, comment.

    Raises ConfigError with one sentence that names the field.
    """
    connection_type = str(fields["type"])
    _refuse(type_problem(connection_type))
    check_comment(fields.get("comment"), version)
    databases = _read_names(fields, "database", DATABASE_KEYWORDS, version)
    users = _read_names(fields, "user", USER_KEYWORDS, version)
    address = read_address(connection_type, fields.get("address"), fields.get("netmask"))
    method = _read_method(fields.get("method"))
    _refuse(method_problem(connection_type, method, version))
    options = tuple((str(name), _option_value(name, value)) for name, value in (fields.get("options") or {}).items())
    _refuse(options_problem(connection_type, normal_method(connection_type, method), options, version))
    comment = (fields.get("comment") or "").strip() if fields.get("comment") is not None else None
    rule = Rule(version, connection_type, databases, users, address, method, options, comment)
    return _check_written(rule)


def read_match_fields(fields: Mapping[str, Any], version: int) -> Rule:
    """The rule that a task names to be absent or to be the anchor; its method is irrelevant."""
    return read_rule({**fields, "method": "reject", "options": None, "comment": None}, version)


def _read_names(fields: Mapping[str, Any], noun: str, keywords: frozenset[str], version: int) -> tuple[Name, ...]:
    words = [str(word).strip() for word in fields.get(noun) or ["all"]]
    if not all(words):
        raise ConfigError(f'{noun} holds an empty word; write "" in quotes if an empty name is meant')
    for word in words:
        check_word(noun, word, keywords, version)
    return tuple(read_word(word, keywords, version, groups=noun == "user") for word in words)


def _read_method(text: str | None) -> str:
    method = (text or "").strip()
    if not method:
        raise ConfigError("method is missing; write one such as scram-sha-256, or state: absent")
    check_one_line("method", method)
    word, _blank, rest = method.partition(" ")
    if rest.lstrip().startswith("#"):
        raise ConfigError(f'method "{method}" holds a comment; write it in the option comment')
    if rest and "=" in rest:
        raise ConfigError(f'method "{method}" holds options; write method: {word}, and in options each as name: value')
    return method


def _option_value(name: str, value: Any) -> str:
    what = f'option "{name}"'
    if value is None:
        raise ConfigError(f"{what} has no value; give it one, or leave it out")
    check_elements(what, value)
    if isinstance(value, bool):
        return "1" if value else "0"
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    check_one_line(what, text)
    option = OPTIONS.get(name)
    if option is None or not option.is_boolean:
        return text
    if text.lower() not in _YES + _NO:
        raise ConfigError(f'{what} cannot be "{text}", which PostgreSQL takes for no; write true or false')
    return "1" if text.lower() in _YES else text


def _check_written(rule: Rule) -> Rule:
    """The rule, once its own line is read back as the same rule; whatever else the format cannot express ends here."""
    line = rule.render()
    names = rule.databases + rule.users
    # Words without quotes, commas and comments are what they were read from; only expressions may still be refused.
    if _PLAIN_LINE.match(line) and all(name.kind != "regex" for name in names):
        return rule
    again = parse_hba_line(line, rule.version)
    if isinstance(again, Rule) and (again.match_key, again.effect) == (rule.match_key, rule.effect):
        return rule
    if any(name.kind == "file" for name in names):
        return rule
    problem = again.problem if isinstance(again, Broken) else f"PostgreSQL would read it differently: {line}"
    raise ConfigError(problem)


def describe_rule(rule: Rule) -> dict[str, Any]:
    """The rule in the words of the module's options."""
    version = rule.version
    return {
        "type": rule.type,
        "database": [show_word(name, DATABASE_KEYWORDS, version) for name in rule.databases],
        "user": [show_word(name, USER_KEYWORDS, version, groups=True) for name in rule.users],
        "address": _show_address(rule.address),
        "netmask": rule.address.netmask if rule.address else None,
        "method": rule.method,
        "options": dict(rule.options),
        "comment": rule.comment,
    }


def _show_address(address: Address | None) -> str | None:
    if address is None:
        return None
    literal = address.kind == "name" and (address.text in ADDRESS_KEYWORDS or not address.text)
    return f'"{address.text}"' if literal else address.text


def describe_rules(document: Document[Entry]) -> list[dict[str, Any]]:
    """All rules in the order of the file, each with the line it starts on."""
    return [
        {"line": number, **describe_rule(line.entry)}
        for number, line in document.numbered()
        if isinstance(line.entry, Rule)
    ]


def describe_includes(document: Document[Entry]) -> list[dict[str, Any]]:
    """All include lines in the order of the file, each with the line it starts on."""
    return [
        {"line": number, **describe_include(line.entry)}
        for number, line in document.numbered()
        if isinstance(line.entry, Include)
    ]


def connection_classes(rule: Rule) -> frozenset[str]:
    """What kinds of connections the type of the rule admits."""
    return TYPES[rule.type]


def is_remote(rule: Rule) -> bool:
    """Whether the rule is about clients that need not run on the server's own host."""
    address = rule.address
    return address is not None and address.kind != "samehost" and not is_loopback(address)
