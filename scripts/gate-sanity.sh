#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-sanity.sh 2.N...   ansible-test sanity of each ansible-core line, without containers. Logs go to .cache.
set -eu
cd "$(dirname "$0")/.."

# ansible-test takes pythonX.Y from PATH and stumbles over a version manager's shims: real interpreters go first
for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin; do
  if [ -x "$folder/python3" ]; then PATH=$folder:$PATH; fi
done
export PATH

python=$(scripts/find-python.sh newest)
status=0
for line; do
  # 2.20 and newer want Python 3.12 on the controller
  if [ "${line#2.}" -gt 19 ] && ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    echo "ansible-core $line needs Python 3.12, and the newest here is $("$python" -V); 2.19 is tried instead." >&2
    line=2.19
  fi
  scripts/venv.sh "core-$line"
  venv=$PWD/.venv/core-$line
  "$venv/bin/python" tests/tools/seed_pip.py
  copy=$(scripts/collection-copy.sh ".cache/sanity-$line")
  log=$PWD/.cache/sanity-$line.log
  if (cd "$copy" && "$venv/bin/ansible-test" sanity --local --color no) >"$log" 2>&1; then
    echo "ansible-core $line: $(grep -c '^Running sanity test' "$log") sanity tests passed."
  else
    grep -E '^(ERROR|FATAL)' "$log" || tail -n 40 "$log"
    echo "ansible-core $line: sanity tests failed; the whole log is .cache/sanity-$line.log." >&2
    status=1
  fi
  sed -n 's/^WARNING: \(.*[Ss]kipp.*\)/  \1/p' "$log" | sort -u
done
exit $status
