#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# packages.sh check|install [GATE...]   looks for what these gates (all of them when none is named) need of the operating
# system, as requirements/debian.txt lists it. "check" ends with one sentence that names all that is missing; "install"
# installs it where root runs a system with Debian's packages, and is "check" everywhere else.
set -eu
cd "$(dirname "$0")/.."

action=${1:?check or install}
shift
gates=$*

present() { # PROBE: any of its alternatives
  while read -r alternative; do
    case $alternative in
      ensurepip) scripts/find-python.sh machine >/dev/null 2>&1 && return 0 ;;
      /*) for file in $alternative; do [ ! -e "$file" ] || return 0; done ;;
      *) PATH=$PATH:/usr/sbin:/sbin command -v "$alternative" >/dev/null && return 0 ;;
    esac
  done <<ALTERNATIVES
$(printf '%s\n' "$1" | tr '|' '\n')
ALTERNATIVES
  return 1
}

needed() { # GATES-OF-THE-PACKAGE: does one of the gates that are asked about need it?
  [ -n "$gates" ] && [ "$1" != '*' ] || return 0
  for gate in $gates; do
    case " $1 " in *" $gate "*) return 0 ;; esac
  done
  return 1
}

find_missing() { # sets missing (packages) and programs (what was looked for)
  missing='' programs=''
  while read -r package probe users; do
    case $package in '' | '#'*) continue ;; esac
    if needed "$users" && ! present "$probe"; then
      missing="$missing $package" programs="$programs, ${probe##*|} (package $package)"
    fi
  done <requirements/debian.txt
  programs=${programs#, }
}

refuse() { # HOW-TO-GET-IT
  case $gates in '' | *' '*) who='make test' ;; *) who=$gates ;; esac
  echo "$who: this machine lacks $programs; $1." >&2
  exit 1
}

apt() { # ARGUMENTS...: silent unless it fails
  DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$said" 2>&1 </dev/null || {
    tail -n 5 "$said" >&2
    refuse "\"apt-get $1\" failed (its last words are above), so install with apt-get install$missing"
  }
}

install_missing() {
  echo "Installing Debian's packages for the gates:$missing"
  said=$(mktemp)
  # the package postgresql would make and start a cluster of its own otherwise
  settings=/etc/postgresql-common/createcluster.d/pgtls-no-cluster.conf
  policy=/usr/sbin/policy-rc.d # and pgbouncer would be started
  if [ -e "$policy" ]; then policy=''; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; fi
  trap 'rm -f "$said" "$settings" ${policy:+"$policy"}' EXIT
  mkdir -p "${settings%/*}"
  echo "create_main_cluster = false" >"$settings"
  apt update
  # shellcheck disable=SC2086 # a list of packages
  apt install -y --no-install-recommends $missing
  installed=$missing
  find_missing
  [ -z "$missing" ] || refuse "installing$installed did not bring it, so look into requirements/debian.txt"
}

refresh_lists() { # mmdebstrap takes the mirror from apt's lists, which a new machine does not have yet
  scripts/debian-sources.sh >/dev/null 2>&1 || apt-get update -qq
}

find_missing
can_install=
[ "$action" = install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && can_install=yes
if [ -z "$missing" ]; then
  :
elif [ -n "$can_install" ]; then
  install_missing
elif command -v apt-get >/dev/null; then
  refuse "let root run \"make test\", which installs them, or \"apt-get install --no-install-recommends$missing\""
else
  refuse "install them with this system's package manager (the names are Debian's)"
fi
if [ -n "$can_install" ] && needed 'molecule bare'; then refresh_lists; fi
