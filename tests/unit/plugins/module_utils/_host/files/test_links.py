# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a path leads while somebody exchanges what stands there."""

from __future__ import annotations

import os

from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files.links import find_place


def test_a_link_that_becomes_a_file_after_the_look_is_looked_at_again(tmp_path, monkeypatch):
    path = tmp_path / "tls.crt"
    path.symlink_to("elsewhere")
    real = os.readlink

    def exchanged(link):
        path.unlink()
        path.write_text("a file")
        return real(link)

    monkeypatch.setattr(os, "readlink", exchanged)
    assert find_place(str(path)).target == str(path)
