#!/usr/bin/env bash
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh [SUITE]   makes the image localhost/pgtls-postgresql:SUITE (default bookworm): Debian with systemd,
# PostgreSQL and what a managed host has, from Debian's packages alone.
#   PGTLS_MIRROR, PGTLS_SECURITY_MIRROR   where the packages come from (default: where this machine's apt gets them)
# The unpacked system is kept as a compressed tar, named by a hash of this recipe, so only a changed recipe is built.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by apt and by mmdebstrap
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
suite=${1:-bookworm}
image=localhost/pgtls-postgresql:$suite
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgtls-postgresql
recipe=$(cat "$here"/{build.sh,first-process,slim.dpkg} | sha256sum | cut -c1-12)
tar=$cache/$suite-$recipe.tar.zst
packages=systemd,systemd-sysv,dbus,procps,iproute2,mount,ca-certificates,openssl,python3,python3-cryptography
case $suite in
  bullseye) packages+=,postgresql,postgresql-client,python3-psycopg2 ;; # it has no psycopg 3
  experimental) packages+=,postgresql-19,postgresql-client-19,python3-psycopg suites=(sid experimental) ;;
  *) packages+=,postgresql,postgresql-client,python3-psycopg ;;
esac

if [ "$(podman image inspect -f '{{index .Config.Labels "pgtls.recipe"}}' "$image" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

bootstrap() { # writes the tar
  local sources
  sources=$("$here/../../../scripts/debian-sources.sh" "${suites[@]:-$suite}")
  if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail /dev/shm | tail -n 1)" -gt 3000000 ]; then
    export TMPDIR=/dev/shm
  fi
  mkdir -p "$cache"
  echo "build.sh: building $suite from packages (one to two minutes)." >&2
  mmdebstrap --quiet --mode=root --variant=apt --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
    --essential-hook="copy-in $here/slim.dpkg /etc/dpkg/dpkg.cfg.d" \
    --essential-hook='mv "$1/etc/dpkg/dpkg.cfg.d/slim.dpkg" "$1/etc/dpkg/dpkg.cfg.d/01-slim"' \
    --setup-hook='mkdir -p "$1/etc/apt/preferences.d"' \
    --setup-hook='printf "%s\n" "Package: postgresql-19 postgresql-client-19 libpq5" "Pin: release a=experimental" \
      "Pin-Priority: 990" >"$1/etc/apt/preferences.d/experimental"' \
    --customize-hook="copy-in $here/first-process /sbin" \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* && : > "$1/etc/machine-id"' \
    "${suites[0]:-$suite}" - - <<<"$sources" | zstd -q -T0 -3 >"$tar.part"
  mv "$tar.part" "$tar"
  find "$cache" -maxdepth 1 -name "$suite-*.tar.zst" ! -name "${tar##*/}" -delete
}

[ -s "$tar" ] || bootstrap
zstd -dcq "$tar" | podman import --change 'CMD ["/sbin/first-process"]' --change 'STOPSIGNAL SIGRTMIN+3' \
  --change "LABEL pgtls.recipe=$recipe" --change 'ENV container=podman' - "$image" >/dev/null
