# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three signers of certificates with a CA of each, and requests made by hand for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from foreign_ca import ForeignCa
from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl

SIGNERS = ("sign", "command", "exchange")
INVENTORY: list[dict[str, Any]] = [
    {"host": "apps1", "name": "app1", "common_name": "app1", "usages": ["client"]},
    {"host": "apps2", "name": "app2", "common_name": "app2", "usages": ["client"]},
    {"host": "db1", "name": "server", "common_name": "db1", "usages": ["server"], "dns_names": ["db1.swgalaxy"]},
]


def csr(folder: Path, subject: str = "/CN=app1", *extensions: str, key: tuple[str, ...] = (), **more: str) -> str:
    """A request made by hand; extensions as openssl's ``-addext`` wants them."""
    kind = key or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null")
    extended = more.get("usage", "clientAuth")
    words = [*extensions, *([f"extendedKeyUsage={extended}"] if extended else [])]
    config = folder / "req.cnf"
    config.write_text("[req]\ndistinguished_name=dn\n[dn]\n" + more.get("config", ""))
    options = [part for word in words for part in ("-addext", word)]
    return openssl("req", "-new", "-utf8", "-config", config, *kind, "-subj", subject, *options)


class Signer:
    """One of the signers, with its CA, and what it did."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.ran = folder / "ran"
        if kind == "sign":
            run_module("ca", {"directory": str(folder / "ca"), "common_name": "Root"})
        elif kind == "command":
            self.foreign = ForeignCa(folder / "foreign")
            script = folder / "signer.py"
            script.write_text(
                f"import subprocess, sys\nopen({str(self.ran)!r}, 'a').write('x')\nsys.exit(subprocess.call(sys.argv[1:]))"
            )
            self.command = [sys.executable, str(script), *self.foreign.command]

    def ask(self, requests: list[dict[str, Any]], certificates: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        certificates = INVENTORY if certificates is None else certificates
        args: dict[str, Any] = {"certificates": entries_of(certificates), "requests": requests}
        if self.kind == "command":
            args.update(command=self.command, chain_pem=self.foreign.chain)
        else:
            args["directory"] = str(self.folder / ("ca" if self.kind == "sign" else "exchange"))
        return run_module(f"certificate_{self.kind}", args)

    def refusal(self, *how: Any) -> str:
        """Its sentence; nothing was signed, no program has run, and no request waits for anybody."""
        result = self.ask(*how)
        assert result["failed"], result
        assert not list(self.folder.glob("ca/issued/*")) and not self.ran.exists()
        assert not (self.folder / "exchange").exists()
        message: str = result["msg"]
        assert "\n" not in message
        return message
