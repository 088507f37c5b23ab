# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change of a server in one process: it ends whole, or everything goes back to what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..._pgconf.errors import ConfigError
from ..._pki.errors import PkiError
from ..errors import ModuleError, ServerDown, sentence_of
from ..files.writer import Writer
from ..server.clusters import Cluster
from ..server.database import Login
from ..server.reload import login_at
from ..server.tls_files import hosts_file
from ..transaction.journal import UndoOptions
from ..transaction.restore_server import read_base, undo
from ..transaction.snapshot import Transaction, begin, close, covered


@dataclass(frozen=True)
class ServerTransaction:
    """The files that a run changes, as they were. may_restart: whether undoing that may restart the server by now."""

    writer: Writer
    cluster: Cluster
    login: Login
    timeout_seconds: int
    may_restart: Callable[[], bool]

    @contextmanager
    def whole_or_undone(self, files: Sequence[str]) -> Iterator[None]:
        """Remember the configuration files and others, and undo all changes when the body fails.

        :raises ModuleError: the failure of the body, and what became of the server.
        """
        cluster = self.cluster
        own = (cluster.config_file, cluster.hba_file, cluster.ident_file, hosts_file(cluster))
        targets = covered([path for path in (*own, *files) if path])
        transaction = Transaction(self.writer, cluster, targets)
        begin(transaction, read_base(cluster, login_at(cluster, self.login)))
        try:
            yield
        except (ModuleError, ConfigError, PkiError, OSError) as error:
            restored = self._undo(transaction, sentence_of(error))
            # it is up again
            words = f"{error.cause}; {error.place}" if isinstance(error, ServerDown) else sentence_of(error)
            raise ModuleError(
                f"{words} (the server is as it was before; put back: {', '.join(restored) or 'nothing'})"
            ) from error
        except BaseException:
            self._undo(transaction, "an unexpected error")
            raise
        close(transaction)

    def _undo(self, transaction: Transaction, cause: str) -> list[str]:
        options = UndoOptions(self.may_restart(), self.timeout_seconds)
        try:
            return undo(transaction, self.login, options)[0]
        except (ModuleError, OSError) as error:
            raise ModuleError(f"{cause} (and that could not be undone: {sentence_of(error)})") from error
