# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file rollover.json of a CA: which generation issues, and how far the way to its successor has gone."""

from __future__ import annotations

import json
import os

from ..._pki.errors import PkiError
from ..._pki.rollover import Rollover, parse_rollover, render_rollover
from ..errors import ModuleError
from ..files.reading import read_bytes
from ..files.writer import DesiredFile, FileAttributes


def rollover_path(home: str) -> str:
    """The state of a CA's rollover; absent until the first one starts."""
    return os.path.join(home, "rollover.json")


def read_rollover(home: str) -> Rollover:
    """Where the CA stands; without a file, it is stable in generation 1.

    :raises ModuleError: when the file is damaged.
    """
    content = read_bytes(rollover_path(home))
    if content is None:
        return Rollover()
    try:
        return parse_rollover(json.loads(content))
    except (ValueError, PkiError) as error:
        said = str(error) if isinstance(error, PkiError) else "is not JSON"
        raise ModuleError(f"{rollover_path(home)} {said}; restore it from a backup") from error


def rollover_file(home: str, state: Rollover, attributes: FileAttributes) -> DesiredFile:
    """The file that holds a state; it belongs to whom the CA's directory belongs unless attributes say otherwise."""
    content = json.dumps(render_rollover(state)) + "\n"
    return DesiredFile(rollover_path(home), content.encode(), FileAttributes(attributes.owner, attributes.group, 0o644))
