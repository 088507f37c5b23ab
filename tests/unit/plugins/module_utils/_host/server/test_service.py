# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is quoted of a server's log."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server.service import LogFile

GAVE_UP = """2026-11-28 21:38:18.311 UTC [914] LOG:  starting PostgreSQL 15.18
2026-11-28 21:38:18.312 UTC [914] FATAL:  could not map anonymous shared memory: Cannot allocate memory
2026-11-28 21:38:18.312 UTC [914] HINT:  Reduce the size.
2026-11-28 21:38:18.313 UTC [914] LOG:  database system is shut down
pg_ctl: could not start server
Examine the log output.
"""
WRONG_VALUE = """2026-11-28 21:38:18.311 UTC [914] LOG:  invalid value for parameter "max_connections": "many"
2026-11-28 21:38:18.312 UTC [914] FATAL:  configuration file "postgresql.conf" contains errors
pg_ctl: could not start server
Examine the log output.
"""
GOES_ON = """2026-11-28 21:38:18.311 UTC [914] LOG:  starting
2026-11-28 21:38:18.312 UTC [914] LOG:  listening
2026-11-28 21:38:18.313 UTC [914] LOG:  connection received: host=[local]
2026-11-28 21:38:18.314 UTC [914] LOG:  redo starts
2026-11-28 21:38:18.315 UTC [914] LOG:  redo done
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            GAVE_UP,
            "starting PostgreSQL 15.18; could not map anonymous shared memory: Cannot allocate memory; Reduce the size.",
        ),
        (
            WRONG_VALUE,
            'invalid value for parameter "max_connections": "many"; configuration file "postgresql.conf" contains errors',
        ),
        (GOES_ON, "listening; redo starts; redo done"),
        ("pg_ctl: could not start server\n", "pg_ctl: could not start server"),
        ("", ""),
    ],
)
def test_it_is_what_the_server_gave_up_for(tmp_path, log, words):
    path = tmp_path / "log"
    path.write_text(log)
    assert LogFile(str(path), 0).new_words() == words
