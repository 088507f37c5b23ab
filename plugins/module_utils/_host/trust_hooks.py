# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hooks of update-ca-certificates(8), which fill stores such as Java's: what it does not tell them itself."""

from __future__ import annotations

import os
import re
import subprocess

from .errors import ModuleError

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # run-parts(8) takes no others
_SECONDS = 120


def tell_removal(hooks: str, link: str) -> None:
    """Tell the hooks that an anchor is gone, by the name of its link in the directory of certificates.

    The tool tells them what it adds, and what is excluded in its configuration, but not which of the administrator's own
    anchors have gone.

    :raises ModuleError: when a hook fails.
    """
    for name in sorted(os.listdir(hooks)) if os.path.isdir(hooks) else []:
        hook = os.path.join(hooks, name)
        if not _NAME.fullmatch(name) or not os.access(hook, os.X_OK):
            continue
        try:
            # run_command of Ansible has no time limit
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                [hook],
                input=f"-{link}\n",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ModuleError(f"{hook} did not finish within {_SECONDS} seconds; see why, and run again") from error
        if done.returncode != 0:
            words = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
            raise ModuleError(f"{hook} failed: {words}; fix that and run again")


def is_behind(bundle: str, anchors: str) -> bool:
    """Whether anchors came or went since the bundle was made, as after a run that was killed before it could refresh it."""
    try:
        return os.stat(anchors).st_mtime_ns > os.stat(bundle).st_mtime_ns
    except FileNotFoundError:
        return False
