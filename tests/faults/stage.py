# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stage: a process that has everything imported and forks one actor, in a session of its own, for each run of a module.

It reads one JSON object a line: {"start": {module, args, out, check, count, kill_at, kill_at_hot, pause_at, stand, user,
temporary}} answers {"pid"}; {"wait": pid} answers {"status"}. An actor writes the module's result to ``out``. With ``count`` it also
writes which lines of ours it went through to ``out``.lines; with ``kill_at`` it kills its whole session with SIGKILL just
before it runs that line, so a number is a moment that can be had again (nearly so where threads write); ``kill_at_hot``
is the same for a count of the lines that write only; with ``pause_at`` it stops there until somebody sends SIGCONT, with
``stand`` before its first line of all. ``check`` asks for check mode. As a command ("stage.py FILE") it is the actor of the
one order in that file, for strace.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from module_runner import MODULES, module_arguments, run_module

ACTORS = (
    "ca",
    "ca_rollover",
    "certificate_command",
    "certificate_exchange",
    "certificate_info",
    "certificate_install",
    "certificate_request",
    "certificate_revoke",
    "certificate_sign",
    "connection_check",
    "login_role",
    "pg_cluster_info",
    "pg_conf",
    "pg_conf_info",
    "pg_hba",
    "pg_hba_info",
    "pg_hosts",
    "pg_ident",
    "pg_ident_info",
    "pg_reload",
    "pg_server",
    "pg_service",
    "trust_anchor",
)
PLUGINS = os.sep + os.path.join("postgresql", "plugins") + os.sep
STOPS = ("kill_at", "kill_at_hot", "pause_at")
UNSTEADY = os.path.join("server", "running_servers.py")
WRITING = {
    "files/writer.py": {"_carry_out", "_is_done", "_staged", "carry_out", "stage", "write_files"},
    "files/directory.py": {
        "_identify",
        "_make_new",
        "discard",
        "make",
        "move",
        "place",
        "put",
        "remove",
        "settle",
        "stage",
        "stage_link",
    },
    "files/pending_validation.py": {"_undo", "until_judged"},
    "certificates/signing_command.py": {"_run", "sign"},
    "applying/server_transaction.py": {"undo_killed_run", "whole_or_undone"},
    "transaction/journal.py": {"write_journal"},
    "transaction/restore_files.py": {"_carry_out", "_place", "_stage"},
    "transaction/snapshot.py": {"_forget", "_link", "_make", "_put", "_remember", "begin", "close"},
}


class LineCounter:
    """Counts the lines of our own code as they run; the hot ones are those of the functions that write.

    Not counted is the look at all processes of this machine, whose number is never the same twice.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.kill_at, self.kill_at_hot, self.pause_at = map(order.get, STOPS)
        self.lines = self.looks = 0
        self.hot: list[int] = []

    def call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        name = frame.f_code.co_filename
        if PLUGINS not in name:
            return None
        if name.endswith(UNSTEADY):
            self.looks += 1
            frame.f_trace_lines = False
            return self.end_of_look
        if self.looks:
            return None
        hot = frame.f_code.co_name in WRITING.get(name.partition("/module_utils/_host/")[2], ())
        return self.hot_line if hot else self.line

    def end_of_look(self, _frame: FrameType, event: str, _arg: Any) -> Any:
        self.looks -= event == "return"
        return self.end_of_look

    def line(self, _frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.kill_at is not None and self.lines >= self.kill_at:  # another thread may have counted on
                os.killpg(0, signal.SIGKILL)
            if self.lines == self.pause_at:
                os.kill(os.getpid(), signal.SIGSTOP)
        return self.line

    def hot_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.hot.append(self.lines + 1)
            if self.kill_at_hot is not None and len(self.hot) >= self.kill_at_hot:
                os.killpg(0, signal.SIGKILL)
        self.line(frame, event, arg)
        return self.hot_line


def act(order: dict[str, Any]) -> None:
    """Run a module as the process that it is; never returns."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.umask(0)  # the worst case: nothing but the code itself keeps files private
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    if "user" in order:
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    tempfile.tempdir = order.get("temporary")
    counter = LineCounter(order)
    code = 1
    try:
        how = {"_ansible_check_mode": order.get("check", False), "_ansible_no_log": False}
        with module_arguments({**order["args"], **how}):
            module = importlib.import_module(f"{MODULES}.{order['module']}")
            if order.get("stand"):
                os.kill(os.getpid(), signal.SIGSTOP)
            if {"count", *STOPS} & set(order):
                threading.settrace(counter.call)
                sys.settrace(counter.call)
            with contextlib.suppress(SystemExit):
                module.main()
            sys.settrace(None)
        code = 0
    except BaseException:
        sys.settrace(None)
        traceback.print_exc()
    sys.stdout.flush()
    if order.get("count"):
        Path(order["out"] + ".lines").write_text(json.dumps({"lines": counter.lines, "hot": counter.hot}))
    os._exit(code)


def import_everything() -> None:
    """Import what an actor may import while it runs: one that is no root may not be able to read it."""
    for name in (*(f"{MODULES}.{actor}" for actor in ACTORS), "ansible.module_utils.testing", "psycopg"):
        with contextlib.suppress(ImportError):  # its own scenes will tell
            importlib.import_module(name)
    place, package = Path(__file__).resolve().parents[2] / "plugins", MODULES.rpartition(".")[0]
    for path in sorted((place / "module_utils").rglob("*.py")):
        importlib.import_module(".".join((package, *path.relative_to(place).with_suffix("").parts)))
    for path in ("/", "/nonexistent"):  # what ansible-core itself imports on the way from the options to a result
        run_module("certificate_info", {"path": path})


def main() -> None:
    if len(sys.argv) == 2:
        act(json.loads(Path(sys.argv[1]).read_text()))
    import_everything()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                act(order["start"])
            answer = {"pid": pid}
        else:
            answer = {"status": os.waitpid(order["wait"], 0)[1]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
