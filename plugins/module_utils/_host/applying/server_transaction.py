# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change of a server in one process: it ends whole, or everything goes back to what it was.

A lock that the kernel releases keeps other runs away. So an open journal is that of a run that was killed, and is undone
before anything else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from ..._pgconf.errors import ConfigError
from ..._pki.errors import PkiError
from ..errors import ModuleError
from ..files.directory import locked_directory
from ..files.state_directory import make_state_directory
from ..files.writer import Writer
from ..server.clusters import Cluster
from ..server.database import Login
from ..server.tls_files import hosts_file
from ..transaction.journal import ignored_journal, journal_path, read_journal
from ..transaction.restore_server import UndoOptions, login_at, read_base, undo
from ..transaction.snapshot import Transaction, begin, close, covered, find_open

_PREFIX = "pg_server-"
# A run restarts a server twice at most, once to change it and once to undo that.
_PATIENCE = 4


@contextmanager
def server_alone(writer: Writer, cluster: Cluster, timeout_seconds: int) -> Iterator[None]:
    """Keep other runs of pg_server away from a server; check mode, which changes nothing, does not wait.

    :raises ModuleError: when another run does not end in time.
    """
    if writer.check_mode:
        yield
        return
    directory = os.path.dirname(journal_path(cluster))
    make_state_directory(directory)
    with locked_directory(directory, _PATIENCE * timeout_seconds):
        yield


def undo_killed_run(writer: Writer, cluster: Cluster, login: Login, options: UndoOptions) -> bool:
    """Put back what a killed run had changed; returns whether there was one. In check mode only whether.

    :raises ModuleError: when it cannot be put back, and for a transaction that another module began.
    """
    ignored = ignored_journal(cluster)
    if ignored is not None:
        writer.warn(
            f"the journal {ignored} is ignored, because others than root can write there; compare the server's files with "
            "the hidden files *.pgtls-before-* beside them, then remove it"
        )
    journal = read_journal(cluster)
    if journal is None:
        return False
    if not journal.run_id.startswith(_PREFIX) and not journal.closed:
        raise ModuleError(
            f"a transaction of the module pg_transaction ({journal.run_id}) is open for {cluster.data_directory}; commit "
            "or undo it there, then run again"
        )
    transaction = Transaction(writer, cluster, {}, journal.run_id, 0)
    if journal.closed:
        close(transaction, None)
        return False
    undo(transaction, login, options)
    return not writer.check_mode


class ServerTransaction:
    """The files that a run changes, as they were; may_restart is set by a run that begins to restart the server."""

    def __init__(self, writer: Writer, cluster: Cluster, login: Login, timeout_seconds: int) -> None:
        self.may_restart = False
        self._writer, self._cluster, self._login, self._timeout_seconds = writer, cluster, login, timeout_seconds

    @contextmanager
    def whole_or_undone(self, files: Sequence[str]) -> Iterator[None]:
        """Remember the configuration files and others, and undo all changes when the body fails.

        :raises ModuleError: the failure of the body, and what became of the server.
        """
        cluster = self._cluster
        own = (cluster.config_file, cluster.hba_file, cluster.ident_file, hosts_file(cluster))
        targets = covered([path for path in (*own, *files) if path])
        transaction = Transaction(self._writer, cluster, targets, _PREFIX + str(uuid4()), 0)
        login = login_at(cluster, self._login)
        begin(transaction, str(transaction.run_id), lambda: read_base(cluster, login))
        try:
            yield
        except (ModuleError, ConfigError, PkiError, OSError) as error:
            restored = self._undo(transaction, str(error))
            raise ModuleError(
                f"{error} (the server is as it was before; put back: {', '.join(restored) or 'nothing'})"
            ) from error
        except BaseException:
            self._undo(transaction, "an unexpected error")
            raise
        close(transaction, find_open(transaction))

    def _undo(self, transaction: Transaction, cause: str) -> list[str]:
        options = UndoOptions(self.may_restart, self._timeout_seconds)
        try:
            return undo(transaction, self._login, options)[0]
        except (ModuleError, OSError) as error:
            raise ModuleError(f"{cause} (and that could not be undone: {error})") from error
