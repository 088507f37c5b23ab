#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
.venv/dev/bin/pytest tests/integration --ignore-glob='*/test_site*.py'
# sites are worlds of their own and wait a lot, so two of them run at once
exec .venv/dev/bin/pytest -n 2 --dist loadfile tests/integration/test_site*.py
