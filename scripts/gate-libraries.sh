#!/bin/sh
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gate-libraries.sh debian-N...   the certificate tests with the Python and the cryptography of each of these hosts.
# (Debian 11's are those of unit-floor, and the newest those of unit.)
set -eu
cd "$(dirname "$0")/.."

for host; do
  scripts/venv.sh "$host"
  found=$(".venv/$host/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  wanted=$(sed -n 's/^# A managed host.*: Python \(3\.[0-9]*\) .*/\1/p' "requirements/$host.txt")
  if [ "$found" != "$wanted" ]; then
    echo "This machine has no working Python $wanted, so the cryptography of $host is tried with Python $found." >&2
  fi
  echo "$host: Python $found, $(".venv/$host/bin/python" -c 'import cryptography; print("cryptography", cryptography.__version__)')"
  ".venv/$host/bin/python" -m pytest -o addopts="--import-mode=importlib -q" tests/unit/plugins/module_utils/_pki \
    tests/unit/plugins/modules/test_ca*.py tests/unit/plugins/modules/test_certificate_*.py
done
