# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the lower part of requirements/*.txt: everything that the upper part brings along, pinned for every Python.

``pins.py NAME...`` asks pip of each Python that the environment may be made with; a pin that only some of them need,
or need in another version, carries a marker. The upper part, up to the line ``BROUGHT_ALONG``, is written by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BROUGHT_ALONG = "# What that brings along, written by `make pins`."
CONTROLLERS = ("3.11", "3.12", "3.13")
PYTHONS = {
    "demo": CONTROLLERS,
    "dev": CONTROLLERS,
    "floor": ("3.9", *CONTROLLERS),
    "debian-12": CONTROLLERS,
    "debian-13": CONTROLLERS,
    "pkilint": CONTROLLERS,
    "bench": CONTROLLERS,
    "bench-peers": CONTROLLERS,
    "core-2.18": CONTROLLERS,
    "core-2.19": CONTROLLERS,
    "core-2.20": ("3.12", "3.13"),
    "core-2.21": ("3.12", "3.13"),
}


def plain(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(asked: str, python: str) -> dict[str, str]:
    """Return name and version of all that pip of this Python would install for these requirements."""
    finder = [str(CHECKOUT / "scripts/find-python.sh"), python]
    interpreter = subprocess.run(finder, check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder, "wanted.txt"), Path(folder, "report.json")
        wanted.write_text(asked)
        options = ["--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        subprocess.run([interpreter, "-m", "pip", "install", *options, "-r", str(wanted)], check=True)
        found = [entry["metadata"] for entry in json.loads(report.read_text())["install"]]
    return {entry["name"]: entry["version"] for entry in found}


def marker(wanted_by: list[str], pythons: tuple[str, ...]) -> str:
    """Return the marker for a run of neighbouring Pythons, open to both ends, and nothing for all of them."""
    first, last = pythons.index(wanted_by[0]), pythons.index(wanted_by[-1])
    parts = [f'python_version >= "{pythons[first]}"'] if first else []
    parts += [f'python_version < "{pythons[last + 1]}"'] if last + 1 < len(pythons) else []
    return f"; {' and '.join(parts)}" if parts else ""


def pins(found: dict[str, dict[str, str]], pythons: tuple[str, ...]) -> list[str]:
    """Return the pins of what was found for each Python: a line per package and version."""
    lines = []
    for name in sorted({name for versions in found.values() for name in versions}, key=str.lower):
        runs: list[tuple[str, list[str]]] = []
        for python in pythons:
            version = found[python].get(name, "")
            if runs and runs[-1][0] == version:
                runs[-1][1].append(python)
            else:
                runs.append((version, [python]))
        lines += [f"{name}=={version}{marker(wanted_by, pythons)}" for version, wanted_by in runs if version]
    return lines


def write(name: str) -> None:
    """Resolve one file's upper part and write its lower part."""
    file = CHECKOUT / "requirements" / f"{name}.txt"
    upper = file.read_text().partition(BROUGHT_ALONG)[0]
    by_hand = {plain(found) for found in re.findall(r"^([\w.-]+)", upper, re.MULTILINE)}
    found = {}
    for python in PYTHONS[name]:
        resolved = resolve(upper, python)
        found[python] = {found: version for found, version in resolved.items() if plain(found) not in by_hand}
    file.write_text("\n".join([upper.rstrip("\n"), "", BROUGHT_ALONG, *pins(found, PYTHONS[name]), ""]))


if __name__ == "__main__":
    for environment in sys.argv[1:] or PYTHONS:
        write(environment)
