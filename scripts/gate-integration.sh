#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
if ! ls -d "${PGTLS_PG_BIN:-/nonexistent}" /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb >/dev/null 2>&1 &&
  ! command -v initdb >/dev/null; then
  echo "integration needs PostgreSQL's server programs (Debian: apt-get install postgresql)." >&2
  exit 1
fi
.venv/dev/bin/pytest tests/integration --ignore-glob='*/test_site*.py'
# sites are worlds of their own and wait a lot, so two of them run at once
exec .venv/dev/bin/pytest -n 2 --dist loadfile tests/integration/test_site*.py
