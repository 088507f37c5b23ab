# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA and one holder of certificates, and the modules between them in the order in which a play runs them."""

from __future__ import annotations

from pathlib import Path

from inventory import entries_of
from module_runner import run_module

SERVER = {"usages": ["server"], "dns_names": ["raxus.swgalaxy", "mobus.swgalaxy"], "ip_addresses": ["10.0.0.1"]}


class Site:
    """A CA and one holder in two folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_directory = folder / "ca"
        self.outputs: list[str] = []
        self.inventory: dict[str, dict] = {}

    def run(self, name: str, args: dict, **how) -> dict:
        result = run_module(name, args, **how)
        self.outputs.append(result.pop("_output"))
        return result

    def ca(self, **more) -> dict:
        how = {key: more.pop(key) for key in ("check", "diff") if key in more}
        args = {"directory": str(self.ca_directory), "common_name": "Test Root CA", **more}
        return self.run("ca", args, **how)

    def item(self, name: str = "app1", **more) -> dict:
        place = self.folder / name
        place.mkdir(exist_ok=True)
        return {
            "name": name,
            "common_name": f"PostgreSQL {name}",
            "usages": ["client"],
            "private_key": str(place / "own.key"),
            "certificate": str(place / "own.crt"),
            "fullchain": str(place / "own.fullchain.crt"),
            "root": str(place / "root.crt"),
            **more,
        }

    def request(self, *items: dict, **more) -> dict:
        how = {key: more.pop(key) for key in ("check", "diff") if key in more}
        self.inventory.update({entry["name"]: entry for entry in entries_of(items)})
        return self.run("certificate_request", {"certificates": list(items), **more}, **how)

    def sign(self, requests: list, **more) -> dict:
        how = {key: more.pop(key) for key in ("check", "diff") if key in more}
        directory = more.pop("directory", str(self.ca_directory))
        asked = {"certificates": list(self.inventory.values()), "requests": requests}
        return self.run("certificate_sign", {"directory": directory, **asked, **more}, **how)

    def install(self, *items: dict, signed: list, **more) -> dict:
        how = {key: more.pop(key) for key in ("check", "diff") if key in more}
        return self.run("certificate_install", {"certificates": list(items), "signed": signed, **more}, **how)

    def issue(self, *items: dict, **more) -> dict:
        """Request, sign and install."""
        known = {key: more.pop(key) for key in ("trusted_pem", "crl_pem") if key in more}
        requested = self.request(*items, **known)
        assert not requested["failed"], requested
        signed = self.sign(requested["requests"], **more) if requested["requests"] else {"certificates": []}
        assert not signed.get("failed"), signed
        installed = self.install(*items, signed=signed["certificates"], **known)
        assert not installed["failed"], installed
        return installed

    def codes(self, *items: dict, **more) -> list[str]:
        requested = self.request(*items, **more)
        assert not requested["failed"], requested
        return [reason["code"] for request in requested["requests"] for reason in request["reasons"]]
