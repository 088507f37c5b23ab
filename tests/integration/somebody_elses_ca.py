# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA that is not ours: GnuTLS' certtool, as a command that signs, or by hand through a directory for requests."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CA = """cn = "Somebody's Root"
ca
cert_signing_key
crl_signing_key
expiration_days = 3650
"""
# What an operator would have in a file: it copies subject and names from the request.
_LEAF = """honor_crq_extensions
signing_key
expiration_days = 365
"""


@dataclass
class SomebodyElsesCa:
    """Its files are in a directory of its own, and what is exchanged with it is below that."""

    directory: Path

    def __post_init__(self) -> None:
        self.key, self.certificate = self.directory / "root.key", self.directory / "root.pem"
        self.template, self.exchange = self.directory / "leaf.cfg", self.directory / "exchange"
        (self.directory / "root.cfg").write_text(_CA)
        self.template.write_text(_LEAF)
        _certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--no-text", f"--outfile={self.key}")
        options = [f"--load-privkey={self.key}", f"--template={self.directory / 'root.cfg'}"]
        _certtool("--generate-self-signed", *options, f"--outfile={self.certificate}")

    def variables(self, provider: str) -> dict[str, Any]:
        """What the inventory says about it; provider as in pgtls_ca_provider."""
        if provider == "external":
            return {
                "pgtls_ca_provider": provider,
                "pgtls_ca_crl": False,
                "pgtls_ca_exchange_directory": str(self.exchange),
            }
        request = ["certtool", "--generate-certificate", "--load-request=/dev/stdin", f"--template={self.template}"]
        return {
            "pgtls_ca_provider": provider,
            "pgtls_ca_crl": False,
            "pgtls_ca_command": [
                *request,
                f"--load-ca-certificate={self.certificate}",
                f"--load-ca-privkey={self.key}",
            ],
            "pgtls_ca_chain_pem": self.certificate.read_text(),
        }

    def sign_all(self) -> list[str]:
        """Sign every request that waits in the exchange directory; returns their files."""
        requests = sorted((self.exchange / "requests").glob("*.csr"))
        for path in requests:
            signed = self.exchange / "signed" / f"{path.stem}.crt"
            options = [f"--load-ca-certificate={self.certificate}", f"--load-ca-privkey={self.key}"]
            made = ["--generate-certificate", f"--load-request={path}", f"--template={self.template}"]
            _certtool(*made, *options, f"--outfile={signed}")
        if requests:
            (self.exchange / "signed/chain.crt").write_bytes(self.certificate.read_bytes())
        return [path.name for path in requests]


def _certtool(*arguments: str) -> None:
    subprocess.run(["certtool", *arguments], check=True, capture_output=True)
