# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages for those who connect are true, with psql and psycopg; ``make clients`` tries the other libraries."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from clusters import Cluster
from module_runner import run_module
from openssl_judge import openssl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

import page
from forms import FORMS, HOST, Family, prepare
from programs import PSQL, Presented, python_command

SUBJECTS = Path(__file__).resolve().parents[2] / "docs/subject-maps.md"
TASKS = [
    task
    for block in re.findall(r"^```yaml\n(.*?)^```", SUBJECTS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for task in yaml.safe_load(block)
]
ROWS = re.findall(r"^\| `(.+?)` \| `(\w+)` \| (\w+) \|$", SUBJECTS.read_text(encoding="utf-8"), re.MULTILINE)
# Psycopg of this environment brings a libpq of its own, newer than that of the system.
PSYCOPG = dataclasses.replace(PSQL, title="psycopg 3", command=lambda: python_command(sys.executable, "psycopg"))


@pytest.fixture(scope="module")
def server(make_cluster: Callable[[], Cluster]) -> Cluster:
    cluster = make_cluster()
    prepare(cluster)
    return cluster


@pytest.fixture(scope="module")
def family(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Family:
    made = Family(tmp_path_factory.mktemp("family"), "ecdsa-p256")
    made.serve(server)
    return made


@pytest.mark.parametrize("client", [PSQL, PSYCOPG], ids=lambda client: client.title)
def test_the_page_says_who_opens_what(client, server: Cluster, family: Family) -> None:
    cells = page.who_opens_what()
    with client.running() as program:
        for name, form in FORMS.items():
            outcome, said = program.connect(family.presented(name, server.port))
            assert {"connected": "yes", "refused": "no"}[outcome] == cells[form.title, client.title], said
            if outcome == "connected":
                assert said == f"{family.identity(name)} TLSv1.3"
            else:
                assert any(message.split("own.")[0] in said for message in page.messages()[client.title]), said


class Subjects:
    """The tasks of the page about maps of whole subjects, on a server, and certificates of any subject."""

    def __init__(self, server: Cluster, family: Family, folder: Path) -> None:
        self.server, self.family, self.folder = server, family, folder
        self.made: dict[str, dict[str, Any]] = {}
        for role in sorted({role for _subject, role, _word in ROWS} - {"shop_rw"}):
            server.sql(f"CREATE ROLE {role} LOGIN")
        for task in TASKS[1:]:
            self.run(task)

    def run(self, task: dict[str, Any], **more: Any) -> None:
        module, args = next((key, value) for key, value in task.items() if key.startswith("pgtls."))
        given = yaml.safe_load(yaml.dump(args).replace("{{ data_directory }}", self.server.data_directory)) | more
        login = {} if module.endswith("pg_reload") else self.server.login
        done = run_module(module.split(".")[-1], {**given, **login})
        assert not done["failed"], done["msg"]

    def certificate(self, dn: str) -> dict[str, Any]:
        """One whose subject openssl prints like this."""
        if dn not in self.made:
            parts = dict(part.split("=", 1) for part in re.split(r"(?<!\\),", dn))
            plain = {attribute: unescaped(value) for attribute, value in parts.items()}
            self.made[dn] = self.issued(common_name=plain.pop("CN"), subject=plain, usages=["client"])
            assert subject_of(self.made[dn]) == dn
        return self.made[dn]

    def issued(self, **wish: Any) -> dict[str, Any]:
        name = f"app{len(list(self.folder.iterdir()))}"
        item = {**FORMS["pem"].item(name, self.folder / name), **wish}
        self.family.issue(item)
        return item

    def login(self, dn: str, role: str) -> tuple[str, str]:
        item = self.certificate(dn)
        files = (str(self.family.root), item["certificate"], item["private_key"])
        with PSQL.running() as program:
            return program.connect(Presented(HOST, self.server.port, role, *files))


def unescaped(value: str) -> str:
    """The text of a value in RFC 2253."""
    raw = re.sub(r"\\([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value).replace("\\,", ",")
    return raw.encode("latin-1").decode("utf-8")


def subject_of(item: dict[str, Any]) -> str:
    """The subject as the page says that it is found."""
    shown = openssl("x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", item["certificate"])
    return shown.strip().removeprefix("subject=")


@pytest.fixture(scope="module")
def subjects(server: Cluster, family: Family, tmp_path_factory: pytest.TempPathFactory) -> Subjects:
    return Subjects(server, family, tmp_path_factory.mktemp("subjects"))


@pytest.mark.parametrize(("dn", "role", "word"), ROWS)
def test_a_map_of_whole_subjects_lets_in_whom_the_page_says(subjects: Subjects, dn: str, role: str, word: str) -> None:
    outcome, said = subjects.login(dn, role)
    assert (outcome, said.split()[0]) == (("connected", role) if word == "accepted" else ("refused", "psql:")), said
    assert word == "accepted" or f'certificate authentication failed for user "{role}"' in said


def test_the_certificate_of_the_page_has_the_subject_that_the_page_shows(subjects: Subjects) -> None:
    [wish] = TASKS[0]["pgtls.postgresql.certificate_request"]["certificates"]
    item = subjects.issued(**{option: wish[option] for option in ("common_name", "subject", "usages")})
    assert f"\n```\n{subject_of(item)}\n```\n" in SUBJECTS.read_text(encoding="utf-8")


def test_an_expression_that_matches_backslashes_takes_a_name_for_a_department(subjects: Subjects) -> None:
    """What the page warns of."""
    subject = r"CN=web1\,OU=stock,O=Harbour,C=DE"
    assert subjects.login(subject, "stock")[0] == "refused"
    careless = {"map": "subjects", "system_user": "/^CN=[^,]+,OU=([a-z_]+),O=Harbour,C=DE$", "database_user": r"\1"}
    for state, outcome in (("present", "connected"), ("absent", "refused")):
        subjects.run(TASKS[1], mappings=[{**careless, "state": state}])
        subjects.run(TASKS[-1])
        assert subjects.login(subject, "stock")[0] == outcome
