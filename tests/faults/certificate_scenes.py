# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of the modules that write files of certificates: what is there before, what is asked, what must hold after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actors import Stage
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from inventory import entries_of
from pictures import (
    LEFTOVER,
    check_certificates,
    check_key,
    check_leftovers,
    leftovers,
    look,
    picture,
    put_back,
)

PASSPHRASE = "a secret horse"
SERVER = {"usages": ["server"], "dns_names": ["raxus.swgalaxy", "mobus.swgalaxy"]}


def spki(key: Any) -> bytes:
    public: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public


def public_key_of(path: str, passphrase: str | None = None) -> bytes:
    """Of the key in a file, which is encrypted just when there is a passphrase."""
    secret = passphrase.encode() if passphrase else None
    return spki(load_pem_private_key(Path(path).read_bytes(), secret).public_key())


def leaf_of(path: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


class Scene:
    """One module and the folder that it changes; how: more for the stage."""

    module = ""
    act = ""  # which of the things that the module does
    share = 0  # kills in a thousand
    settles = True  # whether a run that finds everything done says that nothing changed
    has_keys = False

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, str(folder)
        self.args: dict[str, Any] = {}
        self.next_args: dict[str, Any] | None = None  # of the run after a killed one, where it wants something else
        self.how: dict[str, Any] = {}
        self.inventory: dict[str, dict[str, Any]] = {}
        self.prepare()
        self.before = picture(self.folder)

    @classmethod
    def title(cls) -> str:
        return f"{cls.module} {cls.act}".strip()

    def prepare(self) -> None:
        """Make what is there before each run."""

    def reset(self) -> None:
        put_back(self.folder, self.before)

    def watched(self) -> list[str]:
        return [self.folder, *(path for path in map(self.path, self.before) if os.path.isdir(path))]

    def written(self) -> str:
        """The folder in which a killed run may leave something."""
        return self.folder

    def path(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.folder, name))

    def check_killed(self, where: str) -> None:
        """What must hold whenever a run was killed."""

    def check_whole(self, result: dict[str, Any]) -> None:
        """What must hold after a run that nobody killed."""
        assert not result["failed"], result

    def check_done(self, result: dict[str, Any]) -> None:
        """What must hold after the run that followed."""

    def had_work(self, result: dict[str, Any]) -> bool:
        """Whether the killed run left something for this one."""
        return bool(result["changed"])

    def finish(self) -> None:
        """What must hold after the last kill."""

    def _do(self, module: str, args: dict[str, Any]) -> dict[str, Any]:
        result = self.stage.run(module, args).result
        assert not result["failed"], result
        return result

    def ca(self, name: str = "ca", **more: Any) -> dict[str, Any]:
        return {"directory": self.path(name), "common_name": f"Root {name}", **more}

    def item(self, name: str, **more: Any) -> dict[str, Any]:
        place = self.path(f"hosts/{name}")
        os.makedirs(place, exist_ok=True)
        paths = {
            "private_key": "own.key",
            "certificate": "own.crt",
            "fullchain": "own.fullchain.crt",
            "root": "root.crt",
        }
        files = {option: os.path.join(place, file) for option, file in paths.items()}
        return {"name": name, "common_name": name, "usages": ["client"], **files, **more}

    def request(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.inventory.update({entry["name"]: entry for entry in entries_of(items)})
        requests: list[dict[str, Any]] = self._do("certificate_request", {"certificates": items})["requests"]
        return requests

    def asked(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        """What a signer takes: the requests, and all entries that are known by now."""
        return {"certificates": list(self.inventory.values()), "requests": requests}

    def sign(self, requests: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
        args = {"directory": self.path("ca"), **self.asked(requests), **more}
        signed: list[dict[str, Any]] = self._do("certificate_sign", args)["certificates"]
        return signed

    def issue(self, items: list[dict[str, Any]]) -> None:
        self._do("certificate_install", {"certificates": items, "signed": self.sign(self.request(items))})


class AuthorityScene(Scene):
    """A CA below another: directory, key, chain, certificate, and the parent's copy."""

    module, share, has_keys = "ca", 30, True

    def prepare(self) -> None:
        self._do("ca", self.ca("root", passphrase="top secret"))
        parent = {"parent": self.path("root"), "parent_passphrase": "top secret"}
        self.args = self.ca("ca", lifetime_days=1000, **parent)

    def check_killed(self, where: str) -> None:
        self.key_before = None
        for name, item in self.before.items():
            assert picture(self.folder).get(name) == item or name in (".", "root/issued"), name
        if os.path.exists(self.path("ca/ca.key")):
            check_key(self.path("ca/ca.key"))
            self.key_before = public_key_of(self.path("ca/ca.key"))
        for name in ("ca/ca.crt", "ca/chain.crt"):
            if os.path.exists(self.path(name)):
                check_certificates(self.path(name), 0o644)
        for name in ("ca", "ca/issued"):
            if os.path.exists(self.path(name)):
                assert os.stat(self.path(name)).st_mode & 0o7777 == 0o700, name

    def check_done(self, result: dict[str, Any]) -> None:
        certificate = leaf_of(self.path("ca/ca.crt"))
        key = public_key_of(self.path("ca/ca.key"))
        assert spki(certificate.public_key()) == key
        assert self.key_before in (None, key), "a key that was written by the killed run was replaced"
        chain = Path(self.path("ca/chain.crt")).read_bytes()
        assert chain == Path(self.path("ca/ca.crt")).read_bytes() + Path(self.path("root/ca.crt")).read_bytes()
        serials = {leaf_of(str(path)).serial_number for path in Path(self.path("root/issued")).iterdir()}
        assert certificate.serial_number in serials, "the parent does not know the certificate that it signed"


class RequestScene(Scene):
    """New keys, one beside a key that is in use, one in use that is encrypted in its place, and the roots of all of them."""

    module, share, settles, has_keys = "certificate_request", 30, False, True
    how_many = 8

    def prepare(self) -> None:
        self._do("ca", self.ca())
        self.issue([self.item("old"), self.item("sealed")])
        sealed = self.item("sealed", private_key_passphrase=PASSPHRASE)
        items = [self.item("old", key_type="ecdsa-p384"), *(self.item(f"new{n}") for n in range(self.how_many)), sealed]
        self.args = {"certificates": items, "trusted_pem": Path(self.path("ca/ca.crt")).read_text()}
        self.sealed = sealed["private_key"]
        self.sealed_key = public_key_of(self.sealed)

    def keys(self) -> dict[str, bytes]:
        """Every key that is there and was not encrypted, as bytes."""
        names = ("own.key", "own.key.next")
        paths = [str(path) for path in Path(self.path("hosts")).rglob("*") if path.name in names]
        for path in paths:
            check_key(path)
        return {path: Path(path).read_bytes() for path in paths if path != self.sealed}

    def check_killed(self, where: str) -> None:
        sealed = os.path.relpath(self.sealed, self.folder)
        old = {name: item for name, item in self.before.items() if item.kind == "file" and name != sealed}
        now = picture(self.folder)
        assert {name: now.get(name) for name in old} == old
        if now[sealed] != self.before[sealed]:
            assert public_key_of(self.sealed, PASSPHRASE) == self.sealed_key
        self.kept = self.keys()

    def check_done(self, result: dict[str, Any]) -> None:
        keys = self.keys()
        assert len(keys) == self.how_many + 2
        assert {path: keys[path] for path in self.kept} == self.kept, "a key was made twice"
        for item in self.args["certificates"]:
            assert Path(item["root"]).read_text() == self.args["trusted_pem"]
        names = [*(f"new{n}" for n in range(self.how_many)), "old"]
        assert sorted(request["name"] for request in result["requests"]) == names
        assert public_key_of(self.sealed, PASSPHRASE) == self.sealed_key
        self.args_again_make_no_key()

    def args_again_make_no_key(self) -> None:
        before = self.keys()
        assert self._do(self.module, self.args)["keys_made"] == []
        assert self.keys() == before


class SignScene(Scene):
    """A CA signs many requests."""

    module, share, settles = "certificate_sign", 80, True
    how_many = 20

    def prepare(self) -> None:
        self._do("ca", self.ca())
        items = [self.item(f"app{number}", **SERVER) for number in range(self.how_many)]
        self.args = {"directory": self.path("ca"), **self.asked(self.request(items))}
        self.authority = leaf_of(self.path("ca/ca.crt"))

    def issued(self) -> dict[str, set[str]]:
        """The serial numbers of the whole certificates in issued/, by name. Each is checked."""
        found: dict[str, set[str]] = {}
        serials = []
        for path in sorted(Path(self.path("ca/issued")).iterdir()):
            if LEFTOVER.fullmatch(path.name):
                continue
            match = re.fullmatch(r"(app\d+)\.([0-9A-F]+)\.crt", path.name)
            assert match, path
            check_certificates(str(path), 0o644)
            leaf = leaf_of(str(path))
            leaf.verify_directly_issued_by(self.authority)
            assert leaf.serial_number == int(match[2], 16), path
            serials.append(leaf.serial_number)
            found.setdefault(match[1], set()).add(match[2])
        assert len(serials) == len(set(serials)), "a serial number was used twice"
        return found

    def check_killed(self, where: str) -> None:
        now = picture(self.folder)
        for name, item in self.before.items():
            assert now.get(name) == item or name == "ca/issued", name
        self.kept = self.issued()

    def check_done(self, result: dict[str, Any]) -> None:
        issued = self.issued()
        returned = {one["name"]: one["serial_number"] for one in result["certificates"]}
        assert sorted(returned) == sorted(f"app{number}" for number in range(self.how_many))
        assert {name: {serial} for name, serial in returned.items()} == issued, "the killed run's work was done twice"
        assert all(issued[name] == serials for name, serials in self.kept.items())


class InstallScene(Scene):
    """Certificates with a new type of key, renewed ones and new ones, also with encrypted keys and other shapes."""

    module, share, has_keys = "certificate_install", 90, True

    def prepare(self) -> None:
        self._do("ca", self.ca())
        sealed = {"private_key_passphrase": PASSPHRASE, **self.store("sealed")}
        shaped = {**self.store("shaped"), "pkcs8_der": self.path("hosts/shaped/own.pk8")}
        self.issue(
            [*map(self.item, ("rekeyed", "renewed")), self.item("shaped", **shaped), self.item("sealed", **sealed)]
        )
        items = [
            self.item("rekeyed", key_type="ecdsa-p384"),
            self.item("renewed", **SERVER),
            self.item("shaped", key_type="ecdsa-p384", **shaped),
            self.item("sealed", **{**sealed, "common_name": "another"}),
            self.item("new1"),
            self.item("new2", **SERVER, private_key_passphrase=PASSPHRASE, **self.store("new2")),
        ]
        requests = self.request(items)
        assert len(requests) == len(items)
        self.args = {"certificates": items, "signed": self.sign(requests)}

    def store(self, name: str) -> dict[str, Any]:
        return {"pkcs12": self.path(f"hosts/{name}/own.p12"), "pkcs12_passphrase": "open sesame"}

    def each(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each item and what was signed for it."""
        signed = {one["name"]: one for one in self.args["signed"]}
        return ((item, signed[item["name"]]) for item in self.args["certificates"])

    def check_deliveries(self, item: dict[str, Any], signed: dict[str, Any], may_be_old: bool) -> None:
        """Each is the old one, or holds the key of the new certificate; nobody else may read it."""
        leaf = x509.load_pem_x509_certificate(signed["certificate_pem"].encode())
        for option in [option for option in ("pkcs12", "pkcs8_der") if option in item]:
            found = look(item[option])
            if may_be_old and found == self.before.get(os.path.relpath(item[option], self.folder)):
                continue
            assert found is not None and (found.mode, found.uid) == (0o600, 0), f"{item[option]} is {found}"
            if option == "pkcs12":
                store = load_pkcs12(found.content or b"", item["pkcs12_passphrase"].encode())
                key = store.key
                assert store.cert is not None and store.cert.certificate == leaf, f"{item[option]} is of another one"
            else:
                key = load_der_private_key(found.content or b"", None)
            assert key is not None and spki(key.public_key()) == spki(leaf.public_key()), item[option]

    def check_killed(self, where: str) -> None:
        now = picture(self.folder)
        for item, signed in self.each():
            self._check_item(item, signed, now, may_be_old=True)
            self.check_deliveries(item, signed, may_be_old=True)
        written = {
            os.path.relpath(item[option], self.folder)
            for item, _signed in self.each()
            for option in FILES
            if option in item
        }
        for name, old in self.before.items():
            if old.kind == "file" and name not in written and not name.endswith(".next"):
                assert now.get(name) == old, name

    def _check_item(self, item: dict[str, Any], signed: dict[str, Any], now: dict[str, Any], may_be_old: bool) -> None:
        """Each file is byte for byte the old or the new one, and the key of the certificate is at hand."""
        wanted = {
            "certificate": (signed["certificate_pem"], 0o640),
            "fullchain": (signed["certificate_pem"] + signed["chain_pem"], 0o640),
            "root": (signed["chain_pem"], 0o644),
        }
        for option, (text, mode) in wanted.items():
            name = os.path.relpath(item[option], self.folder)
            found, old = now.get(name), self.before.get(name)
            new = found is not None and (found.content, found.mode, found.uid) == (text.encode(), mode, 0)
            assert new or (may_be_old and found == old), f"{name} is neither old nor new: {found}"
        paths = [path for path in (item["private_key"], item["private_key"] + ".next") if os.path.exists(path)]
        for path in paths:
            check_key(path)
        keys = [public_key_of(path, item.get("private_key_passphrase")) for path in paths]
        if os.path.exists(item["certificate"]):
            assert spki(leaf_of(item["certificate"]).public_key()) in keys, item["name"]

    def check_done(self, result: dict[str, Any]) -> None:
        now = picture(self.folder)
        for item, signed in self.each():
            self._check_item(item, signed, now, may_be_old=False)
            key = public_key_of(item["private_key"], item.get("private_key_passphrase"))
            assert spki(leaf_of(item["certificate"]).public_key()) == key
            assert not os.path.exists(item["private_key"] + ".next")
            self.check_deliveries(item, signed, may_be_old=False)
        assert self._do("certificate_request", {"certificates": self.args["certificates"]})["requests"] == []


FILES = ("certificate", "fullchain", "root", "private_key", "pkcs12", "pkcs8_der")


class HostsScene(Scene):
    """pg_hosts.conf, of which no server here has a view."""

    module, share = "pg_hosts", 10

    def prepare(self) -> None:
        path = Path(self.path("pg_hosts.conf"))
        path.write_text("# mine\nold.swgalaxy old.crt old.key\n")
        path.chmod(0o600)
        hosts = [{"host": [f"h{n}.swgalaxy"], "cert": "a.crt", "key": "a.key"} for n in range(30)]
        self.args = {"path": str(path), "hosts": hosts, "mode": "0640", "server_version": 19}
        self.old = picture(self.folder)["pg_hosts.conf"]
        self._do(self.module, self.args)
        self.new = picture(self.folder)["pg_hosts.conf"]
        assert self.new.mode == 0o640 and self.new != self.old
        put_back(self.folder, {"pg_hosts.conf": self.old})

    def check_killed(self, where: str) -> None:
        assert picture(self.folder)["pg_hosts.conf"] in (self.old, self.new)

    def check_done(self, result: dict[str, Any]) -> None:
        assert picture(self.folder)["pg_hosts.conf"] == self.new


class TrustScene(Scene):
    """The trust store of this host, of which a mount namespace of the stage's own shows a copy."""

    module, share = "trust_anchor", 10

    def __init__(self, stage: Stage, folder: Path, anchors: Path, certificates: Path) -> None:
        self.anchors, self.certificates = str(anchors), str(certificates)
        super().__init__(stage, folder)
        self.pictures = {path: picture(path) for path in (self.anchors, self.certificates)}

    def prepare(self) -> None:
        self._do("ca", self.ca())
        self.pem = Path(self.path("ca/ca.crt")).read_bytes()
        self.args = {"name": "faults", "certificate_pem": self.pem.decode(), "style": "debian"}

    def reset(self) -> None:
        for path, shown in self.pictures.items():
            put_back(path, shown)

    def watched(self) -> list[str]:
        return [self.anchors]

    def check_killed(self, where: str) -> None:
        check_leftovers(self.anchors)
        path = os.path.join(self.anchors, "faults.crt")
        if os.path.exists(path):
            check_certificates(path, 0o644)
            assert Path(path).read_bytes() == self.pem
        bundle = Path(self.certificates, "ca-certificates.crt").read_bytes()
        assert bundle.endswith(b"-----END CERTIFICATE-----\n"), "the bundle of this host is torn"

    def check_done(self, result: dict[str, Any]) -> None:
        assert result["verified"]
        assert not leftovers(self.anchors)
        assert self.pem in Path(self.certificates, "ca-certificates.crt").read_bytes()
