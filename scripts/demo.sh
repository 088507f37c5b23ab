#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# demo.sh run|clean: the whole scenario on this machine, with the roles of playbooks/site.yml.
# PGTLS_DEMO_DIR and PGTLS_DEMO_PORT say where.
set -eu
cd "$(dirname "$0")/.."

# The user postgres must be able to reach the data directory, which it often cannot below root's home.
[ "$(id -u)" = 0 ] && default=/var/lib/pgtls-demo || default=$PWD/.demo
export PGTLS_DEMO_DIR="${PGTLS_DEMO_DIR:-$default}"

case ${1:-run} in
run)
    scripts/demo-cluster.sh start "$PGTLS_DEMO_DIR"
    PGTLS_DEMO_PASSWORD=$(cat "$PGTLS_DEMO_DIR/password")
    export PGTLS_DEMO_PASSWORD ANSIBLE_CONFIG="$PWD/ansible.cfg"
    report=$PGTLS_DEMO_DIR/verify/report.json outcome=0
    .venv/demo/bin/ansible-playbook -i inventories/demo playbooks/demo.yml || outcome=$?
    [ ! -f "$report" ] || .venv/demo/bin/python -c 'import json, sys; print(*json.load(open(sys.argv[1]))["table"], sep="\n")' "$report"
    exit $outcome
    ;;
clean)
    scripts/demo-cluster.sh clean "$PGTLS_DEMO_DIR"
    ;;
esac
