# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every client library with files of every form and every type of key, against a real server; the page says the same."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import page
import pytest
from clusters import Cluster
from forms import FORMS, KEY_TYPES, Family
from programs import CLIENTS, Client, Presented

# The last two have a leaf of another kind than its CAs.
KINDS = {kind: (kind, kind) for kind in KEY_TYPES}
KINDS |= {"ecdsa below rsa": ("ecdsa-p256", "rsa-2048"), "rsa below ecdsa": ("rsa-2048", "ecdsa-p384")}
BY_TITLE = {client.title: client for client in CLIENTS}


class Outcomes:
    """What came of each form at each client, with every kind of key."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.refusals: dict[str, set[str]] = defaultdict(set)
        self.wrong: list[str] = []

    def note(self, client: str, form: str, answer: tuple[str, str], identity: str) -> None:
        outcome, said = answer
        self.counted[FORMS[form].title, client][outcome] += 1
        if outcome == "refused":
            self.refusals[client].add(re.sub(r"/[\w./-]+/(own\.\w+)", r"\1", said))
        elif said != identity:
            self.wrong.append(f"{client}, {form}: {said} instead of {identity}")

    def word(self, cell: tuple[str, str]) -> str:
        """What the page should say."""
        found = self.counted[cell]
        return {("connected",): "yes", ("refused",): "no"}.get(tuple(found), f"some: {dict(found)}")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Family]:
    return {
        kind: Family(tmp_path_factory.mktemp("family"), leaf, authority) for kind, (leaf, authority) in KINDS.items()
    }


@pytest.fixture(scope="module")
def outcomes(server: Cluster, families: dict[str, Family]) -> Outcomes:
    found = Outcomes()
    for family in families.values():
        identities = {form: family.identity(form) for form in FORMS}
        family.serve(server)
        for client in CLIENTS:
            with client.running() as program:
                for form in FORMS:
                    answer = program.connect(family.presented(form, server.port))
                    found.note(client.title, form, answer, f"{identities[form]} TLSv1.3")
    return found


def test_the_page_says_who_opens_what(outcomes: Outcomes) -> None:
    said = page.who_opens_what()
    assert said == {cell: outcomes.word(cell) for cell in outcomes.counted}
    assert {sum(counts.values()) for counts in outcomes.counted.values()} == {len(KINDS)}


def test_who_connects_is_who_the_certificate_says(outcomes: Outcomes) -> None:
    assert outcomes.wrong == []


def test_the_page_has_the_words_of_every_refusal(outcomes: Outcomes) -> None:
    known = page.messages()
    for client, reasons in outcomes.refusals.items():
        unknown = {reason for reason in reasons if not any(message in reason for message in known[client])}
        assert unknown == set(), client
        unused = {message for message in known[client] if not any(message in reason for reason in reasons)}
        assert unused == set(), client


def test_every_form_but_the_refused_one_is_opened_by_somebody(outcomes: Outcomes) -> None:
    opened = {form for (form, _client), counts in outcomes.counted.items() if counts["connected"]}
    assert {form.title for form in FORMS.values()} - opened == {FORMS["encrypted-der"].title}


def test_with_tls_1_2_a_key_must_be_of_a_curve_of_the_server(server: Cluster, families: dict[str, Family]) -> None:
    """The server takes P-256 alone by default, whatever the form; the page says how it takes P-384."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for curve, kinds in (("prime256v1", KINDS), ("secp384r1", ("ecdsa-p256", "ecdsa-p384"))):
        server.configure(f"ssl_ecdh_curve = '{curve}'\n")
        for kind in kinds:
            families[kind].serve(server, "TLSv1.2")
            for client in CLIENTS:
                with client.running() as program:
                    outcome, said = program.connect(families[kind].presented(form_of(client), server.port))
                found[curve, outcome].add(kind)
                assert "TLSv1.2" in said if outcome == "connected" else last_tls_error(server) == "wrong curve", said
    server.configure("ssl_ecdh_curve = 'prime256v1'\n")
    assert found == {
        ("prime256v1", "connected"): set(KINDS) - {"ecdsa-p384"},
        ("prime256v1", "refused"): {"ecdsa-p384"},
        ("secp384r1", "connected"): {"ecdsa-p384"},
        ("secp384r1", "refused"): {"ecdsa-p256"},
    }


def last_tls_error(server: Cluster) -> str:
    """Why the server refused a handshake; the alert may get lost with the connection."""
    log = Path(server.log).read_text(encoding="utf-8")
    return re.findall("could not accept SSL connection: (.*)", log)[-1]


def form_of(client: Client) -> str:
    return "store" if client.title == "pgjdbc" else "pem"


@pytest.fixture(scope="module")
def other_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Family(tmp_path_factory.mktemp("other"), "ecdsa-p256").root


@pytest.fixture(scope="module")
def answers(server: Cluster, families: dict[str, Family], other_root: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """What came of connections that are right, and wrong in one way each, by client."""
    family, found = families["ecdsa-p256"], defaultdict[str, dict[str, tuple[str, str]]](dict)
    for item in (family.server, family.elsewhere):
        family.serve(server, item=item)
        for client in CLIENTS:
            right = family.presented(form_of(client), server.port)
            attempts = {
                "right": right,
                "another root": replace(right, root=str(other_root)),
                "no certificate": replace(right, certificate=None, private_key=None, passphrase=None),
            }
            if item is family.elsewhere:
                attempts = {"another name": right, "an address": replace(right, host="127.0.0.1")}
            with client.running() as program:
                found[client.title].update({name: program.connect(one) for name, one in attempts.items()})
    return found


@pytest.mark.parametrize("title", BY_TITLE)
def test_every_client_verifies_the_server_and_needs_a_certificate(title: str, answers: dict) -> None:
    assert {name: outcome for name, (outcome, _said) in answers[title].items()} == {
        "right": "connected",
        **dict.fromkeys(("another root", "no certificate", "another name", "an address"), "refused"),
    }
    assert "connection requires a valid client certificate" in answers[title]["no certificate"][1]
    root = r"certificate verify failed|does not chain|unable to (verify|get) |unknown authority|self.signed certificate"
    assert re.search(root, answers[title]["another root"][1]), answers[title]["another root"][1]
    for name in ("another name", "an address"):
        assert re.search(r"localhost|127\.0\.0\.1", answers[title][name][1]), answers[title][name][1]


@pytest.mark.parametrize("title", BY_TITLE)
def test_the_page_shows_the_connection_that_is_tried(title: str) -> None:
    shown = {
        "pem": ("/etc/pgtls/client/shop.crt", "/etc/pgtls/client/shop.key", None),
        "store": ("/etc/pgtls/client/shop.crt", "/etc/pgtls/client/shop.p12", "PASSPHRASE"),
        "der": ("/etc/pgtls/client/shop.crt", "/etc/pgtls/client/shop.pk8", None),
        "encrypted": ("/etc/pgtls/client/shop.crt", "/etc/pgtls/client/shop.key", "PASSPHRASE"),
    }
    snippets, client = page.snippets(), BY_TITLE[title]
    for form, files in shown.items():
        if page.who_opens_what()[FORMS[form].title, title] == "yes" and (title, form) not in SAME:
            presented = Presented("raxus.swgalaxy", 5501, "shop_rw", "/etc/pgtls/client/rootCA.pem", *files)
            assert any(client.connection(presented) in snippet for snippet in snippets), (title, form)


SAME = {(title, "der") for title in ("psql", "psycopg 3", "psycopg2")}  # in the words of PEM, with another file
