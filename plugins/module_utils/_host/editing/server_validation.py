# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server as the judge of an edited file: it is asked after the atomic replacement, and a new error undoes it.

The views read the files on disk now, before anybody reloads (manual, sections 54.10 pg_file_settings, 54.12
pg_hba_file_rules, 54.14 pg_ident_file_mappings).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..._pgconf.environment import Files
from ..._pgconf.settings.postgresql_conf import AUTO_CONF
from ..errors import DatabaseError, ModuleError
from ..files.directory import look_at
from ..files.links import acting_as, safe_target
from ..files.pending_validation import undo_killed, until_judged
from ..files.writer import (
    DesiredFile,
    ExpectedContent,
    FileAttributes,
    Writer,
    Written,
    read_text,
    write_files,
    writing_alone,
)
from ..server.configuration_files import check_own_settings, files_with, leads_to
from ..server.database import Login, connect, fetch, raw, read_raw
from ..server.other_writers import note_of_template, refuse_overwritten
from ..server.patroni import refuse_patroni, sign_beside, sign_of_patroni
from ..server.peers import account_beside, account_of
from ..server.views import CONF, HBA, Complaint, FileKind, complaints, reader_of, server_version_of, setting


@dataclass(frozen=True)
class Edit:
    """The file of an editor's task, and what the task says about judging and writing it.

    version: whose rules hold for the file, None for the server's. validate: server, syntax, or None for the server where
    a login works.
    """

    path: str
    login: Login
    create: bool = False
    attributes: FileAttributes = FileAttributes()
    backup: bool = False
    version: int | None = None
    validate: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Edit:
        """Read the arguments EDITOR, FILE and (where a task has them) LOGIN."""
        version, validate, attributes = params["server_version"], params["validate"], FileAttributes.of(params)
        login = Login.of(params) if "login_port" in params else Login()
        return cls(params["path"], login, params["create"], attributes, params["backup"], version, validate)


@dataclass(frozen=True)
class ServerValidator:
    """The server at the login of an edit.

    connection: None when no login works. version: the major version whose rules hold for the file.
    doubt: why the server cannot judge the file, None when it can. known: what it complained about before the edit.
    account: the uid that it runs as, on whose word the files that it names are read; None when it cannot judge.
    """

    kind: FileKind
    connection: Any
    version: int
    doubt: str | None = None
    known: tuple[Complaint, ...] = ()
    account: int | None = None

    @property
    def is_judging(self) -> bool:
        """Whether the server reads the file."""
        return self.connection is not None and self.doubt is None

    def main_file(self, path: str) -> str:
        """Return the file of this kind with which the server starts to read, the edited one where it cannot judge."""
        return setting(self.connection, self.kind.setting) if self.is_judging else path

    def files_after(self, main: str, path: str, text: str) -> tuple[str, Files]:
        """Return files_with of a main file that the server may have named: read on its word, and not on ours."""
        return files_with(main, path, text, self.account)


@contextmanager
def validating_server(
    writer: Writer, edit: Edit, kind: FileKind, newest_version: int, connection: Any = None
) -> Iterator[ServerValidator]:
    """Find out whether the server reads the file, in a login that ends with the context, or one that is there already.

    Until then no other run of ours writes beside that file; what a killed one left unjudged is undone first.

    :raises ModuleError: when validate is "server" and it cannot judge, and when the file belongs to another tool.
    """
    path = edit.path
    refuse_patroni(path, kind.setting, sign_beside(path))
    refuse_overwritten(path)
    with writing_alone(writer, path):
        undo_killed(writer, path)
        judge = _find_judge(edit, kind, newest_version, connection)
        try:
            if judge.account is not None:
                refuse_patroni(path, kind.setting, _sign_of_patroni(judge, judge.account))
            if judge.doubt is not None and edit.validate == "server":
                raise ModuleError(f"validate is server, but {judge.doubt}; nothing was written")
            yield judge
        finally:
            if judge.connection is not None and judge.connection is not connection:
                judge.connection.close()


def _sign_of_patroni(judge: ServerValidator, account: int) -> str | None:
    """What shows that the running server is Patroni's; as the server itself would see it."""
    places = [setting(judge.connection, name) for name in ("data_directory", CONF.setting, judge.kind.setting)]
    with acting_as(account):
        return sign_of_patroni(places[0], places[1:])


def _find_judge(edit: Edit, kind: FileKind, newest_version: int, connection: Any) -> ServerValidator:
    doubt = None
    try:
        if connection is None and (edit.validate != "syntax" or edit.version is None):
            connection = connect(replace(edit.login, meant_peer=account_beside(edit.path)))
    except DatabaseError as error:
        doubt = str(error)
    version = edit.version or newest_version
    if connection is None:
        return ServerValidator(kind, None, version, doubt)
    server_version = server_version_of(connection)
    version = edit.version or min(server_version, newest_version)
    judge = ServerValidator(kind, connection, version)
    try:
        return _first_look(judge, server_version, edit, newest_version)
    except ModuleError as error:
        return replace(judge, doubt=str(error))


def _first_look(judge: ServerValidator, server_version: int, edit: Edit, newest_version: int) -> ServerValidator:
    """Find out whether this server can judge the file, and what it complains about before the edit.

    :raises ModuleError: when it cannot be told.
    """
    connection, kind = judge.connection, judge.kind
    if server_version < kind.since:
        return replace(judge, doubt=f"PostgreSQL {server_version} has no view {kind.view}")
    data_directory, used = (setting(connection, name) for name in ("data_directory", kind.setting))
    account = account_of(connection, data_directory)
    with acting_as(account):
        check_own_settings(data_directory)
        is_missing = not os.path.lexists(used)
    if not leads_to(reader_of(kind, min(server_version, newest_version)), used, edit.path, account):
        doubt = f"the server at the login options uses {used} and not {edit.path}, to which nothing in it leads"
        return replace(judge, doubt=doubt)
    # the view cannot be read until the file is there
    known = () if edit.create and is_missing else tuple(_ask(connection, kind, server_version))
    return replace(judge, known=known, account=account)


def _ask(connection: Any, kind: FileKind, server_version: int) -> list[Complaint]:
    """What the server has against the files on disk now; a pg_hba.conf without any rule has no row to complain about."""
    found = complaints(connection, kind, server_version)
    if kind is HBA and not found and fetch(connection, f"SELECT count(*) AS rules FROM {kind.view}")[0]["rules"] == 0:
        found.append(Complaint(setting(connection, kind.setting), 0, "the file holds no rule", ""))
    return found


def read_original(edit: Edit) -> str | None:
    """Return the text of the file to edit, None when it shall be created.

    :raises ModuleError: when it is missing and create is not set.
    """
    text = read_text(edit.path)
    if text is None and not edit.create:
        raise ModuleError(
            f"{edit.path} does not exist; correct path, or set create to true to start with an empty file"
        )
    return text


def write_validated(
    writer: Writer, edit: Edit, judge: ServerValidator | None, before: str | None, after: str
) -> dict[str, Any]:
    """Write the file, ask the server, and put the old file back when it finds a new error.

    judge: None for a kind of file of which no server has a view. before: what read_original returned.

    Returns changed, path, diff, backup_file, ready for exit_json.

    :raises ModuleError: with the server's words, file and line; the old file is in place then. Also when the file is
        not the one any more that was read before.
    """
    seen = ExpectedContent.text(before)
    content = after.encode("utf-8", "surrogateescape")
    wanted = DesiredFile(edit.path, content, edit.attributes, backup=edit.backup, seen=seen)
    if content != seen.content:
        note = note_of_template(edit.path)
        if note is not None:
            writer.warn(note)
    if judge is None or content == seen.content:
        return _report(write_files(writer, [wanted])[0])
    is_unjudged = not judge.is_judging or edit.validate == "syntax"
    if is_unjudged or writer.check_mode:
        written = write_files(writer, [wanted])[0]
        if is_unjudged and edit.validate is None:
            writer.warn(f"no server judged the new {edit.path}, only its syntax was checked: {judge.doubt}")
        return _report(written)
    previous = _remember(edit.path)
    with until_judged(writer, previous, content):
        written = write_files(writer, [wanted])[0]
        complaint = _find_complaint(judge, edit.path)
        ending = "" if complaint is None else _restore(writer, previous, content)
    if complaint is not None:
        raise ModuleError(f"{complaint}; {ending}")
    return _report(written)


def _remember(path: str) -> DesiredFile:
    """The file as it is, as something that can be written again."""
    found = look_at(safe_target(path))
    if found is None:
        return DesiredFile(path, None)
    uid, gid, mode = found.identity.uid, found.identity.gid, found.identity.mode & 0o777
    return DesiredFile(path, found.content, FileAttributes(str(uid), str(gid), mode))


def _find_complaint(judge: ServerValidator, path: str) -> str | None:
    """Return what the server has against the new file, None when it takes it."""
    try:
        now = _ask(judge.connection, judge.kind, server_version_of(judge.connection))
    except DatabaseError as error:
        return str(error)
    new = Counter(complaint.identity for complaint in now) - Counter(complaint.identity for complaint in judge.known)
    for complaint in now:
        if complaint.identity in new:
            line = f"line {complaint.line_number} of {complaint.file}: {complaint.line}"
            where = line if complaint.line_number else complaint.file
            return f"PostgreSQL refuses the new {path}: {complaint.words} ({where})"
    return None


def _restore(writer: Writer, previous: DesiredFile, candidate: bytes) -> str:
    """Put the old file back, unless somebody changed the new one meanwhile; how that ended, for a message."""
    try:
        write_files(writer, [replace(previous, seen=ExpectedContent(candidate))])
    except ModuleError as error:
        return f"the previous file could not be restored, because {error}"
    return "the previous file was restored"


def _report(written: Written) -> dict[str, Any]:
    report: dict[str, Any] = {"changed": written.changed, "path": written.path}
    if written.diff:
        report["diff"] = written.diff
    if written.backup_file:
        report["backup_file"] = written.backup_file
    return report


@dataclass(frozen=True)
class TlsUse:
    """Whether a server offers TLS, and whether it asks for certificates."""

    ssl_on: bool
    has_ca_file: bool


def read_tls_use(connection: Any) -> TlsUse:
    """Ask a server what of TLS counts for a login."""
    return TlsUse(setting(connection, "ssl") == "on", bool(setting(connection, "ssl_ca_file")))


def read_setting_kinds(judge: ServerValidator) -> dict[str, dict[str, Any]]:
    """Return the server's table of settings, by lower-case name; empty without a login, or when it is of another version."""
    if judge.connection is None or server_version_of(judge.connection) != judge.version:
        return {}
    columns = "vartype, unit, context, min_val, max_val, enumvals"
    rows = fetch(judge.connection, f"SELECT {raw('lower(name)')} AS name, {columns} FROM pg_catalog.pg_settings")
    return {str(read_raw(row.pop("name"))): row for row in rows}


def find_settings_files(path: str, auto_conf: str | None, judge: ServerValidator) -> tuple[str, str | None]:
    """Return the file with which the server starts to read its settings, and the one that it reads last.

    Without a server that reads ``path`` they are ``path`` itself, and ``auto_conf`` as the task names it.
    """
    if not judge.is_judging:
        return path, auto_conf
    data_directory = setting(judge.connection, "data_directory")
    return setting(judge.connection, CONF.setting), auto_conf or os.path.join(data_directory, AUTO_CONF)
