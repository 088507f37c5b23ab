# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a site: what happens to it in some order, and who must be let in after each step.

What is expected is worked out here, from the inventory and from what was revoked, and never asked of the collection. Every
certificate that a client ever held is kept, and tried again after every step on every server.

PGTLS_ORDERS_STEPS steps are taken in each world; without it a few in one world, with two new CAs, a revocation and
a client that leaves among them.
PGTLS_ORDERS_SEED says which.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.x509.oid import NameOID
from demo_site import CHECKOUT, Site, changed
from somebody_elses_ca import SomebodyElsesCa
from test_site_life import LONG_AGO, coming_all_the_time, conninfo
from test_site_undo import sql

IS_LONG = "PGTLS_ORDERS_STEPS" in os.environ
STEPS = int(os.environ.get("PGTLS_ORDERS_STEPS", "4"))
SEED = int(os.environ.get("PGTLS_ORDERS_SEED", "5585"))
TOTALS: Counter[str] = Counter()
OWN = ("pgtls", "below")
LISTS = (None, True, False)
MODES = ("request", "require", "require_client_certificate")
NAMES = ("app1", "app2", "app3", "app4")
INTERMEDIATES = [
    {"name": "servers", "common_name": "Server CA", "usages": ["server"]},
    {"name": "clients", "common_name": "Client CA", "usages": ["client"]},
]


@dataclass
class Held:
    """A certificate that a client held once: whose it is, which CA signed it, and whether it was revoked."""

    name: str
    common_name: str
    role: str
    generation: int
    folder: Path
    is_revoked: bool = False


@dataclass
class Life:
    """A site, its inventory as it is now, and all that was ever issued.

    clients, absent: the common names of those with either state, by name.
    lists: pgtls_ca_crl, None where the inventory does not say it. provider: as pgtls_ca_provider, or "below" for CAs below the
    site's own root. told: the steps so far, for whoever reads a failure.
    """

    site: Site
    other: Site
    chance: random.Random
    provider: str
    lists: bool | None
    signer: SomebodyElsesCa
    clients: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    mode: str = "require_client_certificate"
    generation: int = 1
    has_other: bool = False
    number: int = 0
    held: list[Held] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Bring the site up with two clients, perhaps so long ago that everything is to be renewed at once."""
        self._write_inventory()
        self.clients = {name: self._new_common_name(name) for name in NAMES[:2]}
        if self.provider in OWN and self.chance.random() < 0.5:
            self._tell("site, 350 days ago")
            self._play("site", before=LONG_AGO, more={"pgtls_ca_crl_lifetime_days": 355})
            self._remember()
            self._look()
            playbook = self.chance.choice(["site", "renew"])
            self._tell(f"{playbook} renews")
            self._play(playbook)
        self._tell("site")
        self._converge()
        self._look()

    def live(self, steps: int) -> None:
        """Take so many steps, and look at everything after each."""
        for _step in range(steps):
            possible = self._possible()
            kind = self.chance.choice(sorted({name.split()[0] for name, _step in possible}))
            name, step = self.chance.choice([one for one in possible if one[0].split()[0] == kind])
            self._tell(name)
            unharmed = [one for one in self.clients if one not in name.split()]
            with coming_all_the_time(self.site, *unharmed) as comings:
                step()
            assert comings.refused == [], f"{self}: {comings.refused[:2]}"
            TOTALS["connections during a step"] += comings.accepted
            TOTALS["steps"] += 1
            self._look()

    def __str__(self) -> str:
        return f"provider {self.provider}, lists {self.lists}, seed {SEED}: " + "; ".join(self.told)

    def _tell(self, what: str) -> None:
        self.told.append(what)
        print(f"{self.provider}, lists {self.lists}: {what}", flush=True)

    def _possible(self) -> list[tuple[str, Callable[[], None]]]:
        """What may happen next, by its words."""
        found: list[tuple[str, Callable[[], None]]] = [
            ("site", self._converge),
            ("renew", lambda: self._settled("renew")),
            ("verify", lambda: self._settled("verify")),
            ("check", self._check),
        ]
        found += [(f"mode {mode}", lambda mode=mode: self._change(mode=mode)) for mode in MODES if mode != self.mode]
        found += [
            (f"remove {name}", lambda name=name: self._remove(name)) for name in self.clients if len(self.clients) > 1
        ]
        found += [
            (f"retire {name}", lambda name=name: self._retire(name)) for name in self.clients if len(self.clients) > 1
        ]
        found += [(f"add {name}", lambda name=name: self._add(name)) for name in NAMES if name not in self.clients]
        found += [(f"rename {name}", lambda name=name: self._rename(name)) for name in self.clients]
        if not self.has_other:
            found.append(("another server", self._add_server))
        found.append((f"killed while {self._new_name()} is added", self._killed))
        if self.provider in OWN:
            found += [
                (f"lists {lists}", lambda lists=lists: self._say_lists(lists)) for lists in LISTS if lists != self.lists
            ]
            known = sorted({one.name for one in self.held if one.generation == self.generation})
            found += [(f"revoke {name}", lambda name=name: self._revoke(name)) for name in known]
            found.append(("rotate", self._rotate))
        return found

    # what happens

    def _converge(self) -> None:
        """Run site.yml until there is nothing to sign elsewhere, and once more, which changes nothing."""
        if self.provider != "external" or self._ask():
            self._play("site")
        self._remember()
        self._settled("site")

    def _ask(self) -> bool:
        """Run site.yml and answer its requests, if any; until then who gets another common name is out, and the proof says so."""
        renamed = {name for name in self.clients if self._holds_another_name(name)}
        output = self._play("site", succeeds=not renamed)
        if renamed:
            failed = re.findall(r"(\S+) with certificate \(", output[output.index("did not end as expected") :])
            assert set(failed) == renamed, f"{self}: {failed} were refused, and not {renamed}\n{output[-3000:]}"
        return bool(self.signer.sign_all())

    def _holds_another_name(self, name: str) -> bool:
        certificate = self.site.directory / f"clients/{name}.crt"
        if not certificate.exists():
            return False
        found = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
        return [one.value for one in found.get_attributes_for_oid(NameOID.COMMON_NAME)] != [self.clients[name]]

    def _settled(self, playbook: str) -> None:
        output = self._play(playbook)
        assert changed(output) == 0, f"{self}: {playbook} changed something\n{changes_of(output)}"
        TOTALS["runs without a change"] += 1

    def _check(self) -> None:
        """Check mode says what another inventory would do, and does nothing."""
        before, kept = self.site.state(), (self.mode, dict(self.clients))
        self.mode = self.chance.choice(MODES)
        self.clients[self.chance.choice(NAMES)] = self._new_common_name("checked")
        self._play("site", "--check", "--diff")
        self.mode, self.clients = kept
        assert self.site.state() == before, f"{self}: check mode wrote"
        self._settled("site")

    def _change(self, mode: str) -> None:
        self.mode = mode
        self._converge()

    def _remove(self, name: str) -> None:
        del self.clients[name]
        self._converge()

    def _retire(self, name: str) -> None:
        """A client that shall be gone: our own CA revokes what it holds, and its files go with it."""
        self.absent[name] = self.clients.pop(name)
        for one in self.held:
            one.is_revoked = one.is_revoked or (one.name == name and self.provider in OWN)
        self._converge()
        assert list((self.site.directory / "clients").glob(f"{name}.*")) == [], f"{self}: files of {name} are left"

    def _add(self, name: str) -> None:
        """A client that was there once comes back as it was, or as somebody else."""
        former = [one.common_name for one in self.held if one.name == name]
        self.clients[name] = self.chance.choice([*former[-1:], self._new_common_name(name)])
        self._converge()

    def _new_name(self) -> str:
        return next((name for name in NAMES if name not in self.clients), NAMES[0])

    def _killed(self) -> None:
        """A run that is killed at any moment is finished by the next one."""
        name = self._new_name()
        self.clients[name] = self._new_common_name(name)
        with subprocess.Popen(
            self._command("site"),
            cwd=CHECKOUT,
            env=self.site.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as run:
            try:
                run.wait(self.chance.uniform(1, 12))
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                TOTALS["killed runs"] += 1
        self._converge()

    def _say_lists(self, lists: bool | None) -> None:
        """The lists that exist stay, and those that are not there yet are made where the inventory says so."""
        self.lists = lists
        self._write_inventory()
        self._converge()

    def _rename(self, name: str) -> None:
        self.clients[name] = self._new_common_name(name)
        self._converge()

    def _revoke(self, name: str) -> None:
        self._play("revoke", more={"pgtls_ca_revocations": [{"name": name, "reason": "keyCompromise"}]})
        for one in self.held:
            one.is_revoked = one.is_revoked or one.name == name
        self._look()
        self._converge()

    def _rotate(self) -> None:
        self.generation += 1
        self._play("rotate_ca")
        self._remember()
        self._settled("site")

    def _add_server(self) -> None:
        self.has_other = True
        self._write_inventory()
        self._converge()

    # the inventory, and running playbooks

    def _write_inventory(self) -> None:
        """The demo's inventory, without what it says about lists where nothing shall be said, and with the other server."""
        folder = self.site.directory / "inventory"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(CHECKOUT / "inventories/demo", folder)
        variables = folder / "group_vars/all.yml"
        said = "" if self.lists is None else f"pgtls_ca_crl: {str(self.lists).lower()}\n"
        variables.write_text(re.sub(r"pgtls_ca_crl: .*\n", said, variables.read_text()))
        if self.has_other:
            port = int(self.other.environment["PGTLS_DEMO_PORT"])
            own = {"pgtls_server_data_directory": str(self.other.directory / "data"), "pgtls_server_port": port}
            (folder / "mobus.json").write_text(json.dumps({"postgres_servers": {"hosts": {"mobus": own}}}))

    def _variables(self) -> dict[str, Any]:
        common: dict[str, Any] = {
            "pgtls_ca_key_type": "ecdsa-p256",
            "pgtls_server_lifetime_days": 365,
            "pgtls_server_tls_mode": self.mode,
            "pgtls_clients": [
                {"name": name, "common_name": common_name, "database_role": name, "hosts": ["apps"], "state": state}
                for state, listed in (("present", self.clients), ("absent", self.absent))
                for name, common_name in listed.items()
                if state == "present" or name not in self.clients
            ],
        }
        if self.provider == "below":
            return {**common, "pgtls_ca_generation": self.generation, "pgtls_ca_intermediates": INTERMEDIATES}
        if self.provider == "pgtls":
            return {**common, "pgtls_ca_generation": self.generation}
        return {**common, **self.signer.variables(self.provider)}

    def _command(self, playbook: str, *options: str, more: dict[str, Any] | None = None) -> list[str]:
        variables = json.dumps({**self._variables(), **(more or {})})
        command = self.site.command(playbook, *options, "-e", variables)
        command[command.index("inventories/demo")] = str(self.site.directory / "inventory")
        return command

    def _play(
        self,
        playbook: str,
        *options: str,
        more: dict[str, Any] | None = None,
        before: tuple[str, ...] = (),
        succeeds: bool = True,
    ) -> str:
        command, environment = [*before, *self._command(playbook, *options, more=more)], self.site.environment
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        ended = f"{self}: {playbook} ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-1000:]}"
        assert (done.returncode == 0) == succeeds, ended
        TOTALS["runs"] += 1
        return done.stdout + ("" if succeeds else done.stderr)

    def _new_common_name(self, name: str) -> str:
        self.number += 1
        return f"{name} number {self.number}"

    # who gets in

    def _remember(self) -> None:
        """Keep a copy of every certificate that is new, with its key, as whoever held it may have."""
        for name, common_name in self.clients.items():
            certificate = self.site.directory / f"clients/{name}.crt"
            if any(
                one.name == name and (one.folder / "own.crt").read_bytes() == certificate.read_bytes()
                for one in self.held
            ):
                continue
            folder = self.site.directory / f"held/{len(self.held)}"
            folder.mkdir(parents=True)
            for kind in ("crt", "key"):
                shutil.copy(certificate.with_suffix(f".{kind}"), folder / f"own.{kind}")
            self.held.append(Held(name, common_name, name, self.generation, folder))

    def _look(self) -> None:
        """Let everybody who ever held a certificate try every role on every server, and somebody without one."""
        for site in (self.site, self.other) if self.has_other else (self.site,):
            for one in self.held:
                for role in {one.role, *list(self.clients)[:1]}:
                    self._try(site, one, role)
            self._try_without(site)

    def _try(self, site: Site, one: Held, role: str) -> None:
        is_listed = self.clients.get(one.name) is not None and one.common_name in self.clients.values()
        may = role == one.role and is_listed and not one.is_revoked and one.generation == self.generation
        files = {"sslcert": str(one.folder / "own.crt"), "sslkey": str(one.folder / "own.key"), "user": role}
        answer = self._connect(site, files)
        what = f"{one.name} as {role} with {one.common_name!r} (revoked: {one.is_revoked}, generation {one.generation})"
        assert (answer is None) == may, f"{self}: {what} was {'let in' if answer is None else f'refused: {answer}'}"

    def _try_without(self, site: Site) -> None:
        """A user with a password needs no certificate, and TLS unless the mode is request; nobody is a client without one."""
        nothing = {"sslcert": "/nonexistent", "sslkey": "/nonexistent"}
        name = next(iter(self.clients))
        assert self._connect(site, {**nothing, "user": name}) is not None, (
            f"{self}: {name} got in without a certificate"
        )
        password = {**nothing, "user": "report", "password": self.site.environment["PGTLS_DEMO_PASSWORD"]}
        assert self._connect(site, password) is None, f"{self}: the user with a password did not get in"
        plain = self._connect(site, {**password, "sslmode": "disable"})
        assert (plain is None) == (self.mode == "request"), f"{self}: without TLS: {plain}"

    def _connect(self, site: Site, files: dict[str, str]) -> str | None:
        """What the server has against a connection, None when it lets it in."""
        port = site.environment["PGTLS_DEMO_PORT"]
        TOTALS["connections"] += 1
        try:
            psycopg.connect(**{**conninfo(self.site, "any"), "port": port, **files}).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None


def changes_of(output: str) -> str:
    """The lines of a run that say what was changed, each with its task."""
    task, found = "", []
    for line in output.splitlines():
        task = line if line.startswith("TASK") else task
        if line.startswith("changed:"):
            found.append(f"{task}\n{line[:400]}")
    return "\n".join(found)


def prepare_other(site: Site, other: Site) -> None:
    """Give the second server the same password for the user who has one."""
    sql(other, f"ALTER ROLE report PASSWORD '{site.environment['PGTLS_DEMO_PASSWORD']}'")
