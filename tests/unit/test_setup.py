# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates need: pinned wholly, listed once, and missed in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
REQUIREMENTS = sorted(path for path in CHECKOUT.glob("requirements/*.txt") if path.name != "debian.txt")
GATES = re.search(r"^GATES := ((?:.*\\\n)*.*)", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
assert GATES
# what packages.sh itself is made of, and what every gate needs
BASICS = [
    "sh",
    "id",
    "tr",
    "sed",
    "tail",
    "env",
    "dirname",
    "git",
    "make",
    "openssl",
    "ps",
    "python3",
    "tar",
    "setpriv",
    "uname",
]


@pytest.fixture
def poor(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine that has little on its PATH."""
    for name in BASICS:
        found = shutil.which(name)
        assert found, name
        (tmp_path / name).symlink_to(found)
    # a Python from a version manager answers for itself alone
    return {**os.environ, "PATH": str(tmp_path)}


def check(environment: dict[str, str], *gates: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHECKOUT / "scripts/packages.sh"), "check", *gates]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_gate_says_in_one_sentence_all_that_it_lacks(poor: dict[str, str]) -> None:
    done = check(poor, "integration")
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    for word in ("integration: this machine lacks ", "certtool (package gnutls-bin)", "strace (package strace)"):
        assert word in sentence
    assert "podman" not in sentence


def test_several_gates_are_make_test_and_lack_everything_together(poor: dict[str, str]) -> None:
    (sentence,) = check(poor, "lint", "integration").stderr.splitlines()
    for word in ("make test: this machine lacks ", "cfssl (package golang-cfssl)", "shellcheck (package shellcheck)"):
        assert word in sentence


def test_what_is_there_is_not_missed(poor: dict[str, str]) -> None:
    done = check(poor, "types")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_make_test_looks_before_its_first_gate_and_each_gate_looks_alone() -> None:
    def first(target: str) -> str:
        command = ["make", "--dry-run", "--no-print-directory", target]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PGTLS_GATES"))}
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0]

    gates = GATES[1].replace("\\\n", " ").replace("+", " ").split()
    assert first("test").split() == ["scripts/packages.sh", "install", *gates]
    for gate in gates:
        assert first(gate) == f"scripts/packages.sh check {gate}"


def test_the_list_names_only_gates_that_exist() -> None:
    gates = {*GATES[1].replace("\\\n", " ").replace("+", " ").split(), "demo", "bare", "clients", "trust-stores", "*"}
    lines = (CHECKOUT / "requirements/debian.txt").read_text(encoding="utf-8").splitlines()
    named = {gate for line in lines if line and not line.startswith("#") for gate in line.split()[2:]}
    assert named <= gates


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda path: path.stem)
def test_every_requirement_is_pinned(file: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(
            r"[\w.-]+(\[\w+\])?==[\w.]+(; python_version [<>=]+ \"3\.\d+\"( and python_version < \"3\.\d+\")?)?", line
        )


def test_an_environment_is_installed_exactly_as_pinned() -> None:
    """pip resolves nothing, so what a file forgets is missed when the environment is made, by pip check."""
    script = (CHECKOUT / "scripts/venv.sh").read_text(encoding="utf-8")
    installs = re.findall(r"/bin/pip\" install (.*)", script)
    assert installs
    assert all("--no-deps --only-binary :all:" in options for options in installs)
