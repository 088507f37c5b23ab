# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The openssl program as an independent judge of what this collection makes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PURPOSES = {"server": "sslserver", "client": "sslclient"}


def openssl(*arguments: object, stdin: str = "") -> str:
    """The output of openssl; fails when openssl does."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return done.stdout


def text_of(pem: str) -> str:
    """What ``openssl x509 -text`` says, in one line."""
    return re.sub(r"\s+", " ", openssl("x509", "-noout", "-text", "-nameopt", "RFC2253,-esc_msb,utf8", stdin=pem))


def verdict(folder: Path, leaf_pem: str, chain_pem: str, usage: str, *more: str, strict: bool = True) -> str:
    """OK, or the error text of ``openssl verify -x509_strict`` for a purpose; the last of the chain is the root."""
    certificates = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n", chain_pem, re.DOTALL)
    files = {"leaf.pem": leaf_pem, "root.pem": certificates[-1], "between.pem": "".join(certificates[:-1])}
    for name, content in files.items():
        (folder / name).write_text(content)
    command = [
        "verify",
        *(["-x509_strict"] if strict else []),
        *more,
        "-purpose",
        PURPOSES[usage],
        "-CAfile",
        str(folder / "root.pem"),
    ]
    if len(certificates) > 1:
        command += ["-untrusted", str(folder / "between.pem")]
    try:
        output = openssl(*command, folder / "leaf.pem")
    except AssertionError as error:
        return str(error)
    return "OK" if output.strip().endswith(": OK") else output
