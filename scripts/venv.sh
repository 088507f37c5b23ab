#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# venv.sh demo|dev|floor|debian-N|pkilint|bench|bench-peers|core-2.N|site-2.N   makes or refreshes .venv/NAME when its
# requirements or its Python changed, and links this checkout into it as the collection ansible_collections.pgtls.postgresql.
set -eu
cd "$(dirname "$0")/.."

name=${1:?which environment: demo, dev, floor, debian-N, pkilint, bench, bench-peers, core-2.N or site-2.N}
requirements=requirements/$name.txt
link=yes
case $name in
  demo) python=$(scripts/find-python.sh machine) ;;
  dev) python=$(scripts/find-python.sh newest) ;;
  floor) python=$(scripts/find-python.sh 3.9 2>/dev/null || scripts/find-python.sh machine) ;;
  debian-12) python=$(scripts/find-python.sh 3.11 2>/dev/null || scripts/find-python.sh machine) ;;
  debian-13) python=$(scripts/find-python.sh 3.13 2>/dev/null || scripts/find-python.sh machine) ;;
  pkilint | bench | bench-peers) python=$(scripts/find-python.sh newest) link= ;;
  core-2.*) python=$(scripts/find-python.sh newest) link= ;;                                       # for ansible-test
  site-2.*) python=$(scripts/find-python.sh newest) requirements=requirements/core-${name#site-}.txt ;; # for playbooks
  *) echo "venv.sh: unknown environment '$name'." >&2 && exit 2 ;;
esac
if [ ! -f "$requirements" ]; then
  echo "venv.sh: there is no $requirements, so nobody knows what belongs in .venv/$name." >&2
  exit 2
fi

install() { # exactly what is pinned, as wheels: neither a dependency nor a tool that builds one comes unpinned
  "$folder/bin/pip" install -qq --disable-pip-version-check --no-deps --only-binary :all: "$@"
}

folder=.venv/$name
stamp="$(cat "$requirements" requirements/core-2.21.txt | sha256sum | cut -c1-16) $("$python" -c 'import sys; print(sys.version.split()[0], sys.executable)')"
if [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ]; then
  echo "Making $folder with $("$python" --version)." >&2
  rm -f "$folder/.stamp"
  "$python" -m venv --clear "$folder"
  install -r "$requirements"
  if ! "$folder/bin/pip" check >"$folder/.lacking"; then
    cat "$folder/.lacking" >&2
    echo "venv.sh: $requirements does not pin all that $("$python" --version) needs (above); run \"make pins\"." >&2
    exit 1
  fi
  case $name in
    floor | debian-*) # ansible.module_utils alone
      core=$(sed -n 's/^\(ansible-core==.*\)/\1/p' requirements/core-2.21.txt)
      install --ignore-requires-python "$core"
      ;;
  esac
  echo "$stamp" >"$folder/.stamp"
fi
if [ -n "$link" ]; then
  # the checkout's place may have changed since the environment was made
  site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$site/ansible_collections/pgtls"
  ln -sfn "$PWD" "$site/ansible_collections/pgtls/postgresql"
fi
