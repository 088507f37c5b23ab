# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run needs on a host is looked for before anything is changed, and installed where that is asked for."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from demo_site import Site, changed

# The modules of a host find no library of the list, as long as there is one in this file.
HIDING = """
import os, sys
class Hiding:
    def find_spec(self, name, path=None, target=None):
        try:
            hidden = open(os.environ["PGTLS_TEST_HIDDEN"]).read().split()
        except OSError:
            hidden = []
        if name.split(".")[0] in hidden and "modules" not in name:
            raise ImportError("No module named " + repr(name))
sys.meta_path.insert(0, Hiding())
"""


@pytest.fixture
def hidden(site: Site, tmp_path: Path) -> Path:
    """The file that names what cannot be imported on the hosts of the site."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    told = tmp_path / "hidden"
    site.environment.update(PYTHONPATH=str(tmp_path), PGTLS_TEST_HIDDEN=str(told))
    return told


DRIVER = "On raxus the Python library psycopg, in version 3 or as psycopg2, is needed for"
SIGNER = {"pgtls_ca_provider": "command", "pgtls_ca_command": ["/no/signer"]}


@pytest.mark.parametrize(
    ("lacking", "variables", "said", "mode"),
    [
        ("psycopg psycopg2", {}, DRIVER, ()),
        ("psycopg psycopg2", {}, DRIVER, ("--check",)),
        ("", SIGNER, "On ca1 '/no/signer' is no program of this host", ()),
    ],
    ids=["driver", "driver in check mode", "signer"],
)
def test_what_a_host_lacks_ends_its_run_before_the_first_change(
    site: Site, hidden: Path, lacking: str, variables: dict[str, object], said: str, mode: tuple[str, ...]
) -> None:
    hidden.write_text(lacking)
    before = {name: mark for name, mark in site.state().items() if name.startswith("data/")}
    output = site.play("-e", json.dumps(variables), *mode, succeeds=False)
    assert said in " ".join(output.split()) and "pgtls_install_python_packages" in output
    assert re.search(r"^raxus .*changed=0 ", output, re.MULTILINE)
    assert {name: mark for name, mark in site.state().items() if name.startswith("data/")} == before
    if said != DRIVER:  # the CA's host ends the run for all
        assert changed(output) == 0 and not (site.directory / "ca").exists()


def test_a_missing_library_is_installed_where_that_is_asked_for(site: Site, hidden: Path, tmp_path: Path) -> None:
    """The distribution's program is one of the test: it installs by no longer hiding."""
    hidden.write_text("psycopg psycopg2")
    programs = tmp_path / "bin"
    programs.mkdir()
    asked = tmp_path / "asked"
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$@" >>{asked}\nrm -f {hidden}\n')
    (programs / "apt-get").chmod(0o755)
    variables = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "pgtls_install_python_packages": True,
        "pgtls_ca_key_type": "ecdsa-p256",
    }
    site.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
    options = ("-e", json.dumps(variables), "--tags", "ca")
    assert changed(site.play(*options, "--check")) > 0 and not asked.exists() and hidden.exists()
    site.play(*options)
    assert asked.read_text().splitlines()[0] == "--yes --no-install-recommends install python3-psycopg2"
    asked.unlink()
    assert changed(site.play(*options)) == 0 and not asked.exists()
