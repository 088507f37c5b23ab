# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a hostile user puts at any path that root touches in directories of his: nothing of root is read, changed or given.

The paths are those of honest runs, as strace saw them.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from every_path import try_kind
from hostile_users import NOBODY, PYTHON
from planted_kinds import KINDS
from worlds import POSTGRES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
# The title of each world, the least paths that are known to be touched in it, and at how many of them each kind is tried.
WORLDS = {
    "home, empty": (10, 3),
    "home, signed": (10, 4),
    "home, complete": (10, 6),
    "home, rekeyed": (10, 4),
    "exchange, empty": (5, 3),
    "exchange, answered": (5, 3),
    "cluster, stopped": (15, 8),
    "cluster, killed": (10, 3),
    "shared, sockets": (1, 1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("title", WORLDS)
def test_nothing_of_root_is_touched(stage, treasury, explored, title, kind, record_property):
    floor, few = WORLDS[title]
    world = explored(title)
    assert len(world.touched) >= floor, f"few paths were seen: {sorted(world.touched)}"
    tries = try_kind(stage, treasury, world, kind, few)
    record_property("tries", {"world": title, "kind": kind, "tries": tries.count, "paths": sorted(tries.paths)})
    assert not tries.problems, "\n".join(tries.problems)


@pytest.mark.parametrize("title", [*WORLDS, "command, signing"])
def test_nobody_can_foretell_a_name_in_a_directory_of_everybody(explored, title):
    """So there is nothing that an unrelated user could put in the way."""
    world = explored(title)
    assert world.outside and world.foreseen() == []
    assert world.repeated == set(), "a name that was made before looks only as if it was made by chance"


@pytest.mark.parametrize(
    ("uid", "titles"), [(NOBODY, ("role", "server")), (POSTGRES, ("role",))], ids=["another", "own"]
)
def test_whoever_is_silent_at_a_socket_keeps_nobody_waiting(stage, explored, uid, titles):
    """Another user, or the account of the server, listens in the place of a server that is stopped, and never answers."""
    world = explored("shared, sockets")
    (path,) = (path for path in world.touched if "/.s.PGSQL." in path)
    script = (
        "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(50); "
        "print('ready', flush=True); time.sleep(600)"
    )
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", PYTHON, "-c", script, path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listener:
        try:
            assert listener.stdout is not None and listener.stdout.readline() == "ready\n"
            for call in (call for call in world.calls if call.title in titles):
                run, _left = stage.run_within(40, call.module, call.args)
                assert not run.killed, f"{call.title} waits for an answer"
                assert run.result["failed"], run.result
        finally:
            listener.kill()
            os.unlink(path)
