#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tests of what managed hosts run, with the oldest libraries that such a host may have.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh floor
version=$(.venv/floor/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$version" != 3.9 ]; then
  echo "This machine has no working Python 3.9 (Debian 11's), so cryptography 3.3.2 is tried with Python $version." >&2
fi
exec .venv/floor/bin/python -m pytest -o addopts="--import-mode=importlib -q" tests/unit/plugins
