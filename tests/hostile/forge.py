# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python of a host that forges every result: what an honest host once returned, altered by a family of lies.

forge.py record|LIE FOLDER HOST SEED MARKER, with the module on standard input, as Ansible gives it. ``record`` runs the module and keeps
its result in FOLDER; a lie runs nothing that was recorded, and alters what was kept.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from lies import forged

MODULE = re.compile(rb"plugins[./]modules[./](\w+)")


def honest(module: bytes) -> tuple[bytes, dict[str, Any]]:
    done = subprocess.run([sys.executable], input=module, capture_output=True, check=False)
    return done.stdout, json.loads(done.stdout)


def kept(folder: Path, name: str, host: str) -> Any:
    """One of the results that were recorded of a module: the first and the last in turns, as the host's own."""
    files = sorted(folder.glob(f"{name}.*.json"))
    if not files:
        return None
    calls = folder / f"{host}.{name}.calls"
    calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
    chosen = files[0] if len(calls.read_text()) % 2 else files[-1]
    return json.loads(chosen.read_text().replace("raxus", host))


def main() -> None:
    lie, place, host, seed, marker = sys.argv[1:]
    folder, module = Path(place), sys.stdin.buffer.read()
    found = MODULE.search(module)
    name = found[1].decode() if found else "other"
    if lie == "record":
        output, result = honest(module)
        number = len(list(folder.glob(f"{name}.*.json")))
        (folder / f"{name}.{number:02}.json").write_text(json.dumps(result))
        sys.stdout.buffer.write(output)
        return
    result = kept(folder, name, host) or honest(module)[1]
    chance = random.Random(f"{seed} {host} {name}")
    sys.stdout.write(json.dumps(forged(lie, result, chance, marker)))


main()
