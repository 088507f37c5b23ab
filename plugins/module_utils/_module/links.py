# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a path really leads, and which symbolic links on the way may be trusted."""

from __future__ import annotations

import os
from stat import S_ISLNK

from .errors import ModuleError


def safe_target(path: str) -> str:
    """Resolve symbolic links in a path, refusing one whose owner could not write its target himself.

    Otherwise the owner of a data directory could point root at any file of the system.

    :raises ModuleError: for such a link, and for one that leads nowhere.
    """
    path = os.path.abspath(path)
    trusted = {0, os.geteuid()}
    for _hop in range(40):
        link = _first_link(path)
        if link is None:
            return path
        rest = os.path.relpath(path, link)
        target = os.path.join(os.path.dirname(link), os.readlink(link))
        path = os.path.normpath(target if rest == "." else os.path.join(target, rest))
        owner = os.lstat(link).st_uid
        if owner in trusted:
            continue
        try:
            if os.stat(link).st_uid != owner:
                raise ModuleError(
                    f"the symbolic link {link} belongs to uid {owner} but leads to a file of somebody else; "
                    "remove the link or make root its owner"
                )
        except FileNotFoundError as error:
            raise ModuleError(f"the symbolic link {link} leads nowhere; remove it or mend its target") from error
    raise ModuleError(f"{path} is a loop of symbolic links; remove them")


def _first_link(path: str) -> str | None:
    current = "/"
    for part in path.strip("/").split("/"):
        current = os.path.join(current, part)
        try:
            if S_ISLNK(os.lstat(current).st_mode):
                return current
        except (FileNotFoundError, NotADirectoryError):
            return None
    return None
