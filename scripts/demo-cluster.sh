#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# demo-cluster.sh start|clean DIRECTORY: the demo's throw-away PostgreSQL cluster, without TLS, on port 5501 or PGTLS_DEMO_PORT.
# Everything it makes is in DIRECTORY. Root runs it as the user postgres, anybody else as himself.
set -eu

action=${1:?start or clean} directory=${2:?directory}
port=${PGTLS_DEMO_PORT:-5501} data=$directory/data socket=$directory/run log=$directory/log/postgresql.log

fail() {
    echo "demo: $*" >&2
    exit 1
}

as_owner() { # the server refuses to run as root
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec setpriv --reuid postgres --regid postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

find_binaries() { # the newest installed version that has both initdb and pg_ctl
    for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -V -r) /usr/bin /usr/local/bin; do
        [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && [ -x "$bin/psql" ] && echo "$bin" && return
    done
    return 1
}

install_packages() {
    [ "$(id -u)" = 0 ] || fail "PostgreSQL's server programs are not installed, and only root may install them; install your distribution's postgresql package and run it again"
    if command -v apt-get >/dev/null; then
        "$(dirname "$0")/packages.sh" install demo
        return
    fi
    said=$(mktemp)
    echo "demo: installing the distribution's PostgreSQL server"
    dnf -y install postgresql-server >"$said" 2>&1 || failed=yes
    [ -z "${failed:-}" ] || tail -n 5 "$said" >&2
    rm -f "$said"
    [ -z "${failed:-}" ] || fail "PostgreSQL's server programs could not be installed (the last words are above); install your distribution's postgresql package and run it again"
}

start() {
    find_binaries >/dev/null || install_packages
    bin=$(find_binaries)
    if [ "$(id -u)" = 0 ]; then
        owner=postgres
        id -u postgres >/dev/null 2>&1 || fail "there is no user postgres to run the server as; install your distribution's postgresql package and run it again"
    else
        owner=$(id -un)
    fi
    [ ${#socket} -le 88 ] || fail "$socket is too long for a Unix socket; set PGTLS_DEMO_DIR to a shorter path"
    if [ ! -f "$data/PG_VERSION" ]; then
        mkdir -p "$data" "$socket" "$directory/log"
        touch "$directory/this-is-a-demo"
        chmod 755 "$directory"
        chmod 700 "$data" "$directory/log"
        [ "$(id -u)" != 0 ] || chown postgres: "$data" "$socket" "$directory/log"
        as_owner "$bin/initdb" -D "$data" -U "$owner" --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >/dev/null
        as_owner tee -a "$data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
CONF
    fi
    if ! as_owner "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
        as_owner "$bin/pg_ctl" -D "$data" -l "$log" -w -t 60 start >/dev/null || {
            tail -n 5 "$log" >&2
            fail "the throw-away cluster did not start on port $port (the end of its log is above); fix that, or set PGTLS_DEMO_PORT to a free port"
        }
        echo "demo: a throw-away PostgreSQL $(cat "$data/PG_VERSION") listens on 127.0.0.1:$port, without TLS so far"
    fi
    if [ ! -f "$directory/password" ]; then
        (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$directory/password.new")
        as_owner "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$socket" -p "$port" -d postgres >/dev/null <<SQL
SET password_encryption = 'scram-sha-256';
CREATE ROLE report LOGIN PASSWORD '$(cat "$directory/password.new")';
SQL
        mv "$directory/password.new" "$directory/password"
    fi
}

clean() {
    [ -d "$directory" ] || return 0
    [ -f "$directory/this-is-a-demo" ] || fail "$directory was not made by the demo; remove it yourself if it is to go"
    [ ! -f "$data/postmaster.pid" ] || as_owner "$(find_binaries)/pg_ctl" -D "$data" -w -m fast stop >/dev/null
    # what root's runs kept about the cluster, and the place of all of them when it was the last
    [ "$(id -u)" != 0 ] || kept=/var/lib/pgtls/$(printf %s "$(realpath "$data")" | sha256sum | cut -c 1-32)
    rm -rf "$directory" ${kept:+"$kept"}
    [ -z "${kept:-}" ] || rmdir /var/lib/pgtls 2>/dev/null || true
}

case $action in
start) start ;;
clean) clean ;;
*) fail "say start or clean" ;;
esac
