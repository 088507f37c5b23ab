#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Connects with psql to each connection string of standard input, as programs.py says: connect.sh QUERY
set -u
while IFS= read -r conninfo; do
  if said=$(psql -XAtw -c "$1" "$conninfo" 2>&1 </dev/null); then outcome=connected; else outcome=refused; fi
  printf '%s\t%s\n' "$outcome" "$(printf '%s' "$said" | tr -s '[:space:]' ' ')"
done
