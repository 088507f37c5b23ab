#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-hostile.sh [TEST...]   tests/hostile in namespaces of its own: no process, port or mount of a test is seen by
# anybody else on this machine, the state that root keeps is elsewhere, and all of it is gone at the end.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- tests/hostile

scripts/venv.sh dev
set -- .venv/dev/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
# only root makes namespaces, and only root can be fooled into what others may not do: those tests say that they are skipped
[ "$(id -u)" -eq 0 ] || exec "$@"
# the shell stays, as the parent of what is left alone: servers that have ended must not stay in the list of processes
# shellcheck disable=SC2016
exec unshare --mount --propagation private --pid --net --fork --kill-child --mount-proc sh -c '
  set -e
  ip link set lo up
  mkdir -p -m 700 /var/lib/pgtls
  mount -t tmpfs -o mode=700 pgtls /var/lib/pgtls
  status=0
  "$@" || status=$?
  exit "$status"' hostile "$@"
