# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hosts.conf (PostgreSQL 19): lines HOST[,HOST...] CERTIFICATE KEY [CA [PASSPHRASE-COMMAND [RELOAD]]].

It follows parse_hosts_line() of the server's be-secure-common.c. No server shows the file in a view, so the verdict
here is the only one before a reload.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from ..errors import ConfigError
from ..settings.values import parse_boolean
from ..text.document import Document, check_version, parse_document
from ..text.edit_plan import Wishes, records_of
from ..text.records import Entry, Record, check_no_new_problem, describe_broken, problems
from ..text.task_options import gather_wishes, read_each
from ..text.token_lines import Field
from ..text.tokens import check_comment, render_comment
from ..text.unordered_files import (
    check_readable,
    ensure_unordered,
    in_column,
    parse_words,
    quote_literal,
    single_word,
    trailing_comment,
)
from ..vocabulary import HOSTS_SINCE, NEWEST_VERSION

DEFAULT_HOST, NO_NAME_HOST = "*", "/no_sni/"
_SPECIAL_HOSTS = frozenset({DEFAULT_HOST, NO_NAME_HOST})
# Column widths of the file that initdb writes.
_HOST_WIDTH, _CERTIFICATE_WIDTH, _KEY_WIDTH, _CA_WIDTH = 17, 28, 12, 13
_COLUMNS = 6


@dataclass(frozen=True)
class HostLine(Record):
    """The certificate that the server shows to clients who ask for one of these names; empty texts where none is."""

    version: int
    hosts: tuple[str, ...]
    certificate: str
    key: str
    ca: str = ""
    passphrase_command: str = ""
    passphrase_reload: bool = False
    comment: str | None = None

    @cached_property
    def names(self) -> frozenset[tuple[bool, str]]:
        """The names as the server compares them: (whether it is a special word, text in lower case)."""
        return frozenset(_host_key(host) for host in self.hosts)

    @property
    def match_key(self) -> Hashable:
        """The set of names: their case, order and repetition mean nothing."""
        return self.names

    @property
    def effect(self) -> Hashable:
        """All that the line says about its names."""
        return (self.certificate, self.key, self.ca, self.passphrase_command, self.passphrase_reload)

    def render(self) -> str:
        """The line, in columns."""
        hosts = ",".join(quote_literal(host) for host in self.hosts)
        line = in_column(hosts, _HOST_WIDTH) + in_column(quote_literal(self.certificate), _CERTIFICATE_WIDTH)
        more = [self.ca, self.passphrase_command] if self.passphrase_command else [self.ca] if self.ca else []
        words = [self.key, *more]
        for text, width in zip(words[:-1], (_KEY_WIDTH, _CA_WIDTH)):
            line += in_column(quote_literal(text), width)
        line += quote_literal(words[-1]) + (" on" if self.passphrase_reload else "")
        return line + render_comment(self.comment)

    def with_comment(self, comment: str | None) -> HostLine:
        """The same line with another trailing comment."""
        return replace(self, comment=comment)


# The server folds the case of ASCII letters alone.
_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


def _host_key(host: str) -> tuple[bool, str]:
    return (
        (True, host) if host in _SPECIAL_HOSTS else (False, host.lower() if host.isascii() else host.translate(_FOLD))
    )


def check_judge(validate: str | None) -> None:
    """Raise ConfigError for the wish that a server shall judge the file."""
    if validate == "server":
        raise ConfigError(
            "validate is server, but PostgreSQL has no view for pg_hosts.conf; leave validate out, or set it to syntax"
        )


def known_version(version: int | None) -> int:
    """The version whose rules hold (by default the newest known); ConfigError for one without this file."""
    version = NEWEST_VERSION if version is None else version
    check_version(version)
    if version < HOSTS_SINCE:
        raise ConfigError(
            f"server_version {version} has no pg_hosts.conf, which came with PostgreSQL {HOSTS_SINCE}; "
            "set the one certificate of an older server with pg_conf"
        )
    return version


def parse_hosts(text: str, version: int) -> Document[Entry]:
    """A lossless document; every line is a HostLine, Opaque, Broken, or holds no entry. Any text is accepted."""
    return parse_document(text, known_version(version), parse_hosts_line)


def parse_hosts_line(content: str, version: int) -> Entry | None:
    """What one logical line (without its end) is."""
    return parse_words(content, version, host_line_of_fields)


def host_line_of_fields(fields: Sequence[Field], comment: str | None, version: int) -> HostLine:
    """What a server makes of the fields of a line; ConfigError (with a column) when it refuses the line."""
    hosts = [token.text for token in fields[0]]
    for token in fields[0]:
        if len(hosts) > 1 and token.text in _SPECIAL_HOSTS:
            raise ConfigError(f'"{token.text}" is in a list; give it a line of its own', column=token.column)
    if len(fields) < 3:
        raise ConfigError("the line ends too early; after the host there must be a certificate and a key")
    words = [single_word(field).text for field in fields[1:_COLUMNS]]
    if len(fields) > _COLUMNS:
        column = fields[_COLUMNS][0].column
        raise ConfigError(f"the line has more than {_COLUMNS} fields; remove the others", column=column)
    certificate, key, ca, command, reload = words + ["", "", "off"][len(words) - 2 :]
    can_reload = parse_boolean(reload)
    if can_reload is None:
        column = fields[_COLUMNS - 1][0].column
        raise ConfigError(f'the sixth field "{reload}" is not a boolean; write on or off', column=column)
    for noun, word, field in zip(("certificate", "key"), words, fields[1:]):
        if not word:
            raise ConfigError(f"the {noun} has no name; write the path of its file", column=field[0].column)
    return HostLine(version, tuple(hosts), certificate, key, ca, command, can_reload, trailing_comment(comment))


def read_host(fields: Mapping[str, Any], version: int) -> HostLine:
    """A line as a task gives it: host (a list), cert, key, ca, passphrase_command, passphrase_reload, comment, state.

    Of one that shall be absent only the names count. Raises ConfigError with one sentence that names the field.
    """
    is_absent = fields.get("state") == "absent"
    hosts = tuple(dict.fromkeys(str(host) for host in fields.get("host") or ()))
    if not hosts or "" in hosts:
        raise ConfigError("host is missing")
    if len(hosts) > 1 and _SPECIAL_HOSTS.intersection(hosts):
        raise ConfigError(f"host lists {DEFAULT_HOST} or {NO_NAME_HOST} with other names; give it an entry of its own")
    for noun in () if is_absent else ("cert", "key"):
        if not fields.get(noun):
            raise ConfigError(f"{noun} is missing")
    if fields.get("passphrase_reload") and not fields.get("passphrase_command"):
        raise ConfigError("passphrase_reload needs a passphrase_command")
    check_comment(fields.get("comment"), version)
    comment = str(fields["comment"]).strip() if fields.get("comment") is not None else None
    certificate, key, ca, command = (
        str(fields.get(noun) or "") for noun in ("cert", "key", "ca", "passphrase_command")
    )
    line = HostLine(version, hosts, certificate, key, ca, command, bool(fields.get("passphrase_reload")), comment)
    if not is_absent:
        check_readable(line, parse_hosts_line(line.render(), version))
    return line


def read_wishes(params: Mapping[str, Any], version: int) -> Wishes:
    """What the options hosts, block and exclusive of a task ask for; ConfigError names the host entry (from 1)."""
    return gather_wishes(
        params, "hosts", read_each("host entry", params["hosts"], lambda fields: read_host(fields, version))
    )


def ensure_hosts(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    """The document with these lines present and those absent; the very same object when nothing is due.

    A server takes a name once. So a line outside of others' blocks whose names all stand in one wanted line makes room
    for it; one that shares only some names with a wish is a ConfigError, and so is any other new trouble.
    """
    after = ensure_unordered(_without_superseded(document, wishes), wishes)
    _check_gone(after, wishes)
    check_no_new_problem(hosts_problems(document), hosts_problems(after))
    return after


def _without_superseded(document: Document[Entry], wishes: Wishes) -> Document[Entry]:
    wish_of = {name: wish for wish in wishes.present if isinstance(wish, HostLine) for name in wish.names}
    block_of = {index: block.name for block in document.blocks.values() for index in range(block.begin, block.end)}
    seen: set[Hashable] = set()
    superseded: set[int] = set()
    for index, record in records_of(document):
        wish = wish_of.get(next(iter(record.names))) if isinstance(record, HostLine) else None
        block = block_of.get(index)
        if not isinstance(record, HostLine) or wish is None or block not in (None, wishes.block):
            continue
        if record.match_key == wish.match_key and block == wishes.block and record.match_key not in seen:
            seen.add(record.match_key)
        elif record.names <= wish.names:
            superseded.add(index)
    return document.with_lines([line for index, line in enumerate(document.lines) if index not in superseded])


def _check_gone(document: Document[Entry], wishes: Wishes) -> None:
    """Raise ConfigError when a name that shall be absent is still there, in a line with others."""
    wanted = {name for record in wishes.present if isinstance(record, HostLine) for name in record.names}
    unwanted = {name for record in wishes.absent if isinstance(record, HostLine) for name in record.names} - wanted
    for number, line, entry in _host_lines(document):
        for host in entry.hosts:
            if _host_key(host) in unwanted:
                raise ConfigError(
                    f'host "{host}" shares its line with other names; list all of them in one entry with state absent, '
                    "and what is to stay in another",
                    number,
                    line,
                )


def _host_lines(document: Document[Entry]) -> Iterator[tuple[int, str, HostLine]]:
    for number, line in document.numbered():
        if isinstance(line.entry, HostLine):
            yield number, line.raw, line.entry


def hosts_problems(document: Document[Entry]) -> list[tuple[int, str, str]]:
    """(line number, raw line, problem) of every line for which a server rejects the file; included files aside."""
    found = problems(document)
    seen: set[tuple[bool, str]] = set()
    for number, raw, entry in _host_lines(document):
        for host in entry.hosts:
            if _host_key(host) in seen:
                found.append(
                    (number, raw, f'host "{host}" is already in the file, and PostgreSQL accepts a name only once')
                )
            seen.add(_host_key(host))
    return sorted(found)


def foreign_claims(document: Document[Entry], wishes: Wishes) -> list[tuple[int, str, str]]:
    """(line number, raw line, name) of every line outside of the wished block that gives a wished name something else."""
    wish_of = {name: wish for wish in wishes.present if isinstance(wish, HostLine) for name in wish.names}
    block = document.blocks.get(wishes.block or "")
    own = range(block.begin, block.end) if block else range(0)
    return [
        (number, line.raw, host)
        for index, (number, line) in enumerate(document.numbered())
        if isinstance(line.entry, HostLine) and index not in own
        for host in line.entry.hosts
        if _host_key(host) in wish_of and wish_of[_host_key(host)].effect != line.entry.effect
    ]


def needed_default(document: Document[Entry], name: str | None) -> HostLine | None:
    """The line for * of a block that is to go, where lines outside of it stay: without it they would be all that is shown."""
    block = document.blocks.get(name or "")
    own = range(block.begin, block.end) if block else range(0)
    lines = [(index in own, entry) for index, entry in document.entries() if isinstance(entry, HostLine)]
    if all(is_own for is_own, _entry in lines):
        return None
    return next((entry for is_own, entry in lines if is_own and entry.hosts == (DEFAULT_HOST,)), None)


def certificates_of(document: Document[Entry]) -> dict[str, list[str]]:
    """The names for which each certificate is shown, by its path as the file writes it."""
    found: dict[str, list[str]] = {}
    for _number, _line, entry in _host_lines(document):
        found.setdefault(entry.certificate, []).extend(entry.hosts)
    return found


def files_of(document: Document[Entry]) -> set[str]:
    """The certificates and keys that the lines name, as the file writes them."""
    return {path for _number, _line, entry in _host_lines(document) for path in (entry.certificate, entry.key)}


def describe_doubts(document: Document[Entry]) -> list[str]:
    """Warnings, one sentence each: lines that no server loads, and names that no client asks for."""
    doubts = describe_broken(document.version, hosts_problems(document))
    for number, _raw, entry in _host_lines(document):
        for host in entry.hosts:
            if "*" in host and host != DEFAULT_HOST:
                doubts.append(
                    f'line {number}: host "{host}" is not a wildcard for PostgreSQL; list the names one by one'
                )
            elif _is_address(host):
                doubts.append(
                    f'line {number}: host "{host}" is never met because clients send no name when they connect to an '
                    f"address; give them {NO_NAME_HOST} or {DEFAULT_HOST}"
                )
    return doubts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def describe_hosts(document: Document[Entry]) -> list[dict[str, Any]]:
    """All lines in the order of the file, in the words of the module's options, each with the line it starts on."""
    return [
        {
            "line": number,
            "host": list(entry.hosts),
            "cert": entry.certificate,
            "key": entry.key,
            "ca": entry.ca or None,
            "passphrase_command": entry.passphrase_command or None,
            "passphrase_reload": entry.passphrase_reload,
            "comment": entry.comment,
        }
        for number, _raw, entry in _host_lines(document)
    ]
