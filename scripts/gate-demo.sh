#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-demo.sh   make demo twice and what demo-clean does to the server, in a directory and on a port of their own.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "demo: $1; its output is .cache/demo-*.log." >&2
  exit 1
}

mkdir -p .cache
PGTLS_DEMO_DIR=$(mktemp -u -d /var/tmp/pgtls-demo-XXXXXX)
PGTLS_DEMO_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PGTLS_DEMO_DIR PGTLS_DEMO_PORT
trap 'scripts/demo.sh clean' EXIT

make -s demo >.cache/demo-first.log 2>&1 || fail "the first run failed"
make -s demo >.cache/demo-second.log 2>&1 || fail "the second run failed"
for run in first second; do
  summary=$(tail -n 1 ".cache/demo-$run.log")
  echo "$run run: $summary; $(grep -c '^TASK' ".cache/demo-$run.log") tasks"
  case $summary in
    *differ* | *DIFFER*) fail "an attempt ended differently than expected" ;;
    *" as expected") ;;
    *) fail "there is no table at the end of the $run run" ;;
  esac
done
if grep -E 'changed=[1-9]' .cache/demo-second.log; then fail "the second run changed something"; fi
kept=/var/lib/pgtls/$(printf %s "$(realpath "$PGTLS_DEMO_DIR/data")" | sha256sum | cut -c 1-32)
scripts/demo.sh clean
[ ! -e "$kept" ] || fail "demo-clean left $kept"
[ ! -e "$PGTLS_DEMO_DIR" ] || fail "demo-clean left $PGTLS_DEMO_DIR"
