# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a server that have certificates of their own: pg_hosts.conf as it shall be, and the files that go.

No server shows this file in a view, so what it would refuse is found here, before anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..._pgconf.errors import ConfigError
from ..._pgconf.vocabulary import HOSTS_SINCE, NEWEST_VERSION
from ..certificates.removed_certificates import RemovedCertificate, read_removed
from ..editing.server_validation import Edit
from ..files.writer import FileAttributes, read_text
from ..server.clusters import Cluster, check_named
from ..server.database import Login
from ..server.other_writers import refuse_overwritten
from ..server.tls_files import hosts_file
from .desired_server import DesiredServer
from .planned_files import PlannedFile

if TYPE_CHECKING:
    from ..._pgconf.text.document import Document
    from ..._pgconf.text.records import Entry


@dataclass(frozen=True)
class PlannedNames:
    """What becomes of the file (None where there is none), and the certificates whose files go once nothing names them."""

    file: PlannedFile | None = None
    removed: Sequence[RemovedCertificate] = ()
    warnings: Sequence[str] = ()


def plan_names(cluster: Cluster, login: Login, desired: DesiredServer) -> PlannedNames:
    """Work out the file and judge it; nothing is written.

    :raises ConfigError: for names on a server that cannot show certificates by name, for a line of somebody else about one of
        them, and for a file that the server would refuse.
    :raises ModuleError: for a file of somebody else, or of another tool.
    """
    path = hosts_file(cluster)
    if path is None:
        if desired.names_hosts:
            raise ConfigError(
                f"host_blocks (pgtls_server_hosts) gives names certificates of their own, but the server of {cluster.data_directory} is "
                f"PostgreSQL {cluster.version}, and PostgreSQL {HOSTS_SINCE} is the first that can show them; leave them out, or list these "
                "names in pgtls_server_dns_names"
            )
        return PlannedNames(removed=read_removed(desired.absent, desired.places))
    if not desired.host_blocks and not desired.absent:
        return PlannedNames()
    return _plan(cluster, path, login, desired)


def _plan(cluster: Cluster, path: str, login: Login, desired: DesiredServer) -> PlannedNames:
    from ..._pgconf.maps import hosts  # few servers have such names

    check_named("hosts_file", path, cluster.data_directory, os.stat(cluster.data_directory).st_uid, "/")
    text = read_text(path)
    before = document = hosts.parse_hosts(text or "", min(cluster.version, NEWEST_VERSION))
    for block in desired.host_blocks:
        document = _with_block(path, document, block)
    if desired.names_hosts or document is not before:
        _refuse_faults(path, before, document)
    fresh = FileAttributes(cluster.owner, cluster.group, "0600") if text is None else FileAttributes()
    edit = Edit(path, login, text is None, fresh, desired.params["backup"])
    planned = PlannedFile(None, edit, text or "", document.render())
    if planned.changes:
        refuse_overwritten(path)
    used = {os.path.join(cluster.data_directory, used) for used in hosts.files_of(document)}
    going = [item for item in desired.absent if used.isdisjoint([item["certificate"], *item["files"]])]
    known = {*used, *(item["certificate"] for item in desired.absent), *(place.certificate for place in desired.places)}
    return PlannedNames(planned, read_removed(going, desired.places), _left_behind(cluster, before, known))


def _with_block(path: str, document: Document[Entry], block: Mapping[str, Any]) -> Document[Entry]:
    from ..._pgconf.maps import hosts

    wishes = hosts.read_wishes({"exclusive": False, **block}, document.version)
    kept = None if block["hosts"] else hosts.needed_default(document, block["block"])
    if kept is not None:
        wishes = replace(wishes, present=[kept])
    for number, line, name in hosts.foreign_claims(document, wishes):
        raise ConfigError(
            f"{path} line {number} ({line.strip()}) gives {name} another certificate than host_blocks (pgtls_server_hosts), "
            "and a server takes a name once; remove one of them"
        )
    try:
        return hosts.ensure_hosts(document, wishes)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _refuse_faults(path: str, before: Document[Entry], after: Document[Entry]) -> None:
    """Raise ConfigError for a line that was there before and that the server will not take, by its number of now."""
    from ..._pgconf.maps import hosts

    standing = {(line, problem) for _number, line, problem in hosts.hosts_problems(after)}
    for number, line, problem in hosts.hosts_problems(before):
        if (line, problem) in standing:
            raise ConfigError(
                f"{path} line {number} ({line.strip()}) would have the server refuse the file: {problem}; mend that line"
            )


def _left_behind(cluster: Cluster, before: Document[Entry], known: Set[str]) -> list[str]:
    """One sentence for each certificate that no name is shown any more, and that is neither removed nor revoked."""
    from ..._pgconf.maps import hosts

    return [
        f"pg_hosts.conf of {cluster.data_directory} no longer lists {', '.join(names)}, but the certificate {path} and its key are still there, "
        "and good for whoever has a copy; list it with the state absent, or remove them and revoke the certificate"
        for path, names in hosts.certificates_of(before).items()
        if names != [hosts.DEFAULT_HOST] and os.path.join(cluster.data_directory, path) not in known
    ]
