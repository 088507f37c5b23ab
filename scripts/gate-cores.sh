#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-cores.sh 2.N...   the tests of site.yml with each of these ansible-core lines. (The demo has 2.19 on Python 3.11,
# and the other integration tests the newest.)
set -eu
cd "$(dirname "$0")/.."

scripts/venv.sh dev
mkdir -p .cache
newest=$(scripts/find-python.sh newest) lines=
for line; do
  if [ "${line#2.}" -gt 19 ] && ! "$newest" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    echo "ansible-core $line needs Python 3.12 on the controller, which this machine does not have; it is left out." >&2
    continue
  fi
  scripts/venv.sh "site-$line"
  lines="$lines $line"
done

# sites are worlds of their own and wait a lot, so the lines run side by side
for line in $lines; do
  PGTLS_ANSIBLE_PYTHON=$PWD/.venv/site-$line/bin/python .venv/dev/bin/pytest tests/integration/test_site.py \
    tests/integration/test_site_copies.py::test_the_ansible_core_that_is_asked_for_runs_the_playbooks \
    >".cache/cores-$line.log" 2>&1 &
  echo $! >".cache/cores-$line.pid"
done
status=0
for line in $lines; do
  if wait "$(cat ".cache/cores-$line.pid")"; then said=passed; else said=FAILED status=1; fi
  ".venv/site-$line/bin/python" -c 'from ansible.release import __version__; print("ansible-core", __version__)'
  [ "$said" = passed ] || cat ".cache/cores-$line.log"
  echo "ansible-core $line: $said"
done
exit $status
