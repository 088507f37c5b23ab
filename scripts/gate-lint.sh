#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh dev
PATH=$PWD/.venv/dev/bin:$PATH

status=0
ruff format --check . || status=1
ruff check . || status=1
yamllint --strict . || status=1
if command -v shellcheck >/dev/null; then
  shellcheck .ci/run scripts/*.sh extensions/molecule/images/*.sh extensions/molecule/*/*.sh || status=1
else
  echo "lint: shellcheck is not installed, so the shell scripts are only parsed." >&2
  for script in .ci/run scripts/*.sh extensions/molecule/images/*.sh extensions/molecule/*/*.sh; do
    bash -n "$script" || status=1
  done
fi
ansible-lint --strict || status=1
exit $status
