#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# search-for-keys.sh LOG CONTAINER...   fails when LOG holds a line of any private key that the containers have.
# It never prints a key: what was found is told by its file's name.
set -eu
log=${1:?log} searched=0 leaked=0
shift
[ -s "$log" ]

if grep -q 'PRIVATE KEY-----' "$log"; then
  echo "$log holds the header of a private key." >&2
  leaked=1
fi
for container; do
  keys=$(podman exec "$container" grep -rlE '^-----BEGIN .*PRIVATE KEY-----' /etc/pgtls /var/lib/postgresql || true)
  for key in $keys; do
    searched=$((searched + 1))
    # the first two lines of an EC key hold the secret number; what follows is the public key, which certificates hold too
    if podman exec "$container" sed -n 2,3p "$key" | grep -qFf - "$log"; then
      echo "$log holds the private key $container:$key." >&2
      leaked=1
    fi
  done
done
if [ "$searched" -lt 4 ]; then
  echo "Only $searched private keys were found; the CA's, the server's and two clients' were expected." >&2
  exit 1
fi
exit $leaked
