#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Client libraries with keys and certificates in every form, against a real server. What Go and Java compile stays in .cache.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
exec .venv/dev/bin/pytest tests/clients
