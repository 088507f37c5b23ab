#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-molecule.sh CLAIM...   site.yml on three containers with the PostgreSQL and the libraries of one Debian suite (PG=13, 15, 17, 18
# or 19; default 15), and then these claims about them, which are scenarios in extensions/molecule; "all": every one.
# Containers and network are removed at the end, also after a failure; PGTLS_KEEP=1 keeps them to look around ("podman exec -it pgtls-raxus bash").
set -eu
cd "$(dirname "$0")/.."

cd extensions/molecule
if [ "$*" = all ]; then
  set --
  for file in */molecule.yml; do
    case ${file%/molecule.yml} in
      default | ca_rollover_drops_nobody) ;;
      *) set -- "$@" "${file%/molecule.yml}" ;;
    esac
  done
  set -- "$@" ca_rollover_drops_nobody # it is last, because it leaves the hosts with another CA
fi
for claim; do
  if [ ! -f "$claim/molecule.yml" ]; then
    echo "There is no claim \"$claim\"; these are: $(echo */molecule.yml | sed 's,/molecule.yml,,g')." >&2
    exit 1
  fi
done
cd ../..

if [ "$(id -u)" != 0 ]; then
  echo "molecule needs root: its test hosts run systemd, and their images are made with mmdebstrap as root." >&2
  exit 1
fi

scripts/venv.sh dev
PATH=$PWD/.venv/dev/bin:$PATH
export CONTAINERS_CONF="$PWD/extensions/molecule/containers.conf"
export COLUMNS=160
export PGTLS_POSTGRESQL="${PG:-15}"
[ -t 1 ] || export NO_COLOR=1
mkdir -p .cache/molecule
rm -f .cache/molecule/ansible.log
suite=$(extensions/molecule/inventory/hosts.py | sed -n 's/.*"test_suite": "\([a-z]*\)".*/\1/p')
extensions/molecule/images/build.sh "$suite"

# a run that was cut off leaves molecule believing in hosts that are gone
for scenario in default "$@"; do
  molecule reset --scenario-name "$scenario" >/dev/null 2>&1
done

clean() {
  [ -n "${PGTLS_KEEP:-}" ] || molecule destroy --scenario-name default >.cache/molecule/destroy.log 2>&1 ||
    cat .cache/molecule/destroy.log >&2
}
trap clean EXIT
trap 'exit 129' HUP INT TERM

destroy=always
[ -z "${PGTLS_KEEP:-}" ] || destroy=never
for claim; do
  set -- "$@" --scenario-name "$claim"
  shift
done
molecule test --scenario-name default "$@" --destroy "$destroy"
