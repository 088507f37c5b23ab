# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the openssl program thinks a certificate may be used for."""

from __future__ import annotations

import re
import shutil
import subprocess

_LINE = re.compile(r"^(.+?) : (Yes|No)\b")
_PATIENCE_SECONDS = 10


def read_purposes(pem: str) -> dict[str, bool] | None:
    """OpenSSL's verdict on each purpose it knows, such as {"ssl_server": True, "ssl_server_ca": False}.

    None where the program is missing, or does not take the certificate. The names are those that ``openssl x509 -purpose``
    prints, in lower case and with underscores.
    """
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, "x509", "-noout", "-purpose"]
    try:
        # run_command knows no time-out
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command, input=pem, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    found = [match for match in map(_LINE.match, done.stdout.splitlines()) if match is not None]
    return {_word(match.group(1)): match.group(2) == "Yes" for match in found}


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower())
