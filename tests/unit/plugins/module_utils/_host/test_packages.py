# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a library is called by each distribution, for each of its Pythons; the README has the same names."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.packages import (
    CRYPTOGRAPHY,
    PSYCOPG,
    HostPython,
    MissingLibrary,
    manager_for,
    package_of,
)

README = Path(__file__).resolve().parents[5] / "README.md"
DEFAULT = HostPython("/usr/bin/python3", (3, 11), is_default=True, is_foreign=False)


@pytest.mark.parametrize(
    ("system", "program", "packages"),
    [
        ({"ID": "debian"}, "apt-get", ["python3-cryptography", "python3-psycopg2"]),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get", ["python3-cryptography", "python3-psycopg2"]),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf", ["python3-cryptography", "python3-psycopg2"]),
        ({"ID": "opensuse-leap"}, "zypper", ["python311-cryptography", "python311-psycopg2"]),
        ({"ID": "alpine"}, "apk", ["py3-cryptography", "py3-psycopg2"]),
        ({"ID": "arch"}, "pacman", ["python-cryptography", "python-psycopg2"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_system_has_its_names(system: dict[str, str], program: str, packages: list[str]) -> None:
    manager = manager_for(system)
    assert manager is not None and manager.program == program == manager.install[0]
    found = [package_of(library, manager, DEFAULT) for library in (CRYPTOGRAPHY, PSYCOPG)]
    assert found == packages
    (line,) = [line for line in README.read_text(encoding="utf-8").splitlines() if f"`{program}`" in line]
    assert [name.replace("python311", "python3XY") in line for name in packages] == [True, True]


@pytest.mark.parametrize(
    ("system", "version", "package"),
    [
        ("rhel", (3, 9), "python39-psycopg2"),
        ("rhel", (3, 12), "python3.12-psycopg2"),
        ("sles", (3, 13), "python313-psycopg2"),
        ("debian", (3, 13), None),
        ("plan9", (3, 13), None),
    ],
)
def test_a_second_python_of_a_distribution_has_names_of_its_own(
    system: str, version: tuple[int, int], package: str | None
) -> None:
    python = HostPython(f"/usr/bin/python{version[0]}.{version[1]}", version, is_default=False, is_foreign=False)
    assert package_of(PSYCOPG, manager_for({"ID": system}), python) == package


def test_no_package_reaches_a_virtual_environment() -> None:
    python = HostPython("/opt/venv/bin/python", (3, 11), is_default=True, is_foreign=True)
    manager = manager_for({"ID": "debian"})
    assert package_of(CRYPTOGRAPHY, manager, python) is None
    assert MissingLibrary(CRYPTOGRAPHY, "3.2").sentence(manager, python) == (
        "the Python library cryptography 3.3 or newer is needed for /opt/venv/bin/python (found: 3.2); "
        "install it with pip (/opt/venv/bin/python -m pip install 'cryptography'), no package of this system reaches this Python"
    )


def test_the_sentence_names_the_package_and_its_command() -> None:
    assert MissingLibrary(PSYCOPG, "none").sentence(manager_for({"ID": "fedora"}), DEFAULT) == (
        "the Python library psycopg, in version 3 or as psycopg2, is needed for /usr/bin/python3 (found: none); "
        "install the package python3-psycopg2 (dnf --assumeyes install python3-psycopg2)"
    )
