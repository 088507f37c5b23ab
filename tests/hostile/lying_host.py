# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the inventory whose Python alters what modules return: the strongest thing that a managed host can do to the others."""

from __future__ import annotations

import sys
from pathlib import Path

_INTERPRETER = """#!{python}
import json, subprocess, sys
done = subprocess.run([{python!r}, *sys.argv[1:]], stdin=sys.stdin, capture_output=True)
output = done.stdout
try:
    result = json.loads(output)
except ValueError:
    result = None
if isinstance(result, dict):
    {lie}
    output = json.dumps(result).encode()
sys.stdout.buffer.write(output)
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""


def lying_interpreter(directory: Path, lie: str) -> str:
    """Write an interpreter that runs each module and then one statement on its ``result``; return its path.

    :param lie: one line of Python, such as ``result["ansible_facts"] = {...}``.
    """
    path = directory / "lying-python"
    path.write_text(_INTERPRETER.format(python=sys.executable, lie=lie))
    path.chmod(0o755)
    return str(path)
