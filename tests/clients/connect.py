# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connect with psycopg or psycopg2 to each connection string of standard input, as programs.py says: ``connect.py LIBRARY QUERY``."""

from __future__ import annotations

import importlib
import sys


def connect(library: str, conninfo: str, query: str) -> str:
    driver = importlib.import_module(library)
    try:
        connection = driver.connect(conninfo)
    except driver.OperationalError as error:
        return "refused\t" + " ".join(str(error).split())
    cursor = connection.cursor()
    cursor.execute(query)
    answer = cursor.fetchone()[0]
    connection.close()
    return f"connected\t{answer}"


if __name__ == "__main__":
    for line in sys.stdin:
        print(connect(sys.argv[1], line.rstrip("\n"), sys.argv[2]), flush=True)
