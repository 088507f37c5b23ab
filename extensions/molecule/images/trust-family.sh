#!/usr/bin/env bash
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# trust-family.sh FAMILY   makes the image localhost/pgtls-trust:FAMILY (el, suse, arch or alpine): the Debian of build.sh whose trust
# store is laid out as in that family, and rebuilt by a command of the family's name that works as its own does, with the real
# "trust extract" of p11-kit (Alpine has none: its command joins files). It shows layout and commands, not those systems.
# shellcheck disable=SC2016 # what stands in single quotes is for the shell of that host
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
family=${1:?el, suse, arch or alpine}
base=localhost/pgtls-postgresql:bookworm
image=localhost/pgtls-trust:$family
recipe=$(cat "$here"/{build.sh,trust-family.sh} | sha256sum | cut -c1-12)

if [ "$(podman image inspect -f '{{index .Config.Labels "pgtls.recipe"}}' "$image" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi
"$here/build.sh" bookworm

case $family in
  el) admin=/etc/pki/ca-trust/source vendor=/usr/share/pki/ca-trust-source command=/usr/bin/update-ca-trust ;;
  suse) admin=/etc/pki/trust vendor=/usr/share/pki/trust command=/usr/sbin/update-ca-certificates ;;
  arch) admin=/etc/ca-certificates/trust-source vendor=/usr/share/ca-certificates/trust-source command=/usr/bin/update-ca-trust ;;
  alpine) admin='' vendor='' command=/usr/sbin/update-ca-certificates ;;
  *) echo "trust-family.sh: there is no family $family." >&2 && exit 2 ;;
esac

updater() { # prints the family's command
  echo '#!/bin/sh'
  echo 'set -eu'
  # what it extracts: file, format, purpose, and the filter where it is not that of anchors
  echo 'extract() { trust extract --overwrite --format="$2" --purpose="$3" --filter=ca-anchors "$1"; }'
  case $family in
    el)
      echo '[ "${1:-extract}" = extract ] || { echo "Error: unknown command: $1" >&2; exit 1; }'
      echo 'cd /etc/pki/ca-trust/extracted'
      echo 'extract pem/tls-ca-bundle.pem pem-bundle server-auth'
      echo 'extract pem/email-ca-bundle.pem pem-bundle email'
      echo 'extract java/cacerts java-cacerts server-auth'
      echo 'extract pem/directory-hash pem-directory-hash server-auth'
      ;;
    suse)
      echo 'for word; do case $word in -f | -v | --fresh | --verbose) ;; *) echo "unknown option $word" >&2; exit 1 ;; esac; done'
      echo 'cd /var/lib/ca-certificates'
      echo 'extract java-cacerts java-cacerts server-auth'
      echo 'extract pem pem-directory-hash server-auth'
      echo 'extract ca-bundle.pem pem-bundle server-auth'
      ;;
    arch)
      echo 'cd /etc/ca-certificates/extracted'
      echo 'extract tls-ca-bundle.pem pem-bundle server-auth'
      echo 'extract cadir pem-directory-hash server-auth'
      echo 'extract /etc/ssl/certs/java/cacerts java-cacerts server-auth'
      ;;
    alpine) # every file with exactly one certificate; others are passed over with a warning
      echo 'cd /etc/ssl/certs && rm -f ca-cert-*.pem && : >.bundle'
      echo 'for file in /usr/share/ca-certificates/mozilla/*.crt /usr/local/share/ca-certificates/*.crt; do'
      echo '  [ -f "$file" ] && [ "$(grep -c "BEGIN CERTIFICATE" "$file")" = 1 ] || continue'
      echo '  name=${file##*/} && ln -sf "$file" "ca-cert-${name%.crt}.pem" && cat "$file" >>.bundle'
      echo 'done'
      echo 'chmod 644 .bundle && mv -f .bundle ca-certificates.crt && openssl rehash . 2>/dev/null'
      ;;
  esac
}

release() { # ID and what a family's os-release(5) says besides
  case $family in
    el) echo 'ID="rhel"' && echo 'ID_LIKE="fedora"' ;;
    suse) echo 'ID="opensuse-leap"' && echo 'ID_LIKE="suse opensuse"' ;;
    arch) echo 'ID=arch' ;;
    alpine) echo 'ID=alpine' ;;
  esac
}

inside() { # the commands that turn a Debian into a host of the family
  echo 'set -eu'
  echo 'apt-get -qq update && apt-get -qq install --no-install-recommends p11-kit p11-kit-modules >/dev/null'
  echo 'rm -rf /usr/sbin/update-ca-certificates /etc/ssl/certs /etc/debian_version /var/lib/apt/lists/*'
  echo 'mkdir -p /etc/ssl/certs/java /etc/pkcs11/modules /usr/local/share/ca-certificates /var/lib/ca-certificates/pem'
  echo 'mkdir -p /etc/pki/ca-trust/extracted/pem /etc/pki/ca-trust/extracted/java /etc/pki/tls/certs /etc/ca-certificates/extracted'
  if [ -n "$admin" ]; then
    echo "mkdir -p $admin/anchors $vendor/anchors"
    echo "cp /usr/share/ca-certificates/mozilla/*.crt $vendor/anchors/"
    # Debian's module reads /etc/ssl/certs; here it reads the family's places
    echo "cat >/etc/pkcs11/modules/p11-kit-trust.module <<'MODULE'"
    printf '%s\n' 'module: p11-kit-trust.so' 'trust-policy: yes' "x-init-reserved: paths='$admin:$vendor'" MODULE
  fi
  echo "cat >$command <<'UPDATER'" && updater && echo UPDATER
  echo "cat >/etc/os-release <<'RELEASE'" && release && echo RELEASE
  echo "chmod 755 $command && $command"
}

echo "trust-family.sh: making a host like $family (half a minute)." >&2
container=pgtls-trust-$family-$$
trap 'podman rm --force "$container" >/dev/null 2>&1' EXIT
inside | podman run --interactive --name "$container" "$base" sh >/dev/null
podman commit --quiet --change "LABEL pgtls.recipe=$recipe" --change 'CMD ["sleep", "infinity"]' "$container" "$image" >/dev/null
