#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates and revocation lists of every kind, made by the modules and judged by pkilint, which knows RFC 5280.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
scripts/venv.sh pkilint
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/dev/bin/python tests/pkilint/specimens.py "$folder"
.venv/pkilint/bin/python tests/pkilint/lint.py "$folder"
