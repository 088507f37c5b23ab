# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a certificate of every kind with the modules, in key types of every kind: ``specimens.py FOLDER``.

What a CA issued lies in the folder of its name: ``root/server.crt`` was issued by ``root.crt``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import module_runner
from inventory import entries_of

KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ed25519")
DOMAIN = "example.com"
# No wildcard: RFC 5280 has no words for it (RFC 6125 does), so pkilint takes it for a misspelt name.
SERVER = {"common_name": f"db1.{DOMAIN}", "usages": ["server"], "dns_names": [f"db1.{DOMAIN}", f"db2.{DOMAIN}"]}
LEAVES: dict[str, dict[str, Any]] = {
    "server": {**SERVER, "ip_addresses": ["192.0.2.10", "2001:db8::10"]},
    "client": {"common_name": "PostgreSQL client1", "usages": ["client"], "subject": {"O": "SW Galaxy", "C": "DE"}},
    "both": {
        **SERVER,
        "usages": ["server", "client"],
        "subject": {"O": "Größe & Söhne", "emailAddress": "a@b.example"},
    },
    "exact": {
        "common_name": "client with exact dates, and a name that no ASCII holds: 日本",
        "usages": ["client"],
        "not_before": "2026-02-28T00:00:00Z",
        "not_after": "2028-02-29T12:00:00Z",
    },
    "long": {"common_name": "client1", "usages": ["client"], "not_after": "2051-01-01T00:00:00Z"},  # GeneralizedTime
}
INTERMEDIATES: dict[str, dict[str, Any]] = {
    "plain": {},
    "servers": {"usages": ["server"], "permitted_dns_domains": [DOMAIN]},
    "clients": {"usages": ["client"], "subject": {"O": "SW Galaxy", "emailAddress": "ca@galaxy.example"}},
}
# Names outside the constraints of a CA are the business of other tests.
FITTING = {"plain": LEAVES, "servers": {"server": SERVER}, "clients": {"client": LEAVES["client"]}}


def run(module: str, **arguments: Any) -> dict[str, Any]:
    done = module_runner.run_module(module, arguments)
    if done["failed"]:
        raise SystemExit(f"{module}: {done['msg']}")
    return done


def keep(path: Path, pem: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pem, encoding="utf-8")


def issue(home: Path, place: Path, key_type: str, leaves: dict[str, dict[str, Any]], **authority: str) -> None:
    """Leaves of one CA; their certificates are kept in the folder ``place``."""
    held = [
        {
            "lifetime_days": 90,
            **leaf,
            "name": f"{place.name}-{name}",
            "key_type": key_type,
            "private_key": str(home / f"{place.name}-{name}.key"),
            "certificate": str(home / f"{place.name}-{name}.crt"),
        }
        for name, leaf in leaves.items()
    ]
    requests = run("certificate_request", certificates=held)["requests"]
    asked = {"certificates": entries_of(held), "requests": requests}
    signed = run("certificate_sign", directory=str(home / "ca"), max_lifetime_days=9999, **asked, **authority)
    for name, one in zip(leaves, signed["certificates"], strict=True):
        keep(place / f"{name}.crt", one["certificate_pem"])


def family(home: Path, place: Path, key_type: str) -> None:
    """A root of one key type, all that stands below it, and the revocation lists of all its CAs."""
    directory = str(home / "ca")
    ours = {"subject": {"O": "SW Galaxy"}, "key_type": key_type}
    root = run("ca", directory=directory, common_name="Root CA", lifetime_days=10_000, **ours)
    keep(place / "root.crt", root["certificate_pem"])
    issue(home, place / "root", key_type, LEAVES)
    for name, wish in INTERMEDIATES.items():
        below = run(
            "ca",
            directory=directory,
            intermediate=name,
            common_name=f"{name} CA",
            lifetime_days=9_500,
            **{**ours, **wish},
        )
        keep(place / "root" / f"{name}.crt", below["certificate_pem"])
        issue(home, place / "root" / name, key_type, FITTING[name], intermediate=name)
    revoke(directory, place)


def revoke(directory: str, place: Path) -> None:
    """Revocation lists with every reason, and the empty ones of the other CAs."""
    reasons = ("unspecified", "keyCompromise", "affiliationChanged", "superseded", "certificateHold")
    leaves = zip(LEAVES, reasons, strict=True)
    revocations = [{"name": f"root-{leaf}", "reason": reason} for leaf, reason in leaves]
    done = run("certificate_revoke", directory=directory, revocations=revocations)
    lists = re.findall(r"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n", done["crl_pem"], re.DOTALL)
    if len(lists) != 1 + len(INTERMEDIATES):
        raise SystemExit(f"certificate_revoke returned {len(lists)} lists for {1 + len(INTERMEDIATES)} CAs")
    for number, pem in enumerate(lists):
        keep(place / f"{number}.crl", pem)


def main(folder: Path) -> None:
    for key_type in KEY_TYPES:
        with tempfile.TemporaryDirectory() as home:
            family(Path(home), folder / key_type, key_type)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
