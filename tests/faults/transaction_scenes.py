# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of pg_server: a whole server is changed, or it is as it was and the next run says that it undid something."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from actors import Moment
from certificate_scenes import leaf_of, public_key_of, spki
from cryptography.hazmat.primitives.serialization import Encoding
from pictures import Item, check_key, leftovers, look, place
from server_scenes import ServerScene

CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
FILES = (*CONFIGURATION, "tls.crt", "tls.key", "tls.key.next", "root.pem")
JOURNAL = "pgtls-transaction.json"
NOW_AND_THEN = 5
PATIENCE_SECONDS = 30
# No server has it, and only the running one can tell: what expects it fails after everything up to the restart was done.
IMPOSSIBLE = {"server_version": "1"}


@dataclass(frozen=True)
class ServerState:
    """What a run may change: the files (None is not there), the login roles, and a setting that only a restart changes."""

    files: dict[str, Item | None]
    roles: list[str]
    max_connections: str


def rules(*names: str) -> dict[str, Any]:
    """The options that let clients in by certificate."""
    mappings = [{"map": "clients", "system_user": f"PostgreSQL {name}", "database_user": name} for name in names]
    let_in = {"type": "hostssl", "user": list(names), "address": "127.0.0.1/32", "method": "cert"}
    shut_out = {"type": "hostnossl", "address": "all", "method": "reject"}
    return {
        "roles": list(names),
        "mapping_blocks": [{"block": "clients", "mappings": mappings}],
        "rule_blocks": [
            {"block": "clients", "placement": "first", "rules": [{**let_in, "options": {"map": "clients"}}, shut_out]}
        ],
    }


class ServerRunScene(ServerScene):
    """A server before a run and after it; what lies between is allowed only while an open journal says that it is undone."""

    module, has_keys = "pg_server", True
    stock = False  # whether nothing was done to the server before

    def changes(self) -> dict[str, Any]:
        """What the run wants otherwise than it is."""
        return {}

    def prepare(self) -> None:
        self.data = self.cluster.data_directory
        made = self._do("ca", self.ca())
        self.issue([self.item("app1", common_name="PostgreSQL app1")])
        self.mixed, self.was_open = 0, False
        places = {"private_key": "tls.key", "certificate": "tls.crt", "root": "root.pem"}
        self.entry = {"name": "db1", "common_name": "db1", "dns_names": ["localhost"], "usages": ["server"], **places}
        files = {"ssl_cert_file": "tls.crt", "ssl_key_file": "tls.key", "ssl_ca_file": "root.pem"}
        self.options = {
            "data_directory": self.data,
            "certificates": [self.entry],
            "issuer_pem": made["chain_pem"],
            "trusted_pem": made["trusted_pem"],
            "settings": {"ssl": True, **files, "max_connections": 30},
            "restart": "if_pending",
            **rules("app1"),
        }
        if not self.stock:
            self._do(self.module, self.answered(self.options))
        self.args = self.answered({**self.options, **self.changes()})
        self.start = self.seen()
        self._do(self.module, self.args)
        self.end = self.seen()
        assert self.start != self.end
        self.reset()

    def answered(self, options: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the second call of a site: with what the CA answers to the first one."""
        requests = self._do(self.module, options)["requests"] if self.is_due(options) else []
        if not requests:
            return options
        entry = {name: self.entry[name] for name in ("name", "common_name", "dns_names", "usages")}
        asked = {"certificates": [entry], "requests": requests}
        signed = self._do("certificate_sign", {"directory": self.path("ca"), **asked})
        return {**options, "signed": signed["certificates"]}

    def is_due(self, options: dict[str, Any]) -> bool:
        """Whether the call would end with requests; one that would not is the run itself."""
        return options["certificates"] != [self.entry] or look(os.path.join(self.data, "tls.crt")) is None

    def seen(self) -> ServerState:
        files = {name: look(os.path.join(self.data, name)) for name in FILES}
        roles = [
            row[0] for row in self.cluster.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'app%' ORDER BY 1")
        ]
        return ServerState(files, roles, self.cluster.sql("SHOW max_connections")[0][0])

    @property
    def state_directory(self) -> str:
        """Where root keeps the journal of this server; any other user keeps it in the data directory."""
        if os.geteuid() != 0:
            return str(self.data)
        return os.path.join("/var/lib/pgtls", sha256(os.path.realpath(self.data).encode()).hexdigest()[:32])

    def traces(self) -> list[str]:
        """Whatever a run of ours keeps for itself."""
        places = {self.data, self.state_directory}
        names = {place: os.listdir(place) if os.path.isdir(place) else [] for place in places}
        return sorted(os.path.join(place, name) for place in names for name in names[place] if "pgtls" in name)

    def reset(self) -> None:
        for path in self.traces():
            os.unlink(path)
        self.put(self.start)

    def put(self, state: ServerState) -> None:
        """Let the server be as it was seen."""
        for name, item in state.files.items():
            path = os.path.join(self.data, name)
            if item is None and os.path.lexists(path):
                os.unlink(path)
            elif item is not None and look(path) != item:
                place(path, item)
        if not self.is_running():
            self.cluster.start()
        gone = [name for name in self.seen().roles if name not in state.roles]
        self.cluster.sql("".join(f"DROP ROLE {name}; " for name in gone) or "SELECT 1")
        if self.cluster.sql("SHOW max_connections")[0][0] != state.max_connections:
            self.restart()
        since = self.cluster.sql("SELECT pg_conf_load_time()")
        time.sleep(0.02)  # a load within the kernel's tick of the files is none that a run may count on
        self.cluster.reload()
        self.wait_for(lambda: self.cluster.sql("SELECT pg_conf_load_time()") != since, "the server does not reload")
        self.wait_for(lambda: self.serves(state), "the server does not serve the certificate of its files")
        assert self.seen() == state

    def serves(self, state: ServerState) -> bool:
        return served(self.cluster.port) == (fingerprint(self.file("tls.crt")) if state.files["tls.crt"] else "")

    def file(self, name: str) -> str:
        return os.path.join(self.data, name)

    def wait_for(self, is_so: Any, otherwise: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < end, otherwise
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Whether the server accepts connections, once it has done what a killed run told it: to stop or to start."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if not os.path.exists(self.file("postmaster.pid")):
                return False
            with suppress(subprocess.CalledProcessError):
                self.cluster.sql("SELECT 1")
                return True
            time.sleep(0.05)
        raise AssertionError("the server neither runs nor stops")

    def log_in(self) -> str:
        """Log in as the client that can before the run, with its certificate."""
        words = {
            "host": "localhost",
            "port": str(self.cluster.port),
            "dbname": "postgres",
            "user": "app1",
            "sslmode": "verify-full",
            "sslrootcert": self.path("ca/ca.crt"),
            "sslcert": self.path("hosts/app1/own.crt"),
            "sslkey": self.path("hosts/app1/own.key"),
        }
        conninfo = " ".join(f"{word}='{value}'" for word, value in words.items())
        command = [os.path.join(self.cluster.bin_directory, "psql"), "-XAtc", "SELECT current_user", conninfo]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": self.path("hosts")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return (done.stdout + done.stderr).strip()

    def check_client(self) -> None:
        if self.start.roles:
            assert self.log_in() == "app1"

    def journal(self) -> dict[str, Any] | None:
        item = look(os.path.join(self.state_directory, JOURNAL))
        if item is None:
            return None
        assert (item.mode, item.uid) == (0o600, os.geteuid()), f"the journal is {item}"
        journal: dict[str, Any] = json.loads(item.content or b"")
        return journal

    def check_killed(self, where: str) -> None:
        self.kills += 1
        found = {name: look(self.file(name)) for name in FILES}
        for name, item in found.items():
            allowed = (self.start.files[name], self.end.files[name])
            assert item in allowed, f"{name} is neither as before nor as wanted: {item}"
        self.check_remembered()
        journal = self.journal()
        self.was_open = journal is not None and not journal["closed"]
        if not self.was_open:
            assert found in (self.start.files, self.end.files), "a mixture of files, and no journal says so"
        if self.is_running():
            self.check_client()
            if self.kills % NOW_AND_THEN == 0 and not self.is_mixed():
                self.restart()
        elif not self.is_mixed() and self.kills % 2:
            self.cluster.start()
            self.starts += 1
        if self.is_running():
            self.check_client()

    def is_mixed(self) -> bool:
        """Whether the run was killed between the names of a key and its certificate: no server starts from that."""
        if look(self.file("tls.crt")) is None:
            return False
        is_mixed = spki(leaf_of(self.file("tls.crt")).public_key()) != public_key_of(self.file("tls.key"))
        self.mixed += is_mixed
        return is_mixed

    def check_remembered(self) -> None:
        """What is remembered is whole; and as long as the journal counts on it, it is there."""
        remembered = set()
        for path in self.traces():
            name = os.path.basename(path)
            if name.startswith(".") and ".pgtls-before-" in name:
                covered = name[1:].rpartition(".pgtls-before-")[0]
                remembered.add(covered)
                assert look(path) == self.start.files[covered], f"{name} is not {covered} as it was: {look(path)}"
        journal = self.journal()
        assert journal is not None or not remembered, f"no journal knows that {sorted(remembered)} are remembered"
        for one in journal["files"] if journal is not None and not journal["closed"] else ():
            assert not (one["made"] and one["existed"]) or os.path.basename(one["target"]) in remembered, one["path"]

    def check_done(self, result: dict[str, Any]) -> None:
        assert result["undone"] == self.was_open, "what a killed run left is undone, and the result says so"
        assert self.seen() == self.end
        assert self.traces() == []
        assert self.serves(self.end), "another certificate is served"
        assert self.log_in() == "app1"

    def notes(self) -> list[str]:
        if not self.mixed:
            return []
        return [f"{self.title()}: certificate and key were a mixed pair after {self.mixed} of {self.kills} kills"]


class FirstScene(ServerRunScene):
    """A stock server comes to speak TLS and to let a client in."""

    act, share, stock = "first", 110, True


class RenewalScene(ServerRunScene):
    """A new key and a certificate for it, and nothing else."""

    act, share = "renewal", 110

    def changes(self) -> dict[str, Any]:
        return {"certificates": [{**self.entry, "key_type": "ecdsa-p384"}]}


class RestartScene(ServerRunScene):
    """A setting that only a restart puts to use."""

    act, share = "restart", 80

    def changes(self) -> dict[str, Any]:
        return {"settings": {**self.options["settings"], "max_connections": 33, "work_mem": "9MB"}}


class RulesScene(ServerRunScene):
    """One more client: its role, map and rule."""

    act, share = "rules", 80

    def changes(self) -> dict[str, Any]:
        return rules("app1", "app2")


class EverythingScene(ServerRunScene):
    """A new key, a setting that needs a restart, and one more client."""

    act, share = "everything", 40

    def changes(self) -> dict[str, Any]:
        settings = {**self.options["settings"], "max_connections": 33}
        certificates = [{**self.entry, "key_type": "ecdsa-p384"}]
        return {"certificates": certificates, "settings": settings, **rules("app1", "app2")}


class FailureScene(EverythingScene):
    """The same, and it fails after the restart: all is undone, with another restart."""

    act, share = "failure", 80

    def prepare(self) -> None:
        super().prepare()
        self.next_args = self.args
        self.args = {**self.args, "expected_settings": IMPOSSIBLE}

    def check_whole(self, result: dict[str, Any]) -> None:
        assert result["failed"] and "the server is as it was before" in result["msg"], result
        assert self.seen() == self.start
        assert self.traces() == []
        self.check_client()


class RollbackScene(EverythingScene):
    """The same, killed near its end: the next run, which is killed as well, undoes it."""

    act, share = "rollback", 80

    def prepare(self) -> None:
        self.first_kill: Moment | None = None
        super().prepare()
        _run, course = self.stage.measure(self.module, self.args)
        for last in range(len(course.hot), 0, -5):
            self.first_kill = Moment(hot=last)
            self.reset()
            files = {name: look(self.file(name)) for name in FILES}
            journal = self.journal()
            if journal is not None and not journal["closed"] and files == self.end.files:
                return
        raise AssertionError("no moment was found at which all is written and nothing committed")

    def reset(self) -> None:
        super().reset()
        if self.first_kill is not None:
            self.stage.run(self.module, self.args, **self.first_kill.stop)

    def check_whole(self, result: dict[str, Any]) -> None:
        super().check_whole(result)
        assert result["undone"] is True


class WaitingKeyScene(ServerRunScene):
    """The first call of a site, which makes a key and nothing else."""

    act, share, settles, stock = "request", 10, False, True

    def prepare(self) -> None:
        super().prepare()
        self.start = replace(self.start, files={**self.start.files, "tls.key": None})
        self.args = self.options
        self.reset()

    def check_killed(self, where: str) -> None:
        for name in FILES:
            assert name == "tls.key" or look(self.file(name)) == self.start.files[name], name
        if os.path.lexists(self.file("tls.key")):
            check_key(self.file("tls.key"))
        kept = set(self.traces()) - set(leftovers(self.data))
        assert not kept, f"making a key needs no journal, and {where} there is {sorted(kept)}"
        assert self.is_running()

    def check_done(self, result: dict[str, Any]) -> None:
        assert [one["name"] for one in result["requests"]] == ["db1"] and not result["undone"]
        assert public_key_of(self.file("tls.key"))


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
