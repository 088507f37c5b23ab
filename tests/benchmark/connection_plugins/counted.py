# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection "local", which writes down how many bytes it is given for the host, one line of JSON for each transfer."""

from __future__ import annotations

DOCUMENTATION = """
name: counted
short_description: Run on this machine, and count what would be sent
description: As the connection local; PGTLS_BENCH_BYTES names the file that gets the sizes.
author: the pgtls.postgresql authors
options:
  become_success_timeout:
    type: int
    default: 10
    description: As in the connection local.
  become_strip_preamble:
    type: bool
    default: true
    description: As in the connection local.
extends_documentation_fragment:
  - connection_pipelining
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from ansible.plugins.connection.local import Connection as Local

MODULE = re.compile(rb"""\bmodule_fqn['"]?\s*[=:]\s*['"]([\w.]+)""")


class Connection(Local):
    """A connection that counts."""

    transport = "counted"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run a command, and count it with its input."""
        self._note(in_data or b"", len(cmd.encode()))
        return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path: str, out_path: str) -> Any:
        """Put a file, and count it."""
        self._note(Path(in_path).read_bytes())
        return super().put_file(in_path, out_path)

    def _note(self, content: bytes, words: int = 0) -> None:
        called = MODULE.search(content)
        module = called[1].decode() if called else None
        noted = {"host": self._play_context.remote_addr, "module": module, "bytes": len(content) + words}
        # the workers of a run append to one file
        with open(os.environ["PGTLS_BENCH_BYTES"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(noted) + "\n")
