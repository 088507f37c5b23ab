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
for line; do
  if [ "${line#2.}" -gt 19 ] && ! "$(scripts/find-python.sh newest)" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    echo "ansible-core $line needs Python 3.12 on the controller, which this machine does not have; it is left out." >&2
    continue
  fi
  scripts/venv.sh "site-$line"
  PGTLS_ANSIBLE_PYTHON=$PWD/.venv/site-$line/bin/python
  export PGTLS_ANSIBLE_PYTHON
  "$PGTLS_ANSIBLE_PYTHON" -c 'from ansible.release import __version__; print("ansible-core", __version__)'
  .venv/dev/bin/pytest tests/integration/test_site.py \
    tests/integration/test_site_copies.py::test_the_ansible_core_that_is_asked_for_runs_the_playbooks
done
