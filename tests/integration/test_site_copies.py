# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tests begin with: a converged site that was put back is the one that was converged, whatever came between."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from demo_site import ConvergedSites, Site, changed


def owners(site: Site) -> dict[str, tuple[int, int, int]]:
    """Owner, group and mode of every file and directory but those that a running server makes."""
    found = {}
    for path in sorted((site.directory, *site.directory.rglob("*"))):
        relative = path.relative_to(site.directory)
        if relative.parts[:2] in (("data", "postgresql.conf"), ("data",), ()) or relative.parts[:1] not in (
            ("data",),
            ("run",),
        ):
            status = path.lstat()
            found[str(relative)] = (status.st_uid, status.st_gid, status.st_mode)
    return found


def test_a_site_that_is_put_back_is_the_converged_one(converged_sites: ConvergedSites) -> None:
    with converged_sites.site() as first:
        state, kept = first.state(), owners(first)
        (first.directory / "data/postgresql.conf").write_text("not = this")
        (first.directory / "left-over").touch()
    assert not first.directory.exists()
    with converged_sites.site() as second:
        assert second.directory == first.directory
        assert (second.state(), owners(second)) == (state, kept)
        assert changed(second.play()) == 0


def test_the_ansible_core_that_is_asked_for_runs_the_playbooks(tmp_path: Path) -> None:
    """make cores names another Python than the one that runs the tests."""
    wanted = os.environ.get("PGTLS_ANSIBLE_PYTHON")
    command = Site(tmp_path, {}).command("site")
    version = [*command[: command.index("playbook") + 1], "--version"]
    said = subprocess.run(version, capture_output=True, text=True, check=True).stdout
    if wanted:
        folder = Path(wanted).parents[1]
        assert f"{folder}/" in said
        assert folder.name.removeprefix("site-") in said.splitlines()[0]
