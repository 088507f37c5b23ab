# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a folder of specimens with pkilint; ends with 1 when a finding is above NOTICE.

``lint.py FOLDER``: every certificate (``.crt``) and revocation list (``.crl``) below it. What a CA issued lies in the
folder of its name: ``root/server.crt`` was issued by ``root.crt``, and is judged together with it too.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

from pkilint.bin import lint_crl, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

Linter = Callable[[list[str]], int]

WORST_ALLOWED = "NOTICE"
TOO_BAD = "WARNING"  # the severity above it: pkilint names the least one that it shall tell


def told(linter: Linter, *arguments: str) -> str:
    """What a linter says about findings above NOTICE; a linter that cannot read its input has a finding too."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = linter(["lint", "--severity", TOO_BAD, *arguments])
    return out.getvalue() + err.getvalue() if code else ""


def judgements(path: Path) -> list[str]:
    """What each linter that fits a file says about it."""
    if path.suffix == ".crl":
        return [told(lint_crl.main, "--type", "CRL", "--profile", "PKIX", str(path))]
    issuer = path.parent.with_suffix(".crt")
    alone = told(lint_pkix_cert.main, str(path))
    if not issuer.exists():
        return [alone]
    return [alone, told(lint_pkix_signer_signee_cert_chain.main, str(issuer), str(path))]


def main(folder: Path) -> int:
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".crt", ".crl"))
    found = {path: [text for text in judgements(path) if text.strip()] for path in files}
    for path, texts in found.items():
        for text in texts:
            print(f"{path.relative_to(folder)}:\n{text.strip()}\n")
    bad = [path for path, texts in found.items() if texts]
    lists = sum(path.suffix == ".crl" for path in files)
    print(
        f"{len(files) - lists} certificates and {lists} revocation lists, {len(bad)} with findings above {WORST_ALLOWED}"
    )
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
