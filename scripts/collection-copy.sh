#!/usr/bin/env bash
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# collection-copy.sh FOLDER   copies what git tracks (or would) to FOLDER/ansible_collections/pgtls/postgresql,
# a git repository of its own as ansible-test wants it, and prints that path.
set -eu
cd "$(dirname "$0")/.."

copy=${1:?which directory}/ansible_collections/pgtls/postgresql
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
done | tar -c --null --files-from=- | tar -x -C "$copy"
git -C "$copy" -c init.defaultBranch=main init --quiet
git -C "$copy" add --all
echo "$copy"
