#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# debian-sources.sh SUITE...   prints the lines of a sources.list for mmdebstrap, with the security updates where there are any.
#   PGTLS_MIRROR, PGTLS_SECURITY_MIRROR   where the packages come from (default: where this machine's apt gets them)
set -eu

repository() { # LABEL
  # shellcheck disable=SC2016 # expanded by apt
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" | sort -u | head -n 1
}

mirror=${PGTLS_MIRROR:-$(repository Debian)} security=${PGTLS_SECURITY_MIRROR:-$(repository Debian-Security)}
[ -n "$mirror" ] || { echo "apt names no Debian mirror; run apt-get update or set PGTLS_MIRROR." >&2; exit 1; }
for suite; do
  echo "deb $mirror $suite main"
  case $suite in
    bullseye | bookworm | trixie) [ -z "$security" ] || echo "deb $security $suite-security main" ;;
  esac
done
