#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# find-python.sh machine|newest|3.N   prints the path of a Python that works and can make virtual environments
#   machine: the first of $PYTHON and python3 that is 3.11 or newer, else the newest
#   newest:  $PYTHON, else the newest that is 3.11 or newer
#   3.N:     exactly that version
# A name on PATH proves nothing (a version manager's shim may answer for a version it does not have): each is run.
set -eu

works() { # PYTHON CONDITION
  "$1" -c "import sys, venv, ensurepip; v = sys.version_info[:2]; sys.exit(0 if $2 else 1)" >/dev/null 2>&1
}

show() { # the interpreter itself, not the shim in front of it
  "$1" -c 'import sys; print(sys.executable)'
  exit 0
}

try_minor() { # MINOR
  for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$1".*/bin/python3 "python3.$1" "/usr/bin/python3.$1" \
    "/usr/local/bin/python3.$1"; do
    if works "$candidate" "v == (3, $1)"; then show "$candidate"; fi
  done
}

wish=${1:?which Python: machine, newest or 3.N}
case $wish in
  machine | newest)
    if [ -n "${PYTHON:-}" ] && works "$PYTHON" 'v >= (3, 11)'; then show "$PYTHON"; fi
    if [ "$wish" = machine ]; then
      for candidate in python3 /usr/bin/python3; do
        if works "$candidate" 'v >= (3, 11)'; then show "$candidate"; fi
      done
    fi
    for minor in 14 13 12 11; do try_minor "$minor"; done
    echo "No Python 3.11 or newer with the venv module was found: install one (Debian: python3-venv) or set PYTHON." >&2
    ;;
  3.*)
    try_minor "${wish#3.}"
    echo "No working Python $wish with the venv module was found." >&2
    ;;
  *) echo "find-python.sh: unknown Python '$wish'." >&2 ;;
esac
exit 1
