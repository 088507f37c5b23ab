#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
# servers and sites are worlds of their own and wait a lot, so two files run at once, in the order of conftest.py
exec .venv/dev/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder tests/integration
