# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of the life of a CA: its successor, its revocations, and requests that others sign."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from certificate_scenes import PASSPHRASE, SERVER, Scene, leaf_of, public_key_of, spki
from cryptography import x509
from pictures import check_certificates, check_key, look, picture


class RolloverScene(Scene):
    """A root CA with an encrypted key on its way to a successor."""

    module, has_keys = "ca_rollover", True

    def step(self, phase: str) -> dict[str, Any]:
        return {"directory": self.path("ca"), "generation": 2, "phase": phase, "passphrase": PASSPHRASE}

    def prepare(self) -> None:
        self._do("ca", self.ca(passphrase=PASSPHRASE))
        self.requests = self.request([self.item("app0", **SERVER)])
        self.args = self.step(self.act)

    def state(self) -> dict[str, Any] | None:
        """What rollover.json says, None where it is not."""
        item = look(self.path("ca/rollover.json"))
        if item is None:
            return None
        assert item.mode == 0o644, f"rollover.json is {item}"
        state: dict[str, Any] = json.loads(item.content or b"")
        return state

    def check_killed(self, where: str) -> None:
        now = picture(self.folder)
        for name, item in self.before.items():
            assert now.get(name) == item or name in ("ca", "ca/rollover.json"), name

    def check_trusted(self, result: dict[str, Any], *directories: str) -> None:
        """The roots that everybody shall trust are those, in this order."""
        assert result["trusted_pem"] == "".join(Path(self.path(f"{each}/ca.crt")).read_text() for each in directories)

    def walk_on(self) -> None:
        """The rest of the way, with a certificate of the successor."""
        seen = []
        for before, phase in (("introduce", "reissue"), ("reissue", "retire"), ("retire", "stable")):
            self._do(self.module, {**self.step(before), "completed": True})
            seen.append(self._do(self.module, self.step(phase)))
        assert [one["phase"] for one in seen] == ["reissue", "retire", "stable"]
        self.check_trusted(seen[0], "ca/generation-2", "ca")
        self.check_trusted(seen[2], "ca/generation-2")
        signed = self.sign(self.requests, passphrase=PASSPHRASE)
        leaf = x509.load_pem_x509_certificate(signed[0]["certificate_pem"].encode())
        leaf.verify_directly_issued_by(leaf_of(self.path("ca/generation-2/ca.crt")))


class IntroduceScene(RolloverScene):
    """The successor is made: directories, key, certificate, and last of all the state."""

    act, share = "introduce", 20

    def check_killed(self, where: str) -> None:
        super().check_killed(where)
        self.key_before = None
        place = self.path("ca/generation-2")
        if os.path.exists(f"{place}/ca.key"):
            check_key(f"{place}/ca.key")
            self.key_before = public_key_of(f"{place}/ca.key", PASSPHRASE)
        for name in ("ca.crt", "chain.crt"):
            if os.path.exists(f"{place}/{name}"):
                check_certificates(f"{place}/{name}", 0o644)
        for path in (place, f"{place}/issued"):
            if os.path.exists(path):
                assert os.stat(path).st_mode & 0o7777 == 0o700, path
        state = self.state()
        if state is not None:
            assert state == {"generation": 1, "phase": "introduce"}
            assert spki(leaf_of(f"{place}/ca.crt").public_key()) == self.key_before, "announced before it is complete"

    def check_done(self, result: dict[str, Any]) -> None:
        certificate = leaf_of(self.path("ca/generation-2/ca.crt"))
        key = public_key_of(self.path("ca/generation-2/ca.key"), PASSPHRASE)
        assert spki(certificate.public_key()) == key
        certificate.verify_directly_issued_by(certificate)
        assert self.key_before in (None, key), "a key that was written by the killed run was replaced"
        assert (result["generation"], result["phase"]) == (1, "introduce")
        self.check_trusted(result, "ca", "ca/generation-2")
        again = self._do(self.module, self.args)
        assert not again["changed"], again
        self.walk_on()

    settles = False  # seen in check_done, because the way goes on there


class ReissueScene(RolloverScene):
    """A step that changes nothing but the state."""

    act, share = "reissue", 10

    def prepare(self) -> None:
        super().prepare()
        self._do(self.module, self.step("introduce"))
        self._do(self.module, {**self.step("introduce"), "completed": True})

    def check_killed(self, where: str) -> None:
        super().check_killed(where)
        before = {"generation": 1, "phase": "introduce", "completed": True}
        assert self.state() in (before, {"generation": 1, "phase": "reissue"})

    def check_done(self, result: dict[str, Any]) -> None:
        assert (result["generation"], result["phase"]) == (2, "reissue")
        self.check_trusted(result, "ca/generation-2", "ca")


class RevokeScene(Scene):
    """Three CAs in one home: two lists that change, and one that is signed for the first time."""

    module, share = "certificate_revoke", 30
    wanted = {
        "ca": {"app1": "superseded", "app2": "keyCompromise", "app3": "unspecified", "app4": "certificateHold"},
        "ca/below/clients": {"user0": "cessationOfOperation"},
        "ca/below/servers": {},
    }

    def prepare(self) -> None:
        self._do("ca", self.ca())
        self._do("ca", {**self.ca(), "common_name": "Clients", "lifetime_days": 1000, "intermediate": "clients"})
        self.sign(self.request([self.item(f"app{number}", **SERVER) for number in range(6)]))
        self.sign(self.request([self.item(f"user{number}") for number in range(3)]), intermediate="clients")
        first = [{"name": "app0", "reason": "certificateHold"}, {"name": "app1", "reason": "superseded"}]
        self._do(self.module, {"directory": self.path("ca"), "revocations": first})
        self._do("ca", {**self.ca(), "common_name": "Servers", "lifetime_days": 1000, "intermediate": "servers"})
        names = {name: reason for revoked in self.wanted.values() for name, reason in revoked.items()}
        items = [{"name": name, "reason": reason} for name, reason in names.items()]
        self.args = {"directory": self.path("ca"), "revocations": [*items, {"name": "app0", "state": "released"}]}

    def lists(self) -> dict[str, bytes]:
        """Every list that is a new one, checked, by its CA."""
        now, new = picture(self.folder), {}
        for place, wanted in self.wanted.items():
            found, old = now.get(f"{place}/ca.crl"), self.before.get(f"{place}/ca.crl")
            if found == old:
                continue
            assert found is not None and found.mode == 0o644, f"{place}/ca.crl is {found}"
            crl = x509.load_pem_x509_crl(found.content or b"")
            assert crl.is_signature_valid(leaf_of(self.path(f"{place}/ca.crt")).public_key())  # type: ignore[arg-type]
            assert self.number(crl) == 1 + (
                0 if old is None else self.number(x509.load_pem_x509_crl(old.content or b""))
            )
            serials = {self.serial(place, name) for name in wanted}
            assert {entry.serial_number for entry in crl} == serials, f"{place}/ca.crl is half done"
            new[place] = found.content or b""
        return new

    def number(self, crl: x509.CertificateRevocationList) -> int:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def serial(self, place: str, name: str) -> int:
        (path,) = Path(self.path(f"{place}/issued")).glob(f"{name}.*.crt")
        return leaf_of(str(path)).serial_number

    def check_killed(self, where: str) -> None:
        now = picture(self.folder)
        for name, item in self.before.items():
            assert now.get(name) == item or item.kind == "directory" or name.endswith("ca.crl"), name
        self.kept = self.lists()

    def check_done(self, result: dict[str, Any]) -> None:
        lists = self.lists()
        assert sorted(lists) == sorted(self.wanted)
        assert all(lists[place] == content for place, content in self.kept.items()), "a list was signed twice"
        assert sorted(result["crl_pem"]) == sorted(b"".join(lists.values()).decode())
        told = {entry["name"]: entry["reason"] for entry in result["revoked"]}
        assert told == {name: reason for revoked in self.wanted.values() for name, reason in revoked.items()}


class ExchangeScene(Scene):
    """The first requests: the folder is made, and each request is a file in it."""

    module, act, share = "certificate_exchange", "asked", 10
    how_many = 12

    def prepare(self) -> None:
        self._do("ca", self.ca())
        requests = self.request([self.item(f"app{number}", **SERVER) for number in range(self.how_many)])
        self.args = {"directory": self.path("exchange"), "host": "h1", **self.asked(requests)}
        self.answered: dict[str, str] = {}

    def check_requests(self, may_be_old: bool) -> None:
        now = picture(self.folder)
        for request in self.args["requests"]:
            name = f"exchange/requests/h1.{request['name']}.csr"
            found = now.get(name)
            if may_be_old and found == self.before.get(name):
                continue
            if request["name"] in self.answered:
                assert found is None, f"{name} was answered and is still there"
                continue
            assert found is not None and found.mode == 0o644, f"{name} is {found}"
            assert (found.content or b"").decode() == request["csr_pem"], f"{name} is torn"
        for name, item in self.before.items():
            if not name.startswith("exchange/requests"):
                assert now.get(name) == item or item.kind == "directory", name

    def check_killed(self, where: str) -> None:
        self.check_requests(may_be_old=True)

    def check_done(self, result: dict[str, Any]) -> None:
        self.check_requests(may_be_old=False)
        for folder in ("exchange", "exchange/requests", "exchange/signed"):
            assert os.stat(self.path(folder)).st_mode & 0o7777 == 0o755, (
                f"{folder} stays half made: {look(self.path(folder))}"
            )
        back = {one["name"]: one["serial_number"] for one in result["certificates"]}
        assert back == self.answered
        names = [request["name"] for request in self.args["requests"]]
        assert result["waiting"] == [name for name in names if name not in back]


class AnsweredScene(ExchangeScene):
    """Some were signed, some ask for something else now."""

    act, settles = "answered", False  # what came back is installed next, so it counts as a change
    share = 10

    def prepare(self) -> None:
        super().prepare()
        self._do(self.module, self.args)
        half = self.how_many // 2
        for one in self.sign(self.args["requests"][:half]):
            path = Path(self.path(f"exchange/signed/h1.{one['name']}.crt"))
            path.write_text(one["certificate_pem"] + one["chain_pem"])
            self.answered[one["name"]] = one["serial_number"]
        others = {"usages": ["server"], "dns_names": ["coruscant.swgalaxy"]}
        other = self.request([self.item(f"app{number}", **others) for number in range(half, self.how_many)])
        self.args = {**self.args, **self.asked(self.args["requests"][:half] + other)}


class CommandScene(Scene):
    """A signer that takes its time; what it signed is kept by itself, and it must not outlive a killed run for long."""

    module, share, settles = "certificate_command", 10, False
    patience_seconds = 10.0

    def prepare(self) -> None:
        self._do("ca", self.ca())
        self.args = {
            "command": [
                "openssl",
                "x509",
                "-req",
                "-in",
                "{csr}",
                "-days",
                "{lifetime_days}",
                "-copy_extensions",
                "copy",
            ]
            + ["-CA", self.path("ca/ca.crt"), "-CAkey", self.path("ca/ca.key")],
            "chain_pem": Path(self.path("ca/ca.crt")).read_text(),
            **self.asked(self.request([self.item(f"app{number}", **SERVER) for number in range(4)])),
        }
        os.mkdir(self.path("temporary"))
        self.how = {"temporary": self.path("temporary")}

    def at_work(self) -> list[str]:
        """The signers that run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if words[0] == "openssl" and self.path("ca/ca.key") in words:
                found.append(str(path))
        return found

    def litter(self) -> list[Path]:
        return sorted(Path(self.path("temporary")).iterdir())

    def check_killed(self, where: str) -> None:
        end = time.monotonic() + self.patience_seconds
        while self.at_work():
            assert time.monotonic() < end, "the signer outlives the run that was killed"
            time.sleep(0.02)
        now = picture(self.folder)
        assert {name: now.get(name) for name in self.before if name != "temporary"} == {
            name: item for name, item in self.before.items() if name != "temporary"
        }
        self.left = self.litter()
        assert len(self.left) <= 1
        for path in self.left:  # a request is public, and this is all that lies there
            requests = [request["csr_pem"] for request in self.args["requests"]]
            assert any(text.startswith(path.read_text()) for text in requests), path

    def check_done(self, result: dict[str, Any]) -> None:
        assert self.litter() == self.left
        authority = leaf_of(self.path("ca/ca.crt"))
        serials = set()
        for request, one in zip(self.args["requests"], result["certificates"], strict=True):
            leaf = x509.load_pem_x509_certificate(one["certificate_pem"].encode())
            leaf.verify_directly_issued_by(authority)
            csr = x509.load_pem_x509_csr(request["csr_pem"].encode())
            assert spki(leaf.public_key()) == spki(csr.public_key())
            serials.add(leaf.serial_number)
        assert len(serials) == len(self.args["requests"]), "a serial number was used twice"
