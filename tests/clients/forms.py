# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA below a root, a server, and a client that has key and certificate in every form, made by the modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusters import Cluster
from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl
from programs import Presented

KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ed25519")
HOST, ROLE = "localhost", "shop_rw"
PASSPHRASE = "a'b-c_d.e~f"
CERTIFICATE = {
    "private_key": "own.key",
    "certificate": "own.crt",
    "fullchain": "own.fullchain.crt",
    "root": "root.crt",
}


def succeeded(name: str, **arguments: Any) -> dict[str, Any]:
    result = run_module(name, arguments)
    assert not result["failed"], result["msg"]
    return result


@dataclass(frozen=True)
class Form:
    """A row of the page: the options that deliver the files of a client, and which of them it is given."""

    title: str
    certificate: str = "certificate"
    private_key: str = "private_key"
    more: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    encrypted_afterwards: bool = False

    def item(self, name: str, place: Path) -> dict[str, Any]:
        """The entry of the list ``certificates``."""
        place.mkdir()
        files = {option: str(place / file) for option, file in {**CERTIFICATE, **self.more}.items()}
        return {"name": name, **files, **self.secrets}

    @property
    def passphrase(self) -> str | None:
        """What opens the key."""
        return PASSPHRASE if self.secrets or self.encrypted_afterwards else None


STORE, DER = {"pkcs12": "own.p12"}, {"pkcs8_der": "own.pk8"}
FORMS = {
    "pem": Form("`certificate`, `private_key`"),
    "fullchain": Form("`fullchain`, `private_key`", "fullchain"),
    "encrypted": Form(
        "`certificate`, `private_key` with `private_key_passphrase`", secrets={"private_key_passphrase": PASSPHRASE}
    ),
    "store": Form(
        "`pkcs12` with `pkcs12_passphrase`", private_key="pkcs12", more=STORE, secrets={"pkcs12_passphrase": PASSPHRASE}
    ),
    "plain-store": Form("`pkcs12` without a passphrase", private_key="pkcs12", more=STORE),
    "der": Form("`certificate`, `pkcs8_der`", private_key="pkcs8_der", more=DER),
    # No module makes this; see that refusing it takes nothing from anybody.
    "encrypted-der": Form(
        "`certificate`, a key in DER that is encrypted (refused by the modules)",
        private_key="pkcs8_der",
        more=DER,
        encrypted_afterwards=True,
    ),
}


class Family:
    """A root, a CA below it, and what that one signed."""

    def __init__(self, folder: Path, key_type: str, ca_key_type: str | None = None) -> None:
        self.folder, self.ca, self.root = folder, str(folder / "ca"), folder / "roots.crt"
        authority = {"directory": self.ca, "key_type": ca_key_type or key_type}
        root = succeeded("ca", common_name="Root", lifetime_days=3000, **authority)
        succeeded("ca", common_name="Below", intermediate="below", lifetime_days=2000, **authority)
        self.root.write_text(root["certificate_pem"], encoding="utf-8")
        self.server = Form("").item("server", folder / "server")
        self.server.update(common_name=HOST, usages=["server"], dns_names=[HOST], key_type=key_type)
        self.elsewhere = Form("").item("elsewhere", folder / "elsewhere")
        self.elsewhere.update(
            common_name="elsewhere", usages=["server"], dns_names=["elsewhere.invalid"], key_type=key_type
        )
        self.clients = {name: form.item(name, folder / name) for name, form in FORMS.items()}
        for item in self.clients.values():
            item.update(common_name=ROLE, usages=["client"], key_type=key_type)
        self.issue(self.server, self.elsewhere, *self.clients.values())
        for name, form in FORMS.items():
            if form.encrypted_afterwards:
                encrypt_der(self.clients[name], PASSPHRASE)

    def issue(self, *items: dict[str, Any], **known: str) -> None:
        """Request, sign, install."""
        requests = succeeded("certificate_request", certificates=list(items), **known)["requests"]
        asked = {"directory": self.ca, "intermediate": "below", "certificates": entries_of(items), "requests": requests}
        signed = succeeded("certificate_sign", **asked)["certificates"]
        trusted = {"trusted_pem": known["trusted_pem"]} if "trusted_pem" in known else {}
        succeeded("certificate_install", certificates=list(items), signed=signed, **trusted)

    def presented(self, form: str, port: int, host: str = HOST, root: Path | None = None) -> Presented:
        """What the client of a form is given."""
        how, item = FORMS[form], self.clients[form]
        files = (str(root or self.root), item[how.certificate], item[how.private_key])
        return Presented(host, port, ROLE, *files, how.passphrase)

    def identity(self, form: str) -> str:
        """The answer of a server that this client's certificate reached (programs.QUERY), but for the version of TLS."""
        return f"{ROLE} /CN={ROLE} {serial_number(self.clients[form])}"

    def serve(self, cluster: Cluster, newest_tls: str = "", item: dict[str, Any] | None = None) -> None:
        """Have a server use this family, with TLS up to a version, and a certificate of its name or another one."""
        cluster.configure(f"ssl_max_protocol_version = '{newest_tls}'\n")
        reload_with(cluster, item or self.server, str(self.root))


def reload_with(cluster: Cluster, item: dict[str, Any], root: str) -> None:
    """Have a server serve this certificate and trust these roots."""
    for name, path in (("server.crt", item["certificate"]), ("server.key", item["private_key"]), ("root.crt", root)):
        cluster.write(name, Path(path).read_bytes())
    cluster.stop()
    cluster.start()


def prepare(cluster: Cluster) -> None:
    """Let in nobody over the network but the holders of certificates."""
    cluster.sql(f"CREATE ROLE {ROLE} LOGIN")
    cluster.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
    cluster.write("pg_hba.conf", "local all all peer\nhostssl all all all cert\n")


def encrypt_der(item: dict[str, Any], passphrase: str) -> None:
    """Encrypt a key in DER, with PBES2 as every library does it."""
    plain = Path(item["private_key"])
    arguments = ["-topk8", "-outform", "DER", "-v2", "aes-256-cbc", "-passout", f"pass:{passphrase}"]
    openssl("pkcs8", *arguments, "-in", str(plain), "-out", item["pkcs8_der"])


def serial_number(item: dict[str, Any]) -> int:
    """The serial number of the installed certificate, as openssl reads it."""
    return int(openssl("x509", "-noout", "-serial", "-in", item["certificate"]).strip().removeprefix("serial="), 16)
