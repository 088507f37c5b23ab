# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the distributions call the packages that a managed host must have, and how each installs them, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._trust.errors import TrustError
from .._trust.stores import store_for

CRYPTOGRAPHY = "cryptography"
PSYCOPG = "psycopg"
LIBRARIES = (CRYPTOGRAPHY, PSYCOPG)
# psycopg 3 would do as well, but not every release that is supported has a package of it.
_DRIVER = "psycopg2"


@dataclass(frozen=True)
class HostPython:
    """The Python that runs the modules of a host.

    is_default: whether it is the one that the distribution calls python3.
    is_foreign: whether no package of the distribution reaches it, as in a virtual environment.
    """

    executable: str
    version: tuple[int, int]
    is_default: bool
    is_foreign: bool


@dataclass(frozen=True)
class PackageManager:
    """How the distributions of one family install packages.

    refresh: what brings its lists up to date where that is a command of its own.
    library: the package of a library for the distribution's own Python. other_library: that for another Python of the distribution.
    """

    program: str
    install: tuple[str, ...]
    library: str
    other_library: str
    refresh: tuple[str, ...] = ()


# By the families of _trust/stores.py. SUSE and EL have packages for several Pythons.
_MANAGERS = {
    "debian": PackageManager(
        "apt-get",
        ("apt-get", "--yes", "--no-install-recommends", "install"),
        "python3-{library}",
        "",
        refresh=("apt-get", "update"),
    ),
    "el": PackageManager("dnf", ("dnf", "--assumeyes", "install"), "python3-{library}", "python{dotted}-{library}"),
    "suse": PackageManager(
        "zypper", ("zypper", "--non-interactive", "install"), "python{joined}-{library}", "python{joined}-{library}"
    ),
    "alpine": PackageManager("apk", ("apk", "add"), "py3-{library}", "", refresh=("apk", "update")),
    "arch": PackageManager("pacman", ("pacman", "--sync", "--noconfirm"), "python-{library}", ""),
}


def manager_for(os_release: Mapping[str, str]) -> PackageManager | None:
    """The package manager of a system; None for one that the table does not have."""
    try:
        return _MANAGERS[store_for(os_release).style]
    except TrustError:
        return None


def package_of(library: str, manager: PackageManager | None, python: HostPython) -> str | None:
    """The package of a library for this Python; None where the distribution has none."""
    if manager is None or python.is_foreign:
        return None
    pattern = manager.library if python.is_default else manager.other_library
    major, minor = python.version
    # EL 8 calls its Python 3.9 python39, and all later ones as python3.11
    dotted = f"{major}{minor}" if python.version < (3, 10) else f"{major}.{minor}"
    name = _DRIVER if library == PSYCOPG else library
    return pattern.format(library=name, dotted=dotted, joined=f"{major}{minor}") or None


@dataclass(frozen=True)
class MissingLibrary:
    """A library that this host lacks. found: what there is instead of it."""

    library: str
    found: str

    def sentence(self, manager: PackageManager | None, python: HostPython) -> str:
        """What is missing, and what its package is called here."""
        wanted = "psycopg, in version 3 or as psycopg2," if self.library == PSYCOPG else "cryptography 3.3 or newer"
        package = package_of(self.library, manager, python)
        if manager is not None and package is not None:
            way = f"install the package {package} ({' '.join((*manager.install, package))})"
        else:
            name = "psycopg[binary]" if self.library == PSYCOPG else self.library
            way = f"install it with pip ({python.executable} -m pip install '{name}'), no package of this system reaches this Python"
        return f"the Python library {wanted} is needed for {python.executable} (found: {self.found}); {way}"
