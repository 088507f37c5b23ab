# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other runs mean for this one: the lock that keeps them away, and the undoing of one that was killed.

The kernel releases the lock when a process ends. So an open journal is that of a run that was killed, and is undone before
anything else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..files.directory import locked_directory, remove_leftovers
from ..files.state_directory import make_state_directory
from ..files.writer import Writer
from ..server.clusters import Cluster
from ..server.database import Login
from ..transaction.journal import UndoOptions, ignored_journal, journal_path, read_journal

# A run restarts a server twice at most, once to change it and once to undo that.
_PATIENCE = 4


@contextmanager
def server_alone(writer: Writer, cluster: Cluster, timeout_seconds: int) -> Iterator[float]:
    """Keep other runs of pg_server away from a server; check mode, which changes nothing, does not wait.

    Yields when a run that changed the server began or ended last, in seconds since 1970: its journal came or went.

    :raises ModuleError: when another run does not end in time.
    """
    if writer.check_mode:
        yield 0.0
        return
    directory = os.path.dirname(journal_path(cluster))
    make_state_directory(directory)
    with locked_directory(directory, _PATIENCE * timeout_seconds):
        remove_leftovers(directory)
        yield os.stat(directory).st_mtime


def undo_killed_run(writer: Writer, cluster: Cluster, login: Login, options: UndoOptions) -> bool:
    """Put back what a killed run had changed; returns whether there was one. In check mode nothing is put back.

    :raises ModuleError: when it cannot be put back.
    """
    ignored = ignored_journal(cluster)
    if ignored is not None:
        writer.warn(
            f"the journal {ignored} is ignored, because users other than root can write there; compare the server's files with "
            "the hidden files *.pgtls-before-* beside them, then remove it"
        )
    journal = read_journal(cluster)
    if journal is None:
        return False
    from ..transaction.restore_server import undo  # killed runs are rare
    from ..transaction.snapshot import Transaction, close

    transaction = Transaction(writer, cluster)
    if journal.closed:
        close(transaction)
        return False
    undo(transaction, login, options)
    return True
