# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept in step with FILE in module_utils/_host/option_specs.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  owner:
    description:
      - Name (or number) of the user that owns the file.
      - An existing file keeps its owner when this is not given; a new one belongs to the owner of its directory.
    type: str
  group:
    description:
      - Name (or number) of the group that owns the file.
      - An existing file keeps its group when this is not given.
    type: str
  mode:
    description:
      - Permissions of the file, an octal number such as V("0640"). Symbolic modes are not supported.
      - An existing file keeps its mode when this is not given; a new one gets V("0600").
    type: raw
  backup:
    description:
      - Keep a copy of the file beside it before it is replaced.
    type: bool
    default: false
"""
