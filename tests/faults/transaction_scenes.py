# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of pg_transaction on a server that serves TLS: its files are remembered, kept, or put back with the server."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from certificate_scenes import SERVER, leaf_of, public_key_of, spki
from cryptography.hazmat.primitives.serialization import Encoding
from pictures import Item, look, place
from server_scenes import ServerScene

CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
OTHERS = ("server.crt", "server.key", "server.key.next", "root.crt")
JOURNAL = "pgtls-transaction.json"
SETTINGS = {"old": "4MB", "new": "7MB"}
NOW_AND_THEN = 5


class TransactionScene(ServerScene):
    """Seven files of one server, the old and the new ones. What a state allows is said below."""

    module = "pg_transaction"
    allowed: tuple[str, ...] = ()

    def prepare(self) -> None:
        self.data = self.cluster.data_directory
        self._do("ca", self.ca())
        self.items = {"old": self.files_of("old"), "new": self.files_of("new")}
        files = [os.path.join(self.data, name) for name in OTHERS]
        self.common = {"data_directory": self.data, "files": files, "takeover_seconds": 0, **self.cluster.login}
        self.args = {**self.common, "state": self.act}
        self.mixed = 0

    def files_of(self, which: str) -> dict[str, Item | None]:
        """The covered files as they shall be, None for one that shall not be."""
        self.issue([self.item(which, **SERVER)])
        status = os.stat(self.data)
        texts: dict[str, str] = {name: self.plain(name) for name in CONFIGURATION}
        texts["server.crt"] = Path(self.path(f"hosts/{which}/own.fullchain.crt")).read_text()
        texts["server.key"] = Path(self.path(f"hosts/{which}/own.key")).read_text()
        texts["root.crt"] = Path(self.path("ca/ca.crt")).read_text()
        texts["postgresql.conf"] += f"ssl = on\nssl_ca_file = 'root.crt'\nwork_mem = {SETTINGS[which]}\n"
        if which == "new":
            texts["pg_hba.conf"] += "hostssl all app1 10.0.0.0/8 cert\n"
            texts["pg_ident.conf"] += "clients CN app\n"
            texts["server.key.next"] = texts["server.key"]
        modes = {"pg_ident.conf": 0o640 if which == "new" else 0o600}
        return {
            name: Item("file", status.st_uid, status.st_gid, modes.get(name, 0o600), texts[name].encode())
            if name in texts
            else None
            for name in CONFIGURATION + OTHERS
        }

    def plain(self, name: str) -> str:
        """A file of the server as it was before the first of these scenes."""
        kept = os.path.join(os.path.dirname(self.data), f"{name}.plain")
        if not os.path.exists(kept):
            Path(kept).write_text(Path(self.data, name).read_text())
        return Path(kept).read_text()

    def put(self, which: str) -> None:
        """Let the files be the old or the new ones, and the server use them."""
        if which == self.now():
            return
        for name, item in self.items[which].items():
            path = os.path.join(self.data, name)
            if item is None and os.path.lexists(path):
                os.unlink(path)
            elif item is not None and look(path) != item:
                place(path, item)
        since = self.cluster.sql("SELECT pg_conf_load_time()")
        self.cluster.reload()
        while self.cluster.sql("SELECT pg_conf_load_time()") == since:
            time.sleep(0.01)
        assert self.now() == which

    def now(self) -> str | None:
        """Which files are there and in use, None for a mixture."""
        for which, items in self.items.items():
            if all(look(os.path.join(self.data, name)) == item for name, item in items.items()):
                used = self.cluster.sql("SHOW work_mem") == [(SETTINGS[which],)]
                return (
                    which
                    if used and served(self.cluster.port) == fingerprint(self.path(f"hosts/{which}/own.crt"))
                    else None
                )
        return None

    def begin(self) -> None:
        self._do(self.module, {**self.common, "state": "begun"})

    @property
    def state(self) -> str:
        """Where root keeps the journal of this server; any other user keeps it in the data directory."""
        if os.geteuid() != 0:
            return self.data
        return os.path.join("/var/lib/pgtls", sha256(os.path.realpath(self.data).encode()).hexdigest()[:32])

    def traces(self) -> list[str]:
        places = {self.data, self.state} if os.path.isdir(self.state) else {self.data}
        return sorted(name for place in places for name in os.listdir(place) if "pgtls" in name)

    def reset(self) -> None:
        for name in self.traces():
            place = self.state if os.path.lexists(os.path.join(self.state, name)) else self.data
            os.unlink(os.path.join(place, name))
        self.put("old")

    def journal(self) -> dict[str, Any] | None:
        item = look(os.path.join(self.state, JOURNAL))
        if item is None:
            return None
        assert (item.mode, item.uid) == (0o600, os.geteuid()), f"the journal is {item}"
        journal: dict[str, Any] = json.loads(item.content or b"")
        return journal

    def check_killed(self, where: str) -> None:
        self.kills += 1
        for name in CONFIGURATION + OTHERS:
            found = look(os.path.join(self.data, name))
            assert found in [self.items[which][name] for which in self.allowed], (
                f"{name} is neither old nor new: {found}"
            )
        self.check_remembered()
        certificate, key = (os.path.join(self.data, name) for name in ("server.crt", "server.key"))
        if spki(leaf_of(certificate).public_key()) != public_key_of(key):
            self.mixed += 1
        elif self.kills % NOW_AND_THEN == 0:
            self.restart()

    def check_remembered(self) -> None:
        """What is remembered is whole; and as long as the journal counts on it, it is there."""
        for name in self.traces():
            if ".pgtls-before-" in name:
                covered = name[1:].rpartition(".pgtls-before-")[0]
                found = look(os.path.join(self.data, name))
                assert found == self.items["old"][covered], f"{name} is not the old {covered}: {found}"
        journal = self.journal()
        if journal is None or journal["closed"]:
            return
        remembered = {name[1:].rpartition(".pgtls-before-")[0] for name in self.traces() if name.startswith(".")}
        for one in journal["files"]:
            assert not (one["made"] and one["existed"]) or os.path.basename(one["target"]) in remembered, one["path"]

    def finish(self) -> None:
        super().finish()
        self.reset()

    def notes(self) -> list[str]:
        return []


class BeginScene(TransactionScene):
    """Everything is remembered; now and then all is changed afterwards, and the transaction undone."""

    act, share, allowed = "begun", 30, ("old",)

    def check_done(self, result: dict[str, Any]) -> None:
        self.check_remembered()
        journal = self.journal()
        assert journal is not None and not journal["closed"] and all(one["made"] for one in journal["files"])
        names = sorted(os.path.basename(path) for path in result["covered"])
        assert names == sorted(CONFIGURATION + OTHERS)
        if self.kills % NOW_AND_THEN == 1:
            self.put("new")
            undone = self._do(self.module, {**self.common, "state": "undone"})
            changed = sorted(name for name in self.items["old"] if self.items["old"][name] != self.items["new"][name])
            assert sorted(os.path.basename(path) for path in undone["restored"]) == changed
            assert (self.now(), self.traces()) == ("old", [])
            self.begin()

    def had_work(self, result: dict[str, Any]) -> bool:
        return not result["resumed"]


class CommitScene(TransactionScene):
    """All is changed and stays so."""

    act, share, allowed = "committed", 20, ("new",)

    def reset(self) -> None:
        super().reset()
        self.begin()
        self.put("new")

    def check_done(self, result: dict[str, Any]) -> None:
        assert (self.now(), self.traces()) == ("new", [])

    def had_work(self, result: dict[str, Any]) -> bool:
        return bool(result["committed"])

    def finish(self) -> None:
        super().finish()
        self._do(self.module, {**self.common, "state": "undone"})


class UndoScene(TransactionScene):
    """All is changed and in use, and is put back, the server with it."""

    act, share, allowed = "undone", 40, ("old", "new")

    def reset(self) -> None:
        super().reset()
        self.begin()
        self.put("new")

    def check_killed(self, where: str) -> None:
        super().check_killed(where)
        if any(look(os.path.join(self.data, name)) != item for name, item in self.items["old"].items()):
            journal = self.journal()
            assert journal is not None and not journal["closed"], "nothing tells that the rest is to be put back"

    def check_done(self, result: dict[str, Any]) -> None:
        assert (self.now(), self.traces()) == ("old", [])

    def notes(self) -> list[str]:
        return [
            f"pg_transaction undone: certificate and key were a mixed pair after {self.mixed} of {self.kills} kills"
        ]


def served(port: int) -> str:
    """The SHA-256 fingerprint of the certificate that a server serves."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(struct.pack("!ii", 8, 80877103))  # SSLRequest
        if plain.recv(1) != b"S":
            return ""
        with context.wrap_socket(plain) as stream:
            return sha256(stream.getpeercert(True) or b"").hexdigest()


def fingerprint(path: str) -> str:
    return sha256(leaf_of(path).public_bytes(Encoding.DER)).hexdigest()
