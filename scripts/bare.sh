#!/usr/bin/env bash
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bare.sh   both commands of the README on a bare machine: "make demo", again, and "make test", from a clone of this checkout
# (what is committed), in a new Debian 12 root that has make, git, python3, python3-venv and ca-certificates, and in
# namespaces of its own, so that no interpreter, cache or package of this machine is seen. Of this machine it has the
# network, and what says where packages come from: settings of pip and apt, proxies, certificates of CAs.
#   PGTLS_GATES        the gates of "make test" there
#   PGTLS_BARE_STEPS   "demo test" (default), or one of them
# "bare.sh enter ROOT" is the part that runs in the namespaces. Everything, mounts too, is gone at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=make,git,python3,python3-venv,ca-certificates

enter() { # ROOT: the system in it, as a machine of its own
  local root=$1 device place
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc proc proc
  mount --rbind /sys sys
  mount -t tmpfs -o mode=755 dev dev
  mkdir -p dev/pts dev/shm
  for device in null zero full random urandom tty fuse; do
    [ ! -e "/dev/$device" ] || { : >"dev/$device" && mount --bind "/dev/$device" "dev/$device"; }
  done
  ln -s /proc/self/fd dev/fd
  ln -s /proc/self/fd/0 dev/stdin
  ln -s /proc/self/fd/1 dev/stdout
  ln -s /proc/self/fd/2 dev/stderr
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t tmpfs -o mode=1777 shm dev/shm
  mount -t tmpfs -o mode=1777 tmp tmp
  mount -t tmpfs -o mode=755 run run
  mkdir -p run/lock outside
  while read -r place; do # folders with packages, which pip's settings name
    mkdir -p "$root$place"
    mount --bind "$place" "$root$place"
    mount -o remount,bind,ro "$root$place"
  done <etc/outside-folders
  pivot_root . outside
  # a bare root has no umount; 2 is MNT_DETACH
  exec chroot . /bin/sh -c 'python3 -c "import ctypes, sys; sys.exit(ctypes.CDLL(None).umount2(b\"/outside\", 2))" &&
    rmdir /outside && cd /srv/postgresql && exec scripts/bare-commands.sh' </dev/null
}

pip_places() { # files and directories that pip's settings name; the files of an index lie beside its directory "simple"
  {
    python3 -m pip config list 2>/dev/null || true
    env | grep '^PIP_' || true
  } | grep -oE "(file://)?/[^][:space:]\"',[]+" | sed -E 's|^file://(.*)/simple/?$|\1|; s|^file://||' | grep '^/[^/]' | sort -u
}

carry() { # ROOT: the settings of this machine that say where packages come from
  local root=$1 file place
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  apt-config dump Acquire | grep -E '^Acquire::(http|https|Retries|Check-|Languages|Proxy)' >"$root/etc/apt/apt.conf.d/99outside" || true
  for file in /etc/pip.conf /etc/xdg/pip "$HOME/.config/pip" "$HOME/.pip"; do
    [ ! -e "$file" ] || { place=$root${file/#"$HOME"//root} && mkdir -p "$(dirname "$place")" && cp -RL "$file" "$place"; }
  done
  : >"$root/etc/outside-folders"
  while read -r place; do
    if [ -d "$place" ]; then
      echo "$place" >>"$root/etc/outside-folders"
    fi
  done < <(pip_places)
  for file in /usr/local/share/ca-certificates/*.crt; do
    [ ! -e "$file" ] || cp -L "$file" "$root/usr/local/share/ca-certificates/"
  done
  chroot "$root" update-ca-certificates >/dev/null 2>&1
  # a bundle of CA certificates that some setting names is there under its name
  while read -r file; do
    [ ! -f "$file" ] || [ -e "$root$file" ] || { mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"; }
  done < <(pip_places && env | sed -nE 's/^(SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO)=//p')
}

if [ "${1:-}" = enter ]; then
  enter "${2:?which root}"
fi

if [ "$(id -u)" != 0 ]; then
  echo "bare: only root can make a root of its own; run it as root." >&2
  exit 1
fi
scripts/packages.sh check bare
if [ -n "$(git status --porcelain)" ]; then
  echo "bare: this checkout has changes that are not committed, and a clone does not have them." >&2
fi
sources=$(scripts/debian-sources.sh bookworm)

root=$(mktemp -d "${TMPDIR:-/var/tmp}/pgtls-bare-XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 129' HUP INT TERM
chmod 755 "$root"
echo "bare: making a Debian 12 root with ${programs//,/, } (a minute)."
mmdebstrap --quiet --mode=root --variant=apt --include="$programs" --aptopt='APT::Install-Recommends "false"' \
  --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io bookworm "$root" - <<<"$sources"
carry "$root"
git clone --quiet --no-hardlinks "$PWD" "$root/srv/postgresql"

settings=()
while IFS= read -r name; do
  settings+=("$name=${!name}")
done < <(compgen -e | grep -iE '^(pip_.*|.*_proxy|ssl_cert_(file|dir)|requests_ca_bundle|curl_ca_bundle|git_ssl_cainfo|pgtls_(gates|bare_steps|mirror|security_mirror))$' |
  grep -vxE 'PIP_(CACHE_DIR|TARGET|PREFIX|USER|REQUIRE_VIRTUALENV|PYTHON)')
env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" "${settings[@]}" \
  unshare --mount --propagation private --pid --fork --kill-child --ipc --uts bash "$PWD/scripts/bare.sh" enter "$root"
