#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gates.sh GATE...   runs each gate, also after one failed, and ends with a table of outcomes and seconds. In "one+two+three"
# the first runs beside the others, which follow each other, and its output comes after theirs.
set -u
cd "$(dirname "$0")/.." || exit 1

results=$(mktemp -d)
side=''
trap '[ -z "$side" ] || kill "$side" 2>/dev/null; rm -rf "$results"' EXIT
trap 'exit 129' HUP INT TERM
started=$(date +%s)

run() { # GATE: its output, and a line for the table
  printf '\n=== %s\n' "$1"
  begin=$(date +%s)
  if make --no-print-directory "$1"; then outcome=passed; else outcome=FAILED; fi
  printf '%-12s %-7s %5d s\n' "$1" "$outcome" $(($(date +%s) - begin)) >"$results/$1"
}

order=''
for group; do
  beside=${group%%+*}
  if [ "$beside" = "$group" ]; then
    run "$group"
  else
    run "$beside" >"$results/output" 2>&1 &
    side=$!
    for gate in $(printf '%s' "${group#*+}" | tr + ' '); do run "$gate"; done
    wait "$side"
    side=
    cat "$results/output"
    rm "$results/output"
  fi
  order="$order $(printf '%s' "$group" | tr + ' ')"
done

table='' failed=''
for gate in $order; do
  line=$(cat "$results/$gate" || echo "$gate FAILED, without a result")
  table="$table$line
"
  case $line in *FAILED*) failed="$failed $gate" ;; esac
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
