# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of pg_server leaves that was killed before its first write: all is remembered, and nothing changed."""

from __future__ import annotations

import sys
from typing import Any

from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.writer import Writer
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.clusters import find_cluster
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.database import Login
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.transaction.restore_server import read_base
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.transaction.snapshot import (
    Transaction,
    begin,
    covered,
)


def open_transaction(data_directory: str, *files: str) -> list[str]:
    """Remember the three configuration files and these; returns the paths that are covered."""
    writer = Writer(False, lambda sentence: print(sentence, file=sys.stderr), lambda *_label: None)
    cluster = find_cluster(data_directory)
    own = (cluster.config_file, cluster.hba_file, cluster.ident_file)
    targets: dict[str, Any] = covered([*own, *files])
    begin(
        Transaction(writer, cluster, targets),
        read_base(cluster, Login().at(cluster.port, cluster.socket_directory, cluster.owner)),
    )
    return sorted(targets.values())
