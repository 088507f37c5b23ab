#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
PATH=$PWD/.venv/dev/bin:$PATH

python tests/tools/role_readme.py --check
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self --skip-rstcheck .
