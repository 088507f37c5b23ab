# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites to measure on: those of the integration tests, with more servers, without proofs, or for the peers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml
from measuring import CommandFailed, Figures
from sides import Side
from wanted import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tests/integration"))
from clusters import free_port
from demo_site import Site, changed, demo_site

__all__ = [
    "SAME_KEYS",
    "Site",
    "changed",
    "converging",
    "converging_again",
    "floor",
    "floor_command",
    "let_local_users_in",
    "new_site",
    "play",
    "site_of_servers",
    "without_proofs",
]

# The playbooks that prove, and that make what must be refused; and the play that makes that too, without it.
PROOFS = ("verify", "revoke_test_certificate", "revoked_certificate")
CLIENTS_ALONE = {"roles": [{"role": "pgtls.postgresql.client"}]}
SAME_KEYS = ("-e", "pgtls_ca_key_type=ecdsa-p256")  # as the peers' CA; how long an RSA key takes is luck


@contextmanager
def new_site() -> Iterator[Site]:
    """A server without TLS, and no CA; it runs before anything is measured."""
    with demo_site(free_port()) as made:
        yield made


def play(side: Side, site: Site, command: list[str], unchanged: bool = False) -> Figures:
    """Run a playbook of a side on a site."""
    figures, said = side.play(command, site.environment)
    if unchanged and changed(said):
        raise CommandFailed(f"{said}\nThe run above was to change nothing, so its time is not that of a converged run.")
    return figures


def converging(side: Side, site: Site, *options: str) -> Callable[[], Figures]:
    """Return the work of site.yml of a side on a site."""
    return lambda: play(side, site, site.command("site", *options))


def converging_again(side: Side, site: Site, *options: str) -> Callable[[], Figures]:
    """Return the work of site.yml where everything is there already: it must change nothing."""
    return lambda: play(side, site, site.command("site", *options), unchanged=True)


def without_proofs(side: Side, site: Site, *options: str) -> Callable[[], Figures]:
    """Return the work of a converged site.yml from which the proofs are taken."""
    playbooks = side.checkout / "playbooks"
    plays = yaml.safe_load((playbooks / "site.yml").read_text())
    imported = [Path(play.get("ansible.builtin.import_playbook", "")) for play in plays]
    if not any(path.stem == "verify" for path in imported):
        raise SystemExit(f"{playbooks / 'site.yml'} imports no verify.yml any more; say here how proofs are left out.")
    kept = [one for one, path in zip(plays, imported, strict=True) if path.stem not in PROOFS]
    for one in kept:
        if any(
            task.get("ansible.builtin.import_role", {}).get("tasks_from") == "install" for task in one.get("tasks", ())
        ):
            del one["tasks"]
            one.update(CLIENTS_ALONE)
        if "ansible.builtin.import_playbook" in one:
            one["ansible.builtin.import_playbook"] = str(playbooks / one["ansible.builtin.import_playbook"])
    playbook = site.directory / "without_proofs.yml"
    playbook.write_text(yaml.safe_dump(kept, sort_keys=False))
    command = [str(playbook) if part == "playbooks/site.yml" else part for part in site.command("site", *options)]
    return lambda: play(side, site, command, unchanged=True)


def floor_command(site: Site) -> list[str]:
    """Return the command that runs one ping in a play for each group of hosts."""
    ping = str(Path(__file__).with_name("floor.yml"))
    return [ping if part == "playbooks/site.yml" else part for part in site.command("site")]


def floor(side: Side, site: Site) -> Callable[[], Figures]:
    """Return the work of one ping in a play for each group of hosts."""
    return lambda: play(side, site, floor_command(site), unchanged=True)


@contextmanager
def site_of_servers(count: int) -> Iterator[tuple[Site, list[str]]]:
    """A site with many servers, all of them on this machine, and the options that name all but the first."""
    with ExitStack() as stack:
        first, *others = [stack.enter_context(new_site()) for _number in range(count)]
        hosts = {}
        for number, site in enumerate(others, 2):
            port = int(site.environment["PGTLS_DEMO_PORT"])
            hosts[f"server{number}"] = {
                "pgtls_server_data_directory": str(site.directory / "data"),
                "pgtls_server_port": port,
            }
            # the proofs log in with one password everywhere
            ask(site, f"ALTER ROLE report PASSWORD '{first.environment['PGTLS_DEMO_PASSWORD']}'")
        inventory = first.directory / "servers.json"
        inventory.write_text(json.dumps({"postgres_servers": {"hosts": hosts}}))
        yield first, ["-i", str(inventory)] if hosts else []


def ask(site: Site, statement: str) -> str:
    """Run a statement as the superuser of a site's server."""
    where = ["-h", str(site.directory / "run"), "-p", site.environment["PGTLS_DEMO_PORT"], "-d", "postgres"]
    command = [*as_owner(), "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *where, "-c", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def as_owner() -> Sequence[str]:
    """Return the words in front of a command that the owner of the servers shall run."""
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []


def let_local_users_in(site: Site) -> None:
    """Let everybody on this machine log in as superuser through the socket, as the peers' modules need it here."""
    hba = site.directory / "data/pg_hba.conf"
    hba.write_text(re.sub(r"^(local\s+all\s+all\s+)peer$", r"\1trust", hba.read_text(), flags=re.MULTILINE))
    ask(site, "SELECT pg_reload_conf()")
