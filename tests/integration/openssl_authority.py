# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates made by the openssl program, which knows nothing of our own code."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """Paths of a certificate and its key."""

    certificate: str
    key: str

    def fingerprint(self) -> str:
        """Return the SHA-256 fingerprint as openssl writes it."""
        shown = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return shown.strip().split("=", 1)[1]


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a directory."""

    directory: Path
    pair: Pair

    def issue(self, name: str, common_name: str, names: str = "", days: tuple[str, str] | None = None) -> Pair:
        """Sign a new key. names: subjectAltName of a server, else a client. days: exact start and end times."""
        pair = Pair(str(self.directory / f"{name}.crt"), str(self.directory / f"{name}.key"))
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        new_key(pair.key)
        openssl("req", "-new", "-key", pair.key, "-subj", f"/CN={common_name}", "-out", str(request))
        usage = f"extendedKeyUsage=serverAuth\nsubjectAltName={names}\n" if names else "extendedKeyUsage=clientAuth\n"
        extensions.write_text(f"basicConstraints=critical,CA:FALSE\n{usage}")
        ends = ["-not_before", days[0], "-not_after", days[1]] if days else ["-days", "30"]
        if days:
            self._sign_with_dates(pair, request, extensions, ends)
        else:
            signer = ["-CA", self.pair.certificate, "-CAkey", self.pair.key, "-CAcreateserial"]
            openssl(
                "x509",
                "-req",
                "-in",
                str(request),
                *signer,
                "-extfile",
                str(extensions),
                *ends,
                "-out",
                pair.certificate,
            )
        return pair

    def _sign_with_dates(self, pair: Pair, request: Path, extensions: Path, ends: list[str]) -> None:
        """Only the ca command of openssl takes exact dates before version 3.4."""
        (self.directory / "index.txt").write_text("")
        (self.directory / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={self.directory}/index.txt\nnew_certs_dir={self.directory}\n"
            "rand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        ends = [end.replace("-not_before", "-startdate").replace("-not_after", "-enddate") for end in ends]
        configuration = ["-config", str(self.directory / "ca.cnf"), "-extfile", str(extensions), "-batch", "-notext"]
        signer = ["-cert", self.pair.certificate, "-keyfile", self.pair.key]
        openssl("ca", *configuration, *signer, "-in", str(request), *ends, "-out", pair.certificate)


def openssl(*arguments: str) -> str:
    """Run the openssl program and return what it prints."""
    done = subprocess.run(["openssl", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_key(path: str) -> None:
    """Make a P-256 key."""
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    Path(path).chmod(0o600)


def new_authority(directory: Path, common_name: str) -> Authority:
    """Make a root CA in a new directory."""
    directory.mkdir()
    pair = Pair(str(directory / "root.crt"), str(directory / "root.key"))
    new_key(pair.key)
    openssl(
        "req", "-x509", "-new", "-key", pair.key, "-subj", f"/CN={common_name}", "-days", "30", "-out", pair.certificate
    )
    return Authority(directory, pair)
