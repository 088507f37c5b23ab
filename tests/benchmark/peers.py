# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers: community.crypto and community.postgresql, put together to the end state of site.yml."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from getpass import getuser
from pathlib import Path

from measuring import CommandFailed, Figures, run
from sides import PEERS_PYTHON, playbook_command
from sites import Site, changed
from wanted import CHECKOUT

PLAYBOOK = Path(__file__).with_name("peer_site.yml")
COLLECTIONS = ("community.crypto", "community.postgresql")


def peers_command(site: Site) -> list[str]:
    """Return the command that runs the peers' playbook on a site."""
    about = {
        "data_directory": str(site.directory / "data"),
        "pki_directory": str(site.directory / "pki"),
        "server_owner": "postgres" if os.geteuid() == 0 else getuser(),
        "server_port": int(site.environment["PGTLS_DEMO_PORT"]),
        "socket_directory": str(site.directory / "run"),
    }
    return playbook_command(PLAYBOOK, "-i", "localhost,", "-e", json.dumps(about), python=PEERS_PYTHON)


def peers_play(site: Site, unchanged: bool = False) -> Callable[[], Figures]:
    """Return the work of the peers' playbook on a site."""

    def work() -> Figures:
        figures, said = run(peers_command(site), CHECKOUT, site.environment)
        if unchanged and changed(said):
            raise CommandFailed(
                f"{said}\nThe peers' second run changed something, so its time is not that of a converged run."
            )
        return figures

    return work


def peers_versions() -> dict[str, str]:
    """Return the versions of the peers' collections."""
    directory = next((PEERS_PYTHON.parents[1] / "lib").glob("python*/site-packages/ansible_collections"))
    found = {}
    for collection in COLLECTIONS:
        manifest = directory.joinpath(*collection.split("."), "MANIFEST.json")
        found[collection] = json.loads(manifest.read_text())["collection_info"]["version"]
    return found
