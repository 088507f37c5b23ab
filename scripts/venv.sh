#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# venv.sh demo|dev|floor|debian-N|pkilint|core-2.N|site-2.N   makes or refreshes .venv/NAME when its requirements or its
# Python changed, and links this checkout into it as the collection ansible_collections.pgtls.postgresql.
set -eu
cd "$(dirname "$0")/.."

name=${1:?which environment: demo, dev, floor, debian-N, pkilint, core-2.N or site-2.N}
requirements=requirements/$name.txt
link=yes
case $name in
  demo) python=$(scripts/find-python.sh machine) ;;
  dev) python=$(scripts/find-python.sh newest) ;;
  floor) python=$(scripts/find-python.sh 3.9 2>/dev/null || scripts/find-python.sh machine) ;;
  debian-12) python=$(scripts/find-python.sh 3.11 2>/dev/null || scripts/find-python.sh machine) ;;
  debian-13) python=$(scripts/find-python.sh 3.13 2>/dev/null || scripts/find-python.sh machine) ;;
  pkilint) python=$(scripts/find-python.sh newest) link= ;;
  core-2.*) python=$(scripts/find-python.sh newest) requirements=requirements/cores.txt link= ;; # for ansible-test
  site-2.*) python=$(scripts/find-python.sh newest) requirements=requirements/cores.txt ;;      # for playbooks
  *) echo "venv.sh: unknown environment '$name'." >&2 && exit 2 ;;
esac

folder=.venv/$name
stamp="$(sha256sum <"$requirements" | cut -c1-16) $("$python" -c 'import sys; print(sys.version.split()[0], sys.executable)')"
if [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ]; then
  echo "Making $folder with $("$python" --version)." >&2
  rm -f "$folder/.stamp"
  "$python" -m venv --clear "$folder"
  case $name in
    core-*)
      pin=$(sed -n "s/^\(ansible-core==${name#core-}\..*\)/\1/p" "$requirements")
      "$folder/bin/pip" install -qq --disable-pip-version-check "$pin"
      ;;
    site-*)
      pin=$(sed -n "s/^\(ansible-core==${name#site-}\..*\)/\1/p" "$requirements")
      grep -E '^(cffi|cryptography|psycopg|pycparser)' requirements/demo.txt | # an older core has older needs of its own
        "$folder/bin/pip" install -qq --disable-pip-version-check "$pin" -r /dev/stdin
      ;;
    floor | debian-*)
      "$folder/bin/pip" install -qq --disable-pip-version-check -r "$requirements"
      core=$(sed -n 's/^\(ansible-core==2\.21\.[0-9]*\).*/\1/p' requirements/cores.txt)
      "$folder/bin/pip" install -qq --disable-pip-version-check --no-deps --ignore-requires-python "$core"
      ;;
    *) "$folder/bin/pip" install -qq --disable-pip-version-check -r "$requirements" ;;
  esac
  echo "$stamp" >"$folder/.stamp"
fi
if [ -n "$link" ]; then
  # the checkout's place may have changed since the environment was made
  site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$site/ansible_collections/pgtls"
  ln -sfn "$PWD" "$site/ansible_collections/pgtls/postgresql"
fi
