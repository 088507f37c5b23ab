#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the artifact from what git tracks and lets the importer of Ansible Galaxy judge it.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
PATH=$PWD/.venv/dev/bin:$PATH

copy=$(scripts/collection-copy.sh .cache/galaxy)
work=$PWD/.cache/galaxy
rm -f "$work"/*.tar.gz
ansible-galaxy collection build --output-path "$work" "$copy" >/dev/null
artifact=$(ls "$work"/*.tar.gz)
cd "$work"
GALAXY_IMPORTER_CONFIG=$work/../../tests/tools/galaxy-importer.cfg python -m galaxy_importer.main "$artifact" >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
# the importer's findings are lines of its log; each of them is a fault here
if grep -E '(WARNING|ERROR)' "$work/log"; then
  echo "galaxy-importer has findings (above)." >&2
  exit 1
fi
echo "galaxy-importer accepts ${artifact##*/}."
