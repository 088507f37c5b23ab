# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA that knows nothing of this collection: the openssl program with a root and an intermediate CA in a folder."""

from __future__ import annotations

from pathlib import Path

from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl

CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
LEAF_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"


class ForeignCa:
    """Its files: root.crt, root.key, sub.crt, sub.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.root, self.sub = folder / "root.crt", folder / "sub.crt"
        for name in ("root", "sub"):
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.key")
        (folder / "ca.ext").write_text(CA_EXTENSIONS)
        (folder / "leaf.ext").write_text(LEAF_EXTENSIONS)
        self._self_sign()
        request = openssl("req", "-new", "-key", folder / "sub.key", "-subj", "/O=Elsewhere/CN=Issuing CA")
        by_root = ["-CA", self.root, "-CAkey", folder / "root.key", "-extfile", folder / "ca.ext"]
        self.sub.write_text(openssl("x509", "-req", "-days", "2000", *by_root, stdin=request))

    def _self_sign(self) -> None:
        key = self.folder / "root.key"
        request = openssl("req", "-new", "-key", key, "-subj", "/O=Elsewhere/CN=Root CA")
        arguments = ["-signkey", key, "-extfile", self.folder / "ca.ext", "-days", "3000"]
        self.root.write_text(openssl("x509", "-req", *arguments, stdin=request))

    @property
    def chain(self) -> str:
        """The issuing CA, then the root."""
        return self.sub.read_text() + self.root.read_text()

    @property
    def command(self) -> list[str]:
        """The signer: a request on standard input, the certificate on standard output."""
        by_sub = [
            "-CA",
            str(self.sub),
            "-CAkey",
            str(self.folder / "sub.key"),
            "-extfile",
            str(self.folder / "leaf.ext"),
        ]
        words = ["openssl", "x509", "-req", "-in", "/dev/stdin", "-days", "{lifetime_days}"]
        return [*words, "-copy_extensions", "copyall", *by_sub]

    def sign(self, csr_pem: str, days: int = 90, copy: str = "copyall") -> str:
        """A certificate in PEM that says what the request says."""
        words = [
            str(days) if word == "{lifetime_days}" else copy if word == "copyall" else word for word in self.command
        ]
        return openssl(*words[1:], stdin=csr_pem)


class Holder:
    """A host with its certificates in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inventory: dict[str, dict] = {}
        folder.mkdir()

    def item(self, name: str = "app1", **more: object) -> dict:
        """One certificate of its list: a server's, unless told otherwise."""
        server = {"usages": ["server"], "dns_names": [f"{name}.swgalaxy", "db.swgalaxy"], "ip_addresses": ["10.0.0.1"]}
        places = {"private_key": "key", "certificate": "crt", "fullchain": "full.crt", "root": "root.crt"}
        files = {option: str(self.folder / f"{name}.{ending}") for option, ending in places.items()}
        return {"name": name, "common_name": f"PostgreSQL {name}", **server, **files, **more}

    def requests(self, *items: dict, **more: object) -> list[dict]:
        """What is due."""
        self.inventory.update({entry["name"]: entry for entry in entries_of(items)})
        done = run_module("certificate_request", {"certificates": list(items), **more})
        assert not done["failed"], done
        requests: list[dict] = done["requests"]
        return requests

    def asked(self, *items: dict, **more: object) -> dict[str, list[dict]]:
        """What a signer takes: what is due, and all entries that are known by now."""
        requests = self.requests(*items, **more)
        return {"certificates": list(self.inventory.values()), "requests": requests}

    def install(self, *items: dict, signed: list[dict], check: bool = False, diff: bool = False) -> dict:
        """Put certificates where they belong."""
        return run_module(
            "certificate_install", {"certificates": list(items), "signed": signed}, check=check, diff=diff
        )
