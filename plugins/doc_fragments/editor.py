# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twin of EDITOR in module_utils/_module/arguments.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  path:
    description:
      - The file to edit.
    type: path
    required: true
  create:
    description:
      - Start with an empty file where there is none. Otherwise a missing file is an error.
    type: bool
    default: false
  server_version:
    description:
      - Major version of the server that reads the file, such as V(15); the formats differ.
      - The default is the version of the server that answers at the login options, else the newest that the collection knows.
    type: int
  validate:
    description:
      - V(server) asks the running server what it makes of the new file, and restores the old one when it finds a new error; it fails
        before writing when no login is possible.
      - V(syntax) checks with the collection's own parser alone.
      - The default is V(server) when a login works, else V(syntax) with a warning.
    type: str
    choices: [server, syntax]
"""
