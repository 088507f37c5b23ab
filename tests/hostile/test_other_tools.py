# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other tools that write the files of a server before and after us, as docs/several-tools.md says: who gets in, and what changes when.

Ansible's own modules write here as they are. A role that templates the whole file, and a module that sorts it, are imitated in their effect.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.pgtls.postgresql.plugins.filter.mapping_blocks import mapping_blocks
from ansible_collections.pgtls.postgresql.plugins.filter.rule_blocks import rule_blocks
from demo_site import CHECKOUT, Site
from module_runner import run_module
from test_site_life import conninfo

CLIENTS = [
    {"name": f"app{number}", "common_name": f"PostgreSQL client{number}", "database_role": f"app{number}"}
    for number in (1, 2)
]
TEMPLATE = """# {{ what }}
local all postgres   peer
local all all   peer
{% for user in users %}
host shop {{ user }} 10.1.0.0/16   scram-sha-256
{% endfor %}
"""
BATCH = "host shop batch 10.1.0.0/16   scram-sha-256"
LINE = "host shop etl 10.2.0.0/16 scram-sha-256"


class Server:
    """The server of a site that is there, as the roles have left it, and everybody who writes its files."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.rules = site.directory / "data/pg_hba.conf"
        self.settings = site.directory / "data/postgresql.conf"

    def ours(self, clients: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """What the role server does, in one call: settings, maps and rules."""
        listed = CLIENTS if clients is None else clients
        mode = {"tls_mode": "require_client_certificate", "reject_plaintext": True, "accept_unlisted": False}
        return run_module(
            "pg_server",
            {
                "data_directory": str(self.site.directory / "data"),
                "certificates": [],
                "settings": {"ssl": True},
                "mapping_blocks": mapping_blocks(listed),
                "rule_blocks": rule_blocks(listed, **mode, password_users={}),
            },
        )

    def settled(self, clients: list[dict[str, Any]] | None = None) -> str:
        """Our run, which must succeed and leave nothing to a second one; return the rules."""
        first = self.ours(clients)
        assert not first["failed"], first["msg"]
        second = self.ours(clients)
        assert not second["failed"] and not second["changed"], second
        return self.rules.read_text()

    def theirs(self, module: str, arguments: str) -> bool:
        """One task of Ansible's own, and a reload; return whether it changed anything."""
        words = ["localhost", "-c", "local", "-m", f"ansible.builtin.{module}", "-a", arguments]
        interpreter = ["-e", f"ansible_python_interpreter={sys.executable}"]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        command = [sys.executable, "-m", "ansible", "adhoc", *words, *interpreter]
        done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=True)
        self.site.server("reload")
        return "CHANGED" in done.stdout

    def template(self) -> bool:
        """A role that writes the whole file from a list of its own."""
        source = self.folder / "pg_hba.conf.j2"
        filled = TEMPLATE.replace("{{ what }}", "Ansible managed").replace("users", "['batch']")
        source.write_text(filled)
        return self.theirs("template", f"src={source} dest={self.rules} owner=postgres mode=0600")

    def write(self, text: str) -> None:
        """Somebody with an editor."""
        self.rules.write_text(text)
        self.site.server("reload")

    def lets_in(self, holder: str, role: str = "", **options: str) -> bool:
        """Whether the holder of a certificate gets in, as its own role or another one."""
        try:
            with psycopg.connect(**{**conninfo(self.site, holder), "user": role or holder, **options}) as session:
                return session.execute("SELECT current_user").fetchone() == (role or holder,)
        except psycopg.OperationalError:
            return False

    def is_the_inventorys(self) -> bool:
        """Whether those who are listed get in, each as itself and with TLS, and nobody else from here."""
        own = self.lets_in("app1") and self.lets_in("app2")
        others = self.lets_in("app1", "app2") or self.lets_in("app1", "postgres") or self.lets_in("app1", "report")
        plain = self.lets_in("app1", sslmode="disable", sslcert="", sslkey="")
        return own and not others and not plain


@pytest.fixture(name="server")
def _server(converged: Site, tmp_path: Path) -> Server:
    """Nobody but us and a template that came before has written its rules."""
    made = Server(converged, tmp_path)
    made.template()
    made.settled()
    return made


def test_a_role_that_templates_the_whole_file_takes_our_rules_until_our_next_run(server: Server) -> None:
    rules = server.rules.read_text()
    assert BATCH in rules and server.is_the_inventorys()
    assert server.template()
    assert "pgtls" not in server.rules.read_text()
    assert not server.lets_in("app1") and not server.lets_in("app1", "report")
    assert server.settled() == rules
    assert server.is_the_inventorys()


@pytest.mark.parametrize("place", ["EOF", "BOF"])
@pytest.mark.parametrize(
    ("module", "how"), [("lineinfile", f"line='{LINE}'"), ("blockinfile", f"block='{LINE}'")], ids=["line", "block"]
)
def test_a_line_or_block_of_ansible_and_our_blocks_leave_each_other_alone(
    server: Server, module: str, how: str, place: str
) -> None:
    where = f"insertbefore={place}" if place == "BOF" else f"insertafter={place}"
    task = f"path={server.rules} {how} {where}"
    assert server.theirs(module, task)
    rules = server.settled()
    assert rules.count(LINE) == 1 and BATCH in rules
    assert rules.index("BEGIN pgtls clients") < rules.index(LINE)
    assert (rules.index(LINE) < rules.index("BEGIN pgtls everybody")) == (place == "BOF")
    assert server.is_the_inventorys()
    assert not server.theirs(module, task)
    assert server.settled() == rules


def rewritten(server: Server, line: str) -> bool:
    """A task that finds one of our lines by its pattern, and puts its own in that place."""
    return server.theirs("lineinfile", f"path={server.rules} regexp='^hostssl.*app2.*cert' line='{line}'")


def test_a_line_of_ours_that_another_tool_rewrote_is_as_it_was_after_our_next_run(server: Server) -> None:
    rules = server.rules.read_text()
    assert rewritten(server, "host all report 127.0.0.1/32 trust")
    assert server.lets_in("app1", "report")
    assert server.settled() == rules
    assert server.is_the_inventorys()


def test_a_line_by_which_the_superuser_gets_in_over_tcp_is_not_taken_from_him_silently(server: Server) -> None:
    """A run closes no way by which it could log in itself; it says which, and what to do."""
    rules = server.rules.read_text()
    assert rewritten(server, "host all all 127.0.0.1/32 trust")
    refused = server.ours()
    assert refused["failed"], "it closed his way in, and said nothing"
    assert refused["msg"].startswith("the login over TCP to 127.0.0.1 worked before the reload and does not any more")
    server.write(rules)
    assert server.settled() == rules
    assert server.is_the_inventorys()


def without_markers(rules: str) -> str:
    return "".join(line for line in rules.splitlines(keepends=True) if "pgtls" not in line)


def sorted_rules(rules: str) -> str:
    """As a module leaves them that lifts comments to the top and sorts the rest."""
    lines = rules.splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    return "".join(comments + sorted(line for line in lines if line.strip() and not line.startswith("#")))


@pytest.mark.parametrize("edit", [without_markers, sorted_rules])
def test_rules_of_ours_that_lost_their_markers_let_nobody_in_who_left(server: Server, edit: Any) -> None:
    server.write(edit(server.rules.read_text()))
    server.settled()
    assert server.is_the_inventorys()
    server.write(edit(server.rules.read_text()))
    server.settled(CLIENTS[:1])
    assert server.lets_in("app1") and not server.lets_in("app2")


@pytest.mark.parametrize("marker", ["# BEGIN pgtls clients\n", "# END pgtls clients\n"])
def test_half_a_pair_of_markers_is_an_error_that_names_the_line(server: Server, marker: str) -> None:
    half = server.rules.read_text().replace(marker, "")
    server.write(half)
    refused = server.ours()
    assert refused["failed"] and refused["msg"].endswith("repair or remove the marker comments by hand")
    assert server.rules.read_text() == half
    server.write(without_markers(half))
    server.settled()
    assert server.is_the_inventorys()


def test_lines_of_postgresql_conf_that_are_not_ours_stay_and_ours_come_back(server: Server) -> None:
    task = "path={path} regexp='^#?{option}.+$' line=\"{option} = '{value}'\""
    foreign = task.format(path=server.settings, option="log_directory", value="elsewhere")
    assert server.theirs("lineinfile", foreign)
    server.settled()
    assert not server.theirs("lineinfile", foreign)
    assert server.theirs("lineinfile", task.format(path=server.settings, option="ssl", value="off"))
    assert not server.lets_in("app1")
    server.settled()
    assert "log_directory = 'elsewhere'" in server.settings.read_text()
    assert server.is_the_inventorys()
