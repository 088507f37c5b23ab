#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What bare.sh runs in the bare root, in the clone: the README's commands, word for word.
set -eu

fail() {
  echo "bare: $*" >&2
  exit 1
}

demo() { # FIRST|SECOND
  began=$(date +%s)
  make demo >"/tmp/demo-$1.log" 2>&1 || { cat "/tmp/demo-$1.log" >&2 && fail "the $1 \"make demo\" failed (above)"; }
  summary=$(tail -n 1 "/tmp/demo-$1.log")
  echo "bare: the $1 \"make demo\": $summary; $(($(date +%s) - began)) s"
  case $summary in *" as expected") ;; *) fail "the $1 \"make demo\" did not end as expected" ;; esac
}

for step in ${PGTLS_BARE_STEPS:-demo test}; do
  case $step in
    demo)
      demo first
      demo second
      if grep -E 'changed=[1-9]' /tmp/demo-second.log; then fail 'the second "make demo" changed something (above)'; fi
      make -s demo-clean
      ;;
    test)
      began=$(date +%s)
      make test || fail "\"make test\" failed after $((($(date +%s) - began) / 60)) minutes"
      echo "bare: \"make test\" took $((($(date +%s) - began) / 60)) minutes"
      ;;
    *) fail "unknown step '$step' in PGTLS_BARE_STEPS; say demo or test" ;;
  esac
done
[ -z "$(pg_lsclusters -h 2>/dev/null)" ] || fail "a cluster of the distribution was made: $(pg_lsclusters -h)"
