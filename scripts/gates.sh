#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gates.sh GATE...   runs each gate, also after one failed, and ends with a table of outcomes and seconds.
set -u
cd "$(dirname "$0")/.." || exit 1

table='' failed='' started=$(date +%s)
for gate; do
  printf '\n=== %s\n' "$gate"
  begin=$(date +%s)
  if make --no-print-directory "$gate"; then outcome=passed; else outcome=FAILED failed="$failed $gate"; fi
  table="$table$(printf '%-12s %-7s %5d s' "$gate" "$outcome" $(($(date +%s) - begin)))
"
done
printf '\n%-12s %-7s %s\n' gate outcome '  wall'
printf '%s' "$table"
for gate in ${PGTLS_LEFT_OUT:-}; do
  printf '%-12s %s\n' "$gate" 'left out, as PGTLS_GATES says'
done
printf '%-12s %-7s %5d s\n' all '' $(($(date +%s) - started))
if [ -n "$failed" ]; then
  printf 'Failed:%s\n' "$failed" >&2
  exit 1
fi
