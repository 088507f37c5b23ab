#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The module trust_anchor in containers that are laid out like EL, SUSE, Arch and Alpine.
set -eu
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "trust-stores needs root: the images of its hosts are made with mmdebstrap as root." >&2
  exit 1
fi

scripts/venv.sh dev
export CONTAINERS_CONF="$PWD/extensions/molecule/containers.conf"
exec .venv/dev/bin/pytest tests/trust_stores
