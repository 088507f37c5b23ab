# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running modules as processes of their own, killing them, and watching what they write meanwhile."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# What a run changes the disk by; a file that is made comes to be between two of these.
WRITING_CALLS = (
    "write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat,setxattr,lsetxattr,fsetxattr"
)


@dataclass
class Run:
    """How one run of a module ended: killed, or with a result (or with other output, which is a traceback)."""

    killed: bool
    text: str
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        start = self.text.find("{")
        if self.killed or start < 0 or "Traceback (most recent call last)" in self.text:
            raise AssertionError(f"the module gave no result: {self.text[-2000:]!r}")
        result: dict[str, Any] = json.loads(self.text[start:])
        result.setdefault("failed", False)
        return result


class Stage:
    """The stage of stage.py, started with ``prefix`` (such as unshare) before its command."""

    def __init__(self, *prefix: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="pgtls-stage-")
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(HERE / "stage.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.number = 0
        self.playing: set[int] = set()
        os.chmod(self.folder.name, 0o1777)  # actors that are no root write their results there too
        self._answer()

    def seen(self, path: str | Path) -> str:
        """A path as the stage sees it, which may be in a mount namespace of its own."""
        return f"/proc/{self.process.pid}/root{path}"

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the stage ended; its own words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def start(self, module: str, args: dict[str, Any], **how: Any) -> tuple[int, str]:
        self.number += 1
        out = os.path.join(self.folder.name, str(self.number))
        pid = int(self._ask({"start": {"module": module, "args": args, "out": out, **how}})["pid"])
        self.playing.add(pid)
        return pid, out

    def end(self, pid: int, out: str, begin: float) -> Run:
        status = self._ask({"wait": pid})["status"]
        self.playing.discard(pid)
        seconds = time.monotonic() - begin
        text = Path(out).read_text(encoding="utf-8", errors="replace") if os.path.exists(out) else ""
        return Run(os.WIFSIGNALED(status), text, seconds)

    def run(self, module: str, args: dict[str, Any], **how: Any) -> Run:
        begin = time.monotonic()
        pid, out = self.start(module, args, **how)
        return self.end(pid, out, begin)

    def run_within(self, seconds: float, module: str, args: dict[str, Any], **how: Any) -> tuple[Run, list[str]]:
        """Run it, and kill it when it takes longer; names the processes that it left behind, which are killed as well."""
        begin = time.monotonic()
        pid, out = self.start(module, args, **how)
        timer = threading.Timer(seconds, _kill, [pid])
        timer.start()
        run = self.end(pid, out, begin)
        timer.cancel()
        left = _session(pid)
        _kill(pid)
        return run, left

    def run_and_kill(self, module: str, args: dict[str, Any], after_seconds: float, **how: Any) -> Run:
        """Start it, wait, and kill its whole session. It may have ended by then."""
        begin = time.monotonic()
        pid, out = self.start(module, args, **how)
        time.sleep(after_seconds)
        _kill(pid)
        return self.end(pid, out, begin)

    def name_calls(self, module: str, args: dict[str, Any]) -> tuple[Run, list[str]]:
        """Run it to its end and name its system calls that write, in order."""
        run, log = self._traced(module, args, [])
        return run, re.findall(r"^(\w+)\(", log, re.MULTILINE)

    def run_and_kill_at_call(self, module: str, args: dict[str, Any], name: str, number: int) -> Run:
        """Kill it when it enters a system call for the nth time."""
        return self._traced(module, args, ["-e", f"inject={name}:signal=SIGKILL:when={number}"])[0]

    def _traced(self, module: str, args: dict[str, Any], options: list[str]) -> tuple[Run, str]:
        self.number += 1
        order, log, out = (os.path.join(self.folder.name, f"{self.number}{end}") for end in (".order", ".calls", ""))
        Path(order).write_text(json.dumps({"module": module, "args": args, "out": out}))
        command = ["strace", "-o", log, "-e", f"trace={WRITING_CALLS}", *options]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        begin = time.monotonic()
        done = subprocess.run([*command, sys.executable, str(HERE / "stage.py"), order], check=False, env=environment)
        text = Path(out).read_text(encoding="utf-8", errors="replace") if os.path.exists(out) else ""
        return Run(done.returncode == -signal.SIGKILL, text, time.monotonic() - begin), Path(log).read_text()

    def start_and_pause(self, module: str, args: dict[str, Any], line: int) -> tuple[int, str]:
        """Start it and return when it stands still before a line (or has ended without coming there)."""
        return self._until_it_stands(*self.start(module, args, pause_at=line))

    def start_standing(self, module: str, args: dict[str, Any]) -> tuple[int, str]:
        """Start it and return when it stands still before its first line."""
        return self._until_it_stands(*self.start(module, args, stand=True))

    def _until_it_stands(self, pid: int, out: str) -> tuple[int, str]:
        while _state(pid) not in "TZ":
            time.sleep(0.002)
        return pid, out

    def go_on(self, pid: int, out: str) -> Run:
        os.kill(pid, signal.SIGCONT)
        return self.end(pid, out, time.monotonic())

    def measure(self, module: str, args: dict[str, Any], **how: Any) -> tuple[Run, Course]:
        """Run it to its end and learn its course: seconds undisturbed come from a second caller, lines from here."""
        run = self.run(module, args, count=True, **how)
        lines = json.loads(Path(self.folder.name, f"{self.number}.lines").read_text())
        return run, Course(run.seconds, lines["lines"], lines["hot"])

    def close(self) -> None:
        assert self.process.stdin is not None
        for pid in self.playing:  # a test failed while they stood still
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.stdin.close()
        self.process.wait(20)
        self.folder.cleanup()


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # it may not be a session yet
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _session(leader: int) -> list[str]:
    """The processes of a session, with their commands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended by now
            text = path.read_text()
            if text.rpartition(")")[2].split()[3] == str(leader):
                found.append(text.partition(")")[0])
    return found


def _state(pid: int) -> str:
    """The state of a process, as ps(1) names it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@dataclass
class Course:
    """The course of an undisturbed run: its seconds, the number of our lines, and which of them write."""

    seconds: float
    lines: int
    hot: list[int]


@dataclass(frozen=True)
class Moment:
    """When to kill: before a line of ours (as the stage counts them), before one of those that write, or after a time.

    call: before a system call that writes, its name and how many of that name the module's own thread made by then.
    """

    seconds: float | None = None
    line: int | None = None
    hot: int | None = None
    call: tuple[str, int] | None = None

    def __str__(self) -> str:
        if self.call is not None:
            return "before {}() number {}".format(*self.call)
        if self.seconds is not None:
            return f"after {self.seconds:.4f} s"
        return f"before line {self.line}" if self.line is not None else f"before line {self.hot} of those that write"

    @property
    def stop(self) -> dict[str, int]:
        """The same for the stage."""
        if self.line is not None:
            return {"kill_at": self.line}
        return {} if self.hot is None else {"kill_at_hot": self.hot}


def choose_moment(course: Course, chance: random.Random) -> Moment:
    """Half of the moments are among the lines that write, a quarter among all lines, a quarter by the clock."""
    kind = chance.random()
    if kind < 0.5 and course.hot:
        return Moment(hot=chance.randint(1, len(course.hot)))
    if kind < 0.75 and course.lines:
        return Moment(line=chance.randint(1, course.lines))
    return Moment(seconds=chance.uniform(0, course.seconds * 1.05))


IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_ISDIR = 0x2, 0x4, 0x8, 0x80, 0x100, 1 << 30


def is_secret(content: bytes) -> bool:
    """Whether a file holds a private key: as PEM, or in DER, which begins with a sequence (PKCS#8, PKCS#12)."""
    return b"PRIVATE KEY" in content or content.startswith(b"\x30")


@dataclass
class Watch:
    """Looks at every file of some folders whenever inotify tells of it, for private keys that others could open."""

    folders: list[str]
    too_wide: list[str] = field(default_factory=list)
    keys_seen: int = 0

    def __enter__(self) -> Watch:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names: dict[int, str] = {}
        for path in self.folders:
            self._add(path)
        if self.handle < 0 or min(self.names, default=0) < 0:
            raise OSError(ctypes.get_errno(), "inotify does not watch")
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        self.thread.join()
        os.close(self.handle)

    def _add(self, path: str) -> None:
        mask = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE
        self.names[self.libc.inotify_add_watch(self.handle, os.fsencode(path), mask)] = path

    def _follow(self) -> None:
        while not self.stop.is_set():
            if select.select([self.handle], [], [], 0.005)[0]:
                self._take(os.read(self.handle, 65536))

    def _take(self, events: bytes) -> None:
        position = 0
        while position < len(events):
            number, mask, _cookie, length = struct.unpack_from("iIII", events, position)
            name = events[position + 16 : position + 16 + length].rstrip(b"\0")
            position += 16 + length
            path = os.path.join(self.names.get(number, ""), os.fsdecode(name))
            if mask & IN_ISDIR and mask & IN_CREATE:
                self._add(path)
            elif name:
                self._look(path)

    def _look(self, path: str) -> None:
        try:
            with open(path, "rb") as stream:
                mode, content = os.fstat(stream.fileno()).st_mode & 0o7777, stream.read()
        except OSError:
            return
        if is_secret(content):
            self.keys_seen += 1
            if mode & 0o177:
                self.too_wide.append(f"{path} had mode {mode:04o}")
