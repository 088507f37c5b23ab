# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that keep running while their files change: a renewal, and every phase of a rollover of the CA; the page says the same."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import page
import pytest
from clusters import Cluster
from forms import FORMS, HOST, ROLE, reload_with, serial_number, succeeded
from inventory import entries_of
from programs import CLIENTS, PGXPOOL, Client, Presented, Talk

EVERYBODY = (*CLIENTS, PGXPOOL)
CLIENT = {"common_name": ROLE, "usages": ["client"]}


class Site:
    """A root that signs for a server and two clients, one with its files in PEM and one with PKCS#12."""

    def __init__(self, folder: Path, server: Cluster) -> None:
        self.ca, self.server = str(folder / "ca"), server
        root = succeeded("ca", directory=self.ca, common_name="Root", lifetime_days=3000)
        self.issuer_pem, self.trusted_pem = root["chain_pem"], root["chain_pem"]
        self.served = {**FORMS["pem"].item("db", folder / "db"), "common_name": HOST, "usages": ["server"]}
        self.served["dns_names"] = [HOST]
        self.clients = {form: {**FORMS[form].item(form, folder / form), **CLIENT} for form in ("pem", "store")}
        self.deliver()

    def deliver(self) -> None:
        """Issue what is due, and have the server use what it has."""
        items = [self.served, *self.clients.values()]
        known = {"certificates": items, "trusted_pem": self.trusted_pem}
        requests = succeeded("certificate_request", issuer_pem=self.issuer_pem, **known)["requests"]
        asked = {"directory": self.ca, "certificates": entries_of(items), "requests": requests}
        signed = succeeded("certificate_sign", **asked)["certificates"]
        succeeded("certificate_install", signed=signed, **known)
        reload_with(self.server, self.served, self.served["root"])

    def roll_over(self, phase: str) -> None:
        """Go one phase on, everywhere."""
        step = {"directory": self.ca, "generation": 2, "phase": phase}
        found = succeeded("ca_rollover", **step)
        self.issuer_pem, self.trusted_pem = found["chain_pem"], found["trusted_pem"]
        self.deliver()
        succeeded("ca_rollover", completed=True, **step)

    def presented(self, client: Client) -> Presented:
        form = "store" if client.title == "pgjdbc" else "pem"
        item = self.clients[form]
        files = (item["root"], item["certificate"], item[FORMS[form].private_key])
        return Presented(HOST, self.server.port, ROLE, *files, FORMS[form].passphrase)

    def certificate_shown(self, client: Client, program: Talk) -> int | None:
        """The serial number of the certificate that a running program presents now; None when it is refused."""
        outcome, said = program.connect(self.presented(client))
        return int(said.split()[-2]) if outcome == "connected" else None

    def serial(self, client: Client) -> int:
        return serial_number(self.clients["store" if client.title == "pgjdbc" else "pem"])


@pytest.fixture
def site(tmp_path: Path, server: Cluster) -> Site:
    return Site(tmp_path, server)


def starting(client: Client, stack: ExitStack) -> Talk:
    return stack.enter_context(client.running())


def by_client(column: str) -> dict[str, str]:
    """A column of the table of the page."""
    head, *rows = page.table("A program that runs")
    return {client: row[head.index(column)] for row in rows for client in row[0].split(", ")}


def test_a_renewal_reaches_the_programs_that_the_page_names(site: Site) -> None:
    found: dict[str, str] = {}
    with ExitStack() as stack:
        programs = {client: starting(client, stack) for client in EVERYBODY}
        old = {client: site.certificate_shown(client, programs[client]) for client in EVERYBODY}
        assert old == {client: site.serial(client) for client in EVERYBODY}
        for item in site.clients.values():
            item["subject"] = {"OU": "renewed"}
        site.deliver()
        for client in EVERYBODY:
            shown = site.certificate_shown(client, programs[client])
            found[client.title] = {site.serial(client): "the new one", old[client]: "the old one"}[shown]
            assert site.certificate_shown(client, starting(client, stack)) == site.serial(client)
    assert found == by_client("presents after a renewal")


def test_a_rollover_takes_along_the_programs_that_the_page_names(site: Site) -> None:
    """One program is started before each phase; after each phase all connect anew."""
    phases, runs = ("introduce", "reissue", "retire"), dict[tuple[str, str], list[Any]]()
    with ExitStack() as stack:
        programs: dict[tuple[Client, str], Talk] = {}
        for phase in phases:
            for client in EVERYBODY:
                programs[client, phase] = starting(client, stack)
                assert site.certificate_shown(client, programs[client, phase]) == site.serial(client)
            site.roll_over(phase)
            for (client, started), program in programs.items():
                shown = site.certificate_shown(client, program)
                runs.setdefault((client.title, started), []).append(shown is not None)
    reads_at_start = {client for client, word in by_client("reads its files").items() if word == "when it starts"}
    expected = {
        (client.title, started): [True] * (len(phases) - number)
        for client in EVERYBODY
        for number, started in enumerate(phases)
    }
    for client in reads_at_start:
        # Without the new root it refuses the server from reissue on, and with the old certificate it is refused in retire.
        expected.update({(client, "introduce"): [True, False, False], (client, "reissue"): [True, False]})
    assert runs == expected
