# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept in step with EDITOR in module_utils/_host/option_specs.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  path:
    description:
      - The file to edit. It may be one that the server's main file includes, also when it is new or was empty before; one to which
        nothing in the main file leads is not judged by the server, and a warning says so.
      - A file of a cluster that belongs to Patroni is refused, also in check mode - where C(patroni.dynamic.json) lies in the data
        directory, or where the file or C(postgresql.conf) starts with the words of Patroni. Make such a change by
        C(patronictl edit-config).
      - So is a file that CloudNativePG, Puppet, Chef, Salt or CFEngine writes by itself, as its first comments say. A change of a file that a template
        of another play wrote (C(Ansible managed)) draws a warning.
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
  unsafe_writes:
    description:
      - Overwrite a file in place where it is a mount of its own, as containers have single files, because no new file can take its place. A
        warning says so each time.
      - A server that reads the file at that moment, or a crash, sees a part of it. Without this option such a file is refused; to mount its
        directory is better.
      - Every other file is replaced atomically, whatever this option says.
    type: bool
    default: false
notes:
  - Bytes that are not UTF-8, such as a comment in Latin-1, are kept in the file and shown as C(\xfc) in results. An option that holds
    what a result showed stands for those bytes.
"""
